"""Column metadata: read in every way that clients write it, merged, and given where nothing was said."""

import json
import re

import pytest

from oddline_workers.datasets.metadata import (
    Column,
    ColumnsError,
    Found,
    merge,
    read_columns,
    read_data_type,
    session_columns,
)

NUMBER = Found("numericMeasure", numbers=True)
BIT = Found("logical", numbers=True)
DATE = Found("date", unique=True)
TEXT = Found("string")


def answered(columns):
    return {name: column.to_json() for name, column in columns.items()}


def told(**words):
    return Column(**words)


def test_any_case_numbers_nulls_and_unknown_fields():
    read = read_columns(
        {
            "a": {"DataType": "NUMERICMEASURE", "ROLE": "Feature", "imputation": 0, "Aggregation": 5},
            "b": {"dataType": 2, "role": None, "weight": 7},
            "c": {"dataType": -1, "imputation": "Mode"},
            "d": None,
        }
    )
    assert read == {
        "a": Column("numericMeasure", "feature", "zeroes", "max"),
        "b": Column("logical"),
        "c": Column("numericMeasure", imputation="mode"),
        "d": Column(),
    }
    assert read_columns(None) == {}


@pytest.mark.parametrize(
    ("number", "word"),
    [(-1, "numericMeasure"), (0, "string"), (1, "numeric"), (2, "logical"), (3, "date"), (4, "text")],
)
def test_data_types_of_clients_that_send_numbers(number, word):
    assert read_data_type(number) == word
    assert read_data_type(word.upper()) == word


@pytest.mark.parametrize(
    ("sent", "column", "reason"),
    [
        ({"a": {"dataType": "floaty"}}, "a", "dataType is 'floaty'; expected one of string, numeric"),
        ({"a": {"dataType": 5}}, "a", "dataType is 5"),
        ({"a": {"dataType": True}}, "a", "dataType is True"),
        ({"a": {"imputation": 4}}, "a", "imputation is 4"),
        ({"a": {"aggregation": "zeroes"}}, "a", "aggregation is 'zeroes'"),
        ({"a": {"role": {"x": []}}}, "a", "role is {'x': \\[\\]}"),
        ({"a": "numeric"}, "a", "Expected an object"),
        ({"a": {}, "A ": {}}, "A", "also as 'a'"),
        ({" ": {}}, "", "needs a name"),
        ({"\ud800": {}}, "?", "half a character"),
        ({"a\0": {}}, "a\0", "zero byte"),
        ({"x" * 1001: {}}, "x" * 60, "1,001 characters"),
        ({"a": {"role": "key"}, "b": {"role": "key"}}, "b", "Only one column can be the key; 'a' is too"),
        ({"a": {"role": "timestamp"}, "b": {"role": "timestamp"}}, "a", "'b' is too"),
        ({"a": {"role": "timestamp"}, "b": {"role": "key"}}, "b", "'a' is the timestamp"),
        ([], "columns", "Expected an object of column names"),
        ("a", "columns", "Expected an object of column names"),
    ],
)
def test_what_cannot_be_is_said_by_column(sent, column, reason):
    with pytest.raises(ColumnsError) as met:
        read_columns(sent)
    assert (met.value.code, met.value.status) == ("invalid_columns", 400)
    assert re.search(reason, met.value.where["columns"][column][0]), met.value.where
    json.dumps(met.value.to_dict(), ensure_ascii=False).encode()


def test_columns_may_be_called_as_parts_of_an_error_are():
    sent = {name: {"dataType": "x"} for name in ("code", "error", "message", "status", "self")}
    with pytest.raises(ColumnsError) as met:
        read_columns(sent)
    assert met.value.where["columns"].keys() == sent.keys()
    assert met.value.to_dict()["code"] == "invalid_columns"


@pytest.mark.parametrize(
    ("found", "roles"),
    [
        ({"t": DATE, "x": NUMBER}, {"t": "timestamp", "x": "target"}),
        ({"t": DATE, "x": NUMBER, "s": TEXT}, {"t": "timestamp", "x": "target", "s": "feature"}),
        ({"t": DATE, "x": NUMBER, "y": NUMBER}, {"t": "timestamp", "x": "feature", "y": "feature"}),
        ({"t": DATE, "u": DATE, "x": NUMBER}, {"t": "feature", "u": "feature", "x": "feature"}),
        ({"t": Found("date"), "x": NUMBER}, {"t": "feature", "x": "feature"}),
        ({"x": NUMBER, "s": TEXT}, {"x": "feature", "s": "feature"}),
    ],
)
def test_roles_are_found(found, roles):
    merged = merge({}, {}, found, has_rows=False)
    assert {name: column.role for name, column in merged.items()} == roles


def test_types_and_strategies_are_found():
    found = {"x": NUMBER, "b": BIT, "l": Found("logical"), "s": TEXT, "t": Found("date"), "n": Found("")}
    assert answered(merge({}, {}, found, has_rows=False)) == {
        "x": {"dataType": "numericMeasure", "role": "feature", "imputation": "mean", "aggregation": "mean"},
        "b": {"dataType": "numeric", "role": "feature", "imputation": "mode", "aggregation": "mode"},
        "l": {"dataType": "logical", "role": "feature", "imputation": "mode", "aggregation": "mode"},
        "s": {"dataType": "string", "role": "feature", "imputation": "mode", "aggregation": "mode"},
        "t": {"dataType": "date", "role": "feature"},
        "n": {"dataType": "string", "role": "feature", "imputation": "mode", "aggregation": "mode"},
    }


def test_the_columns_of_the_quick_start():
    sent = read_columns(
        {"x": {"dataType": "numericMeasure"}, "target": {"role": "none"}, "key": {"role": "key"}}
    )
    merged = merge({}, sent, {"x": NUMBER, "target": BIT, "key": NUMBER}, has_rows=False)
    assert answered(merged) == {
        "x": {"dataType": "numericMeasure", "role": "feature", "imputation": "mean", "aggregation": "mean"},
        "target": {"dataType": "numeric", "role": "none", "imputation": "mode", "aggregation": "mode"},
        "key": {"dataType": "numeric", "role": "key", "imputation": "zeroes", "aggregation": "sum"},
    }


def test_what_is_explicit_wins():
    sent = {"t": told(role="none"), "x": told(data_type="string"), "y": told(role="target")}
    merged = merge({}, sent, {"t": DATE, "x": NUMBER, "y": NUMBER, "z": NUMBER}, has_rows=False)
    assert {name: (column.data_type, column.role) for name, column in merged.items()} == {
        "t": ("date", "none"),
        "x": ("string", "feature"),
        "y": ("numericMeasure", "target"),
        "z": ("numericMeasure", "feature"),
    }


def test_a_timestamp_is_a_date_whatever_else_was_said():
    merged = merge({}, {"t": told(data_type="string", role="timestamp")}, {"t": DATE}, has_rows=False)
    assert merged["t"].to_json() == {"dataType": "date", "role": "timestamp"}


def test_sent_metadata_replaces_what_is_known():
    known = merge({}, {}, {"T": DATE, "x": NUMBER}, has_rows=False)
    sent = {"X": told(data_type="numeric", role="target", imputation="mode", aggregation="median")}
    one = merge(known, sent, {"t": DATE, "x": NUMBER}, has_rows=True)
    assert [*one] == ["T", "x"]
    assert one["x"] == Column("numeric", "target", "mode", "median")
    assert one["T"].role == "timestamp"
    assert merge(one, {}, {"x": NUMBER}, has_rows=True) == one
    two = merge(one, {"x": told(data_type="numericMeasure", role="target")}, {}, has_rows=True)
    assert two["x"] == Column("numericMeasure", "target", "mean", "mean")
    three = merge(two, {"x": told(data_type="string", role="none")}, {}, has_rows=True)
    assert three["x"] == Column("string", "none", "mode", "mode")
    four = merge(three, {"x": told(imputation="min")}, {}, has_rows=True)
    assert four["x"] == Column("string", "none", "min", "mode")
    assert four["T"].role == "timestamp"


def test_later_columns_are_features_and_may_be_filled_later_still():
    known = merge({}, {}, {"x": NUMBER, "n": Found("")}, has_rows=False)
    later = merge(known, {}, {"t": DATE, "n": NUMBER}, has_rows=True)
    assert later["t"] == Column("date", "feature")
    assert later["n"] == Column("numericMeasure", "feature", "mean", "mean")


@pytest.mark.parametrize("role", ["key", "timestamp"])
def test_what_knows_rows_is_said_before_there_are_any(role):
    known = merge(
        {}, {"x": told(role="feature"), "y": told(role="feature")}, {"x": TEXT, "y": TEXT}, has_rows=False
    )
    assert merge(known, {"x": told(role=role)}, {}, has_rows=False)["x"].role == role
    with pytest.raises(ColumnsError) as met:
        merge(known, {"x": told(role=role)}, {}, has_rows=True)
    assert met.value.where["columns"] == {
        "x": [f"The role {role} can only be given while the dataset has no rows."]
    }
    with_role = merge(known, {"x": told(role=role)}, {}, has_rows=False)
    assert merge(with_role, {"x": told(role=role)}, {}, has_rows=True)["x"].role == role
    with pytest.raises(ColumnsError, match="Only one column"):
        merge(with_role, {"y": told(role=role)}, {}, has_rows=False)
    assert merge(with_role, {"x": told(role="none")}, {}, has_rows=True)["x"].role == "none"


def test_a_key_is_no_timestamp_s_neighbour():
    assert merge({}, {"k": told(role="key")}, {"k": TEXT, "t": DATE}, has_rows=False)["t"].role == "feature"
    known = merge({}, {"k": told(role="key")}, {"k": TEXT}, has_rows=False)
    with pytest.raises(ColumnsError, match="is the timestamp"):
        merge(known, {"t": told(role="timestamp")}, {"t": DATE}, has_rows=False)


def test_columns_of_a_session():
    columns = {
        "id": Column("numeric", "key", "zeroes", "sum"),
        "bpm": Column("numericMeasure", "", "mean", "mean"),
        "sick": Column("numeric", "target", "mode", "mode"),
    }
    wanted = {
        "id": {"dataType": "numeric", "role": "key", "imputation": "zeroes", "aggregation": "sum"},
        "bpm": {"dataType": "numericMeasure", "role": "feature", "imputation": "mean", "aggregation": "mean"},
        "sick": {"dataType": "numeric", "role": "none", "imputation": "mode", "aggregation": "mode"},
        "anomaly": {"dataType": "numeric", "role": "target"},
    }
    assert session_columns(columns, {}) == wanted
    wanted["anomaly"] |= {"imputation": "zeroes", "aggregation": "sum"}
    assert session_columns(columns, {}, completed=True) == wanted
    changed = session_columns(columns, {"BPM": told(role="none"), "sick": told(role="target")})
    assert (changed["bpm"]["role"], changed["sick"]["role"]) == ("none", "none")
    assert changed["bpm"]["imputation"] == "mean"


def test_a_column_called_as_the_score_gives_way():
    found = session_columns(
        {"Anomaly": Column("string", "feature"), "x": Column("text")}, {"anomaly": Column()}
    )
    assert found == {
        "x": {"dataType": "text", "role": "feature"},
        "anomaly": {"dataType": "numeric", "role": "target"},
    }


def test_a_session_s_unknown_columns_are_said():
    with pytest.raises(ColumnsError, match=r"no such column\. Did you mean 'bpm'"):
        session_columns({"bpm": Column("numeric")}, {"bqm": Column()})
