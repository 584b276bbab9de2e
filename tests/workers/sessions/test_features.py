"""What a session learns from, and what it says about the rest."""

import pytest

from oddline.errors import DataError
from oddline_workers.datasets.metadata import Column
from oddline_workers.sessions.features import choose, ignored_target

SCORE = {"anomaly": {"dataType": "numeric", "role": "target"}}


def column(data_type="numericMeasure", role="feature", imputation="mean"):
    words = {"dataType": data_type, "role": role, "imputation": imputation}
    return {name: word for name, word in words.items() if word}


def test_features_are_numbers_or_categories_and_others_are_shown_or_not():
    features = choose(
        {
            "id": column("string", "key", "mode"),
            "a": column("numeric", imputation="zeroes"),
            "b": column(),
            "c": column("logical", imputation="mode"),
            "d": column("string", imputation=""),
            "when": column("date", "timestamp", ""),
            "not": column(role="none"),
            "was": column(role="target"),
            "e": column(role=""),
            **SCORE,
        }
    )
    assert features.kinds == {"a": "number", "b": "number", "c": "number", "d": "category", "e": "number"}
    assert features.imputation == {"a": "zeroes", "b": "mean", "c": "mode", "e": "mean"}
    assert features.logical == {"c"}
    assert features.shown == ("id", "a", "b", "c", "d", "when", "e")
    assert features.messages == []


def test_texts_and_dates_are_shown_but_left_out_with_a_warning():
    words = {f"word {n}": column("text", imputation="") for n in range(7)}
    features = choose({**words, "x": column(), **SCORE})
    assert features.kinds == {"x": "number"}
    assert features.shown == (*words, "x")
    [told] = features.messages
    assert told["severity"] == "warning"
    assert "'word 0', 'word 1', 'word 2', 'word 3', 'word 4' and 2 more" in told["message"]


def test_columns_named_as_those_of_the_result_are_left_out():
    features = choose({"x": column(), "Mahalanobis_Distance": column(), **SCORE})
    assert features.shown == ("x",)
    assert "'Mahalanobis_Distance'" in features.messages[0]["message"]


def test_without_a_feature_there_is_nothing_to_learn_from():
    with pytest.raises(DataError, match="None of the 2 columns") as refused:
        choose({"a": column("text"), "id": column("string", "key"), **SCORE})
    assert refused.value.code == "no_features"
    with pytest.raises(DataError, match=r"To learn from .v., send"):
        choose({"t": column("date", "timestamp"), "v": column("numericMeasure", "none"), **SCORE})


@pytest.mark.parametrize(
    ("overrides", "asked", "named"),
    [
        ({}, "", "'Label'"),
        ({}, "label", "'Label'"),
        ({}, "other", "'other', 'Label'"),
        ({"LABEL": Column(role="none")}, "", ""),
        ({"LABEL": Column(role="none"), "x": Column(role="target")}, "", "'x'"),
        ({"LABEL": Column(data_type="numeric")}, "", "'Label'"),
        ({"LABEL": Column(role="none")}, "Anomaly", ""),
        ({"LABEL": Column(role="none"), "anomaly": Column(role="target")}, "", ""),
    ],
)
def test_a_target_is_ignored_with_a_warning(overrides, asked, named):
    columns = {"x": Column("numeric"), "Label": Column("numeric", "target")}
    told = ignored_target(columns, overrides, asked)
    if named:
        assert told == [{"severity": "warning", "message": told[0]["message"]}]
        assert f"no target: {named} is ignored" in told[0]["message"]
    else:
        assert told == []
