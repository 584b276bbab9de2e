"""The catalogue judges values, however they arrived, and says what would be right."""

import doctest
from dataclasses import fields

import pytest

import oddline.catalog as catalog
from oddline.catalog import ALGORITHMS, PARAMETERS, Spec, check
from oddline.errors import ParameterError


def test_the_examples_hold():
    assert doctest.testmod(catalog.checking).failed == doctest.testmod(catalog.costs).failed == 0


def test_a_spec_has_each_parameter_with_its_default():
    assert {f.name: f.default for f in fields(Spec)} == {p.name: p.default for p in PARAMETERS.values()}


def test_text_and_case_do_not_matter():
    spec = check({"algorithm_type": "deepad", "recent_data": " 7 ", "labeling_threshold": "2.5"})
    assert (spec.algorithm_type, spec.recent_data, spec.labeling_threshold) == ("DeepAD", 7, 2.5)
    assert check({"lookback_window": "AUTO"}).lookback_window == "auto"
    assert check({"time_column": None}) == check({})


def test_an_estimator_alone_names_its_algorithm():
    for algorithm in ALGORITHMS:
        for estimator in algorithm.estimators:
            if estimator.name != "Default":
                assert check({"anomaly_estimator": estimator.name}).algorithm_type == algorithm.name


def test_an_estimator_of_another_algorithm_is_told_its_home():
    with pytest.raises(ParameterError, match="belongs to WindowAD; DeepAD takes Default alone"):
        check({"algorithm_type": "DeepAD", "anomaly_estimator": "IsolationForest"})


def test_every_wrong_parameter_is_named_at_once():
    with pytest.raises(ParameterError) as told:
        check({"algorithm_type": "WindwAD", "recent_data": "0", "colour": "red", "random_state": 2**40})
    assert set(told.value.problems) == {"algorithm_type", "recent_data", "colour", "random_state"}
    assert "Did you mean 'WindowAD'?" in told.value.message
    assert "from 1 to 2,000,000" in told.value.message
    assert "4,294,967,295" in told.value.message
    assert ".;" not in told.value.message


@pytest.mark.parametrize(
    "wrong",
    [
        {"recent_data": 1.5},
        {"recent_data": True},
        {"labeling_threshold": "nan"},
        {"labeling_threshold": -1},
        {"target_columns": "a"},
        {"target_columns": ["a", "a"]},
        {"target_columns": []},
        {"time_column": ""},
        {"lookback_window": "many"},
        {"prediction_type": 3},
    ],
)
def test_what_is_out_of_its_range_is_refused(wrong):
    with pytest.raises(ParameterError) as told:
        check(wrong)
    assert list(told.value.problems) == list(wrong)


def test_short_names_are_understood_and_twice_is_refused():
    spec = check({"target": ["load"], "time": "at", "algorithm": "predad", "seed": 4})
    assert (spec.target_columns, spec.time_column) == (("load",), "at")
    assert (spec.algorithm_type, spec.random_state) == ("PredAD", 4)
    with pytest.raises(ParameterError, match="given twice, as time_column and as time"):
        check({"time": "at", "time_column": "when"})


@pytest.mark.parametrize(("written", "meant"), [("TRUE", True), ("0", False), (True, True), ("no", False)])
def test_a_flag_is_read_from_words(written, meant):
    assert check({"causal": written}).causal is meant
    with pytest.raises(ParameterError, match="true or false"):
        check({"causal": "perhaps"})
