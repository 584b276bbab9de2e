"""Types: found in the values, kept to, and said where the values are not of them."""

import json

import pytest

from oddline_workers.datasets.arrays import decode, floats
from oddline_workers.datasets.columnar import fetch
from oddline_workers.datasets.metadata import ColumnsError
from workers.trials import OWNER


def shown(dataset, name):
    column = dataset.columns[name].to_json()
    return " ".join([column["dataType"], column.get("imputation", "none"), column["role"]])


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([1, 2.5, None], "numericMeasure mean feature"),
        (["1", " 2.5 ", "NA", "-3e4"], "numericMeasure mean feature"),
        ([0, 1, 1], "numeric mode feature"),
        (["0", "1", ""], "numeric mode feature"),
        ([0, 0, 0], "numericMeasure mean feature"),
        ([True, False, None], "logical mode feature"),
        (["TRUE", "false"], "logical mode feature"),
        (["red", "1"], "string mode feature"),
        (["2018-01-01", "2018-01-01"], "date none feature"),
        (["2018-01-01", None], "date none feature"),
        (["2018-01-01", "2018-02-30"], "string mode feature"),
        (["1_000", "2"], "string mode feature"),
        (["१", "२"], "string mode feature"),
        ([None, ""], "string mode feature"),
        ([20180101, 20180102], "numericMeasure mean feature"),
    ],
)
def test_types_are_found(shelf, values, wanted):
    dataset = shelf.put([{"x": value, "y": "z"} for value in values])
    assert shown(dataset, "x") == wanted
    assert shown(shelf.put({"columns": {"x": {}}}), "x") == wanted


def test_a_date_column_of_unique_values_is_the_timestamp(shelf):
    dataset = shelf.put("timestamp,observed\n2008-08-31,27.70\n2008-08-30,34.5\n")
    assert shown(dataset, "timestamp") == "date none timestamp"
    assert shown(dataset, "observed") == "numericMeasure mean target"
    assert shelf.rows() == [
        {"timestamp": "2008-08-30T00:00:00.0000000+00:00", "observed": "34.5"},
        {"timestamp": "2008-08-31T00:00:00.0000000+00:00", "observed": "27.7"},
    ]


def test_a_timestamp_may_be_named_beside_csv(shelf):
    dataset = shelf.put("a,b,c\n2018-01-01,2018-01-05,1\n2018-01-01,2018-01-04,2\n", timestamp_column="B")
    assert dataset.timestamp_column == "b"
    assert shelf.column("c") == ["2", "1"]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2018-04-11T20:18:05.1234567+03:00", "2018-04-11T17:18:05.1234567+00:00"),
        ("2018-04-11 20:18", "2018-04-11T20:18:00.0000000+00:00"),
        ("11 Apr 2018", "2018-04-11T00:00:00.0000000+00:00"),
        (1523477885, "2018-04-11T20:18:05.0000000+00:00"),
        (1523477885000, "2018-04-11T20:18:05.0000000+00:00"),
        ("20180411", "2018-04-11T00:00:00.0000000+00:00"),
    ],
)
def test_times_are_kept_in_one_form(shelf, written, kept):
    shelf.put({"columns": {"t": {"role": "timestamp"}}, "data": [{"t": written}]})
    assert shelf.rows() == [{"t": kept}]


def test_texts_stay_as_they_were_written(shelf):
    shelf.put(
        {"columns": {"zip": {"dataType": "string"}}, "data": [{"zip": "007"}, {"zip": 5.50}, {"zip": True}]}
    )
    shelf.put("zip\n01.50\n")
    assert shelf.column("zip") == ["007", "5.5", "true", "01.50"]


def test_numbers_are_written_in_one_way(shelf):
    shelf.put("x,y\n+1.50,1e2\n.5,-0\n1.,0.1234567890123456789\n 7 ,nan\n")
    assert shelf.column("x") == ["1.5", "0.5", "1", "7"]
    assert shelf.column("y") == ["100", "0", "0.123456789012346", None]


def test_pieces_of_numbers_are_numbers(shelf):
    dataset = shelf.put([{"x": 1.5, "k": 12345678901234567890}, {"x": None, "k": 2}])
    pieces = fetch(shelf.client, shelf.settings.key_prefix, dataset.table.segments[0], ["x", "k"])
    assert decode(pieces[0]) == (["1.5", None], True)
    assert decode(pieces[1]) == (["12345678901234567890", "2"], True)
    assert floats(pieces[0])[0] == 1.5


def test_digits_of_other_scripts_are_no_numbers(shelf):
    dataset = shelf.put({"columns": {"x": {"dataType": "numeric"}}, "data": [{"x": 1}, {"x": "٣"}, {"x": 2}]})
    [piece] = fetch(shelf.client, shelf.settings.key_prefix, dataset.table.segments[0], ["x"])
    assert decode(piece) == (["1", "٣", "2"], False)
    assert floats(piece).tolist()[::2] == [1, 2]


def test_missing_values_are_missing_from_then_on(shelf):
    shelf.put(
        {
            "missingValues": ["?", -999],
            "data": [{"x": "?", "y": -999.0, "z": "-999"}, {"x": 1, "y": 2, "z": "b"}],
        }
    )
    dataset = shelf.put("x,y,z\n?,-999,ok\n-999.0,3,?\n")
    assert dataset.missing_values == ("?", "-999")
    assert shelf.rows() == [{}, {"x": "1", "y": "2", "z": "b"}, {"z": "ok"}, {"x": "-999", "y": "3"}]
    assert shown(dataset, "x") == "numericMeasure mean feature"


def test_later_values_that_do_not_fit_are_kept_and_said(shelf):
    shelf.put([{"x": 1.5}, {"x": 2.5}])
    assert shelf.messages == []
    dataset = shelf.put([{"x": "broken"}, {"x": 3}])
    assert shelf.column("x") == ["1.5", "2.5", "broken", "3"]
    assert shown(dataset, "x") == "numericMeasure mean feature"
    assert shelf.messages == [
        {
            "severity": "warning",
            "message": "Column 'x' is numericMeasure, and 1 of its values are not: they count as missing.",
        }
    ]


@pytest.mark.parametrize("kind", ["numeric", "numericMeasure", "logical", "date"])
def test_a_type_that_most_values_are_not_of_is_refused(shelf, kind):
    body = {"columns": {"X": {"dataType": kind}}, "data": [{"x": "red"}, {"x": "blue"}, {"x": "1"}]}
    with pytest.raises(ColumnsError) as met:
        shelf.put(body)
    assert met.value.code == "invalid_columns"
    assert "values are not " + kind in met.value.where["columns"]["x"][0]
    assert shelf.datasets.find(OWNER, "hearts") is None
    assert shelf.segments() == set()


def test_a_type_that_most_values_are_of_is_taken(shelf):
    shelf.put({"columns": {"x": {"dataType": 1}}, "data": [{"x": 1}, {"x": "oops"}, {"x": 3}]})
    assert shelf.column("x") == ["1", "oops", "3"]
    assert len(shelf.messages) == 1


def test_two_keys_at_once_or_a_later_one_are_refused(shelf):
    for columns in (
        {"a": {"role": "key"}, "b": {"role": "key"}},
        {"a": {"role": "timestamp"}, "b": {"role": "timestamp"}},
    ):
        with pytest.raises(ColumnsError):
            shelf.put({"columns": columns, "data": [{"a": "2018-01-01", "b": "2018-01-01"}]})
    shelf.put([{"a": 1, "b": 2}])
    with pytest.raises(ColumnsError, match="only be given while the dataset has no rows"):
        shelf.put({"columns": {"a": {"role": "key"}}, "data": [{"a": 2, "b": 3}]})
    assert len(shelf.rows()) == 1


def test_the_quick_start_s_columns(shelf):
    columns = {"X.1": {"dataType": "numericMeasure"}, "target": {"role": "none"}, "key": {"role": "key"}}
    rows = [{"X.1": 0.00491231466176838, "target": n % 2, "key": n} for n in range(1, 5)]
    dataset = shelf.put(json.dumps({"columns": columns, "data": rows}).encode(), kind="json")
    assert {name: shown(dataset, name) for name in dataset.columns} == {
        "X.1": "numericMeasure mean feature",
        "target": "numeric mode none",
        "key": "numeric zeroes key",
    }
    assert shelf.rows()[0] == {"X.1": "0.00491231466176838", "target": "1", "key": "1"}


def test_metadata_beside_the_body_counts_more(shelf):
    body = {"columns": {"a": {"dataType": "string"}, "b": {"role": "none"}}, "data": [{"a": 1, "b": 2}]}
    dataset = shelf.put(body, columns={"A": {"dataType": "numeric"}})
    assert shown(dataset, "a") == "numeric zeroes feature"
    assert shown(dataset, "b") == "numericMeasure mean none"
