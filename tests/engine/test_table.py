"""Uploads of every kind become one table; what cannot is named by column and row."""

import gzip
import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddline.errors import DataError, LimitError, OddlineError
from oddline.table import Table, read_table

DATA = Path(__file__).parents[1] / "data"
PATTERN = "%Y-%m-%d %H:%M:%S"
CSV = "Time,Value\n2017-01-01 00:00:00,3.0\n2017-01-01 00:05:00,4.5\n2017-01-01 00:10:00,-1e-3\n"
VALUES = [3.0, 4.5, -0.001]
FIVE_MINUTES = 300 * 10**9


def column(table: Table, number: int = 0) -> list[float]:
    return table.values[:, number].tolist()


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_encodings_plain_and_packed(codec, pack):
    text = CSV.replace("Value", "Größe")
    table = read_table(pack(text.encode(codec)), time_column="Time", target_columns=["Größe"])
    assert column(table) == VALUES
    assert table.index == ["2017-01-01 00:00:00", "2017-01-01 00:05:00", "2017-01-01 00:10:00"]
    assert np.diff(table.time).tolist() == [FIVE_MINUTES] * 2


def test_latin1_below_a_plain_head():
    body = "".join(f"2017-01-01 00:00:00,{row},ok\n" for row in range(20_000))
    data = ("Time,Value,Note\n" + body + "2017-01-02 00:00:00,7,süß\n").encode("latin-1")
    table = read_table(data, time_column="Time", target_columns=["Value"])
    assert column(table)[-1] == 7.0


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("delimiter", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", ","), ("|", ".")]
)
def test_delimiters_decimal_signs_and_line_ends(delimiter, decimal, end):
    text = CSV.replace(",", delimiter).replace(".", decimal).replace("\n", end)
    assert column(read_table(text.encode(), time_column="Time")) == VALUES


def test_a_decimal_comma_that_only_shows_further_down():
    rows = "".join(f"{row};{row}\n" for row in range(100))
    table = read_table(f"Time;Value\n{rows}100;3,25\n".encode(), time_column="Time", target_columns=["Value"])
    assert column(table)[-2:] == [99.0, 3.25]
    assert any("decimal comma" in note for note in table.notes)


def test_a_path_and_a_frame_read_like_bytes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(CSV)
    frame = pd.read_csv(path, parse_dates=["Time"])
    for data in (
        path,
        str(path),
        bytearray(CSV.encode()),
        memoryview(CSV.encode()),
        frame,
        frame.set_index("Time"),
    ):
        table = read_table(data)
        assert (table.columns, column(table), table.time_name) == (("Value",), VALUES, "Time")
        assert table.index[1] == "2017-01-01 00:05:00"
        assert np.diff(table.time).tolist() == [FIVE_MINUTES] * 2
    with pytest.raises(DataError, match="Cannot read the file"):
        read_table(tmp_path / "none.csv")


def test_json_rows_hold_numbers_as_text():
    rows = [
        {"Time": "2017-01-01 00:00:00", "Value": "3.0"},
        {"Time": "2017-01-01 00:05:00", "Value": 4},
        {"Time": "2017-01-01 00:10:00", "Value": None},
        {"Time": "2017-01-01 00:15:00"},
        {"Time": "2017-01-01 00:20:00", "Value": " "},
    ]
    for data in (rows, {"data": rows}):
        table = read_table(json.dumps(data).encode(), time_column="Time", target_columns=["Value"])
        assert table.values[:2, 0].tolist() == [3.0, 4.0]
        assert np.isnan(table.values[2:]).all()
    rows[1]["Value"] = "four"
    with pytest.raises(DataError, match=r"'Value' holds 'four' in row 2 "):
        read_table(json.dumps(rows).encode(), time_column="Time", target_columns=["Value"])
    rows[1]["Value"] = True
    with pytest.raises(DataError, match="True"):
        read_table(json.dumps(rows).encode(), time_column="Time", target_columns=["Value"])


def test_a_cell_that_is_no_number_names_column_and_row():
    bad = CSV.replace("4.5", "abc")
    with pytest.raises(DataError, match=r"'Value' holds 'abc' in row 2 .*1 of 3") as caught:
        read_table(bad.encode(), time_column="Time", target_columns=["Value"])
    assert caught.value.code == "not_numeric"
    assert caught.value.where == {"column": "Value", "row": 2}


def test_without_targets_every_numeric_column_but_the_time():
    text = "unit,when,a,b,late\n" + "".join(f"K7,2017-01-{day:02},{day},,{day}\n" for day in range(1, 29))
    rows = text * 1 + "".join(f"K7,2017-02-{day:02},1,2,{'x' if day == 20 else 1}\n" for day in range(1, 29))
    rows = rows + "".join(f"K7,2018-{m:02}-{day:02},1,2,1\n" for m in range(1, 13) for day in range(1, 29))
    table = read_table(rows.encode())
    assert table.time_name == "when"
    assert table.columns == ("a", "b", "late")[:2]
    assert any("'late'" in note and "row 48" in note for note in table.notes)
    assert any("'unit'" in note for note in table.notes)
    with pytest.raises(DataError, match="no numeric column"):
        read_table(b"when,who\n2017-01-01,x1\n2017-01-02,x2\n")


def test_a_bad_cell_below_the_first_rows_leaves_the_column_out():
    rows = "".join(f"{row},{row},{'x' if row == 900 else row}\n" for row in range(1000))
    table = read_table(("t,a,b\n" + rows).encode(), time_column="t")
    assert table.columns == ("a",)
    assert any("'b' (row 901 " in note for note in table.notes)


def test_without_a_time_column_rows_are_numbered():
    table = read_table(b"downtime,Label\n4,0\n2,1\n3,0\n")
    assert (table.index, table.time, table.time_name) == (["0", "1", "2"], None, None)
    assert table.columns == ("downtime", "Label")


def test_a_time_is_guessed_by_name_only_where_it_rises():
    assert read_table(b"Time,Value\n1,5\n2,6\n3,7\n").time_name == "Time"
    assert read_table(b"Time,Value\n3,5\n2,6\n3,7\n").time_name is None


def test_missing_values_and_infinities():
    text = "t,v\n1,\n2,NA\n3,nan\n4,inf\n5,-inf\n6,1e999\n7,1e300\n8,5\n"
    table = read_table(text.encode(), time_column="t")
    assert np.isnan(table.values[:6]).all()
    assert table.values[6:, 0].tolist() == [1e300, 5.0]
    assert any("3 infinite values" in note and "row 4" in note for note in table.notes)
    with pytest.raises(DataError, match="strict") as caught:
        read_table(text.encode(), time_column="t", repair="strict")
    assert caught.value.where["row"] == 4


def test_whole_numbers_beyond_a_double_are_noted():
    table = read_table(b"t,v\n1,9007199254740993\n2,5\n", time_column="t")
    assert any("2^53" in note for note in table.notes)
    assert not read_table(b"t,v\n1,1e300\n2,5\n", time_column="t").notes


def test_quoted_fields_short_rows_and_blank_lines():
    text = 't,note,v\n1,"a, b",1\n\n2,"line\nbreak",2\n3,"say ""x"""\n4,,4,\n'
    table = read_table(text.encode(), time_column="t", target_columns=["v"])
    assert table.index == ["1", "2", "3", "4"]
    np.testing.assert_array_equal(table.values[:, 0], [1, 2, np.nan, 4])


def test_a_row_longer_than_the_header_is_refused():
    with pytest.raises(DataError, match=r"Row 2 .*more fields") as caught:
        read_table(b"t,v,w\n1,1,1\n2,3,5,7\n3,3,1\n", time_column="t", target_columns=["v"])
    assert caught.value.code == "ragged_row"


def test_a_single_column_keeps_its_blank_rows():
    table = read_table(b"Data\n1\n\n3\n")
    np.testing.assert_array_equal(table.values[:, 0], [1, np.nan, 3])


def test_empty_rows_at_the_end_are_left_off():
    table = read_table(b"t,v\n1,1\n2,2\n,\n,\n", time_column="t")
    assert len(table) == 2
    assert any("2 empty rows" in note for note in table.notes)
    assert len(read_table(b'[{"v": 1}, {"v": null}]')) == 2


def test_a_column_without_values_is_left_out_unless_asked_for():
    data = b"t,v,w\n1,1,\n2,2,\n"
    assert read_table(data, time_column="t").columns == ("v",)
    assert read_table(data, time_column="t", target_columns=["w"]).columns == ("w",)


def test_a_guessed_time_that_cannot_be_read_is_no_time():
    rows = "".join(f"2017-01-01 00:{row // 60:02}:{row % 60:02},{row}\n" for row in range(900))
    table = read_table(("when,v\n" + rows + "later,5\n").encode())
    assert (table.time, table.index[-1]) == (None, "900")
    assert any("'later' in row 901" in note for note in table.notes)


def test_frames_of_other_kinds():
    frame = pd.DataFrame({"time": [1, 2]}, index=pd.date_range("2020", periods=2))
    assert read_table(frame).columns == ("time",)
    zoned = pd.DataFrame({"t": pd.date_range("2020", periods=2, tz="Europe/Berlin"), "v": [1, 2]})
    assert read_table(zoned).index == ["2020-01-01 00:00:00+01:00", "2020-01-02 00:00:00+01:00"]
    nullable = pd.DataFrame({"v": pd.array([1, None, 3], dtype="Int64"), "w": ["1", "2", None]})
    np.testing.assert_array_equal(read_table(nullable).values, [[1, 1], [np.nan, 2], [3, np.nan]])
    for bad in ([1j, 2], [True, False], pd.to_timedelta([1, 2], unit="s"), ["x", "y"]):
        with pytest.raises(DataError, match="no numeric column"):
            read_table(pd.DataFrame({"v": bad}))
    with pytest.raises(DataError, match="no rows"):
        read_table(pd.DataFrame())


@pytest.mark.parametrize("header", [" t , v ", "t,v", '" t",v'])
def test_blanks_around_names_do_not_count(header):
    table = read_table(f"{header}\n1,2\n2, 3 \n".encode(), time_column="t", target_columns=[" v"])
    assert (table.columns, column(table)) == (("v",), [2.0, 3.0])


def test_repeated_names():
    data = b"t,v,v\n1,2,3\n2,3,4\n"
    table = read_table(data, time_column="t")
    assert (table.columns, column(table, 1)) == (("v", "v.1"), [3.0, 4.0])
    with pytest.raises(DataError, match="2 times"):
        read_table(data, time_column="t", target_columns=["v"])


def test_unknown_column():
    with pytest.raises(DataError, match="Did you mean 'Time'"):
        read_table(CSV.encode(), time_column="Tiem")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"Time,Value\n", "no_rows"),
        (b"Time,Value\n1,2\n2,3\n3,\0\n" + b"4,5\n" * 10, "not_a_csv"),
        (b"Time,Value\n" + b"1,2\n" * 100_000 + b"\0\0\n", "zero_byte"),
        (b'Time,Value\n1,2\n2,3\n3,"4\n', "not_a_csv"),
        (gzip.compress(CSV.encode(), mtime=0)[:-9], "damaged_gzip"),
        (gzip.compress(gzip.compress(CSV.encode(), mtime=0), mtime=0), "not_a_csv"),
        (b"a" * 600_000, "not_a_csv"),
        (b"[]", "no_rows"),
        (b"[{}]", "no_rows"),
        (b"[" * 100_000, "not_json_rows"),
    ],
)
def test_what_is_no_table(data, code):
    with pytest.raises(DataError) as caught:
        read_table(data)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("limit", "words"), [("max_rows", "rows"), ("max_columns", "columns"), ("max_cells", "cells")]
)
def test_limits(limit, words):
    with pytest.raises(LimitError, match=words) as caught:
        read_table(CSV.encode(), time_column="Time", **{limit: 1})
    assert caught.value.code == "too_large"


def test_real_files_read_as_they_are():
    for name, rows in (("sample", 1000), ("ec2_network_in", 4718), ("twitter_volume_aapl", 15902)):
        path = DATA / f"{name}.csv"
        table = read_table(path, time_format=PATTERN)
        assert len(table) == rows
        assert list(table.index) == [line.split(",")[0] for line in path.read_text().splitlines()[1:]]
        assert np.isfinite(table.values).all()


CELL = st.sampled_from(
    [
        "1",
        "2.5",
        "",
        "nan",
        "inf",
        "1e400",
        "abc",
        '"',
        "2017-01-01",
        "1,5",
        "true",
        "9" * 30,
        "20170101",
        "\x0b",
        "é",
    ]
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(alphabet='abT01.,;|\t"\n\r -:{}[]é', max_size=150).map(str.encode),
        st.lists(st.lists(CELL, min_size=1, max_size=3), max_size=12).map(
            lambda rows: ("t,v\n" + "\n".join(map(",".join, rows))).encode()
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | CELL,
            lambda inner: (
                st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("tv "), inner, max_size=3)
            ),
            max_leaves=15,
        ).map(lambda tree: json.dumps(tree).encode()),
    ),
    st.sampled_from([None, "t"]),
    st.sampled_from([None, PATTERN, "%Y%m%d"]),
    st.sampled_from([None, ["v"]]),
)
def test_any_bytes_give_a_table_or_an_error_of_ours(data, time_column, time_format, targets):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            table = read_table(data, time_column=time_column, time_format=time_format, target_columns=targets)
        except OddlineError as error:
            assert error.message.strip()  # noqa: PT017
            return
    n = len(table.values)
    assert n > 0
    assert len(table.index) == n
    assert all(isinstance(text, str) for text in table.index)
    assert table.time is None or (table.time.dtype == np.int64 and table.time.shape == (n,))
    assert table.values.shape == (n, len(table.columns))
    assert not np.isinf(table.values).any()
