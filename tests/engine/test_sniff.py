"""What the head of an upload shows, and what it is refused for."""

import gzip
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddline.catalog import check
from oddline.errors import DataError, OddlineError, ParameterError
from oddline.sniff import Sniffed, require_columns, sniff
from oddline.table import read_table

CSV = "Time,Value\n2017-01-01 00:00:00,3.0\n2017-01-01 00:05:00,4.5\n"


@pytest.mark.parametrize(
    ("text", "delimiter", "decimal"),
    [
        (CSV, ",", "."),
        (CSV.replace(",", ";"), ";", "."),
        (CSV.replace(",", "\t"), "\t", "."),
        (CSV.replace(",", "|"), "|", "."),
        (CSV.replace(",", ";").replace(".", ","), ";", ","),
        (CSV.replace(",", "\t").replace(".", ","), "\t", ","),
        (CSV.replace("\n", "\r\n"), ",", "."),
        (CSV.replace("\n", "\r"), ",", "."),
        ("Time;Speed, mean\n01.02.2017;3,5\n02.02.2017;4,5\n", ";", ","),
    ],
)
def test_delimiter_and_decimal_sign(text, delimiter, decimal):
    found = sniff(text.encode(), complete=True)
    assert (found.kind, found.delimiter, found.decimal) == ("csv", delimiter, decimal)
    assert found.columns[0] == "Time"
    assert len(found.columns) == 2


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("latin-1", "latin-1"),
    ],
)
def test_encoding(codec, encoding):
    found = sniff("Zeit;Größe\n1;2\n2;3\n".encode(codec), complete=True)
    assert found.encoding == encoding
    assert found.columns == ("Zeit", "Größe")


def test_a_head_cut_inside_a_character_is_still_utf8():
    head = "Zeit,Größe\n1,2\n".encode() + "ü".encode()[:1]
    assert sniff(head).encoding == "utf-8"
    assert sniff(head, complete=True).encoding == "latin-1"


def test_gzip_is_looked_into():
    packed = gzip.compress((CSV * 5_000).encode())
    assert (
        sniff(packed[:2_000])
        == sniff(packed, complete=True)
        == Sniffed("csv", True, "utf-8", ",", ".", ("Time", "Value"))
    )


def test_header_names_lose_their_blanks_and_may_be_quoted():
    found = sniff(b'" Time " , "Speed, (kRPM)"\n1,2\n', complete=True)
    assert found.columns == ("Time", "Speed, (kRPM)")


def test_a_single_numeric_column_is_a_table():
    assert sniff(b"Data\n1.5\n2.5\n", complete=True).columns == ("Data",)


def test_a_header_without_rows_passes():
    assert sniff(b"Time,Value\n", complete=True).columns == ("Time", "Value")


def test_json_rows_show_their_keys():
    rows = [{"Time": "2017-01-01", "Value": "3.0"}, {"Time": "2017-01-02", "Other": 1}]
    assert sniff(json.dumps(rows).encode(), complete=True).columns == ("Time", "Value", "Other")
    wrapped = json.dumps({"columns": {}, "data": rows}).encode()
    assert sniff(wrapped, complete=True).columns == ("Time", "Value", "Other")
    assert sniff(json.dumps(rows * 50).encode()[:200]).kind == "json"


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "empty_file", "empty"),
        (b"\xef\xbb\xbf  \n\n", "empty_file", "empty"),
        (b"PK\x03\x04rest", "not_a_csv", "Excel"),
        (b"PAR1xxxx", "not_a_csv", "Parquet"),
        (bytes(range(256)) * 8, "not_a_csv", "binary"),
        (b"<html><body>Not found</body></html>", "not_a_csv", "HTML"),
        (b"just a line of prose\nand another one\n", "not_a_csv", "no columns"),
        (b"name,town\nAnn,Oslo\nBob,Rome\n", "not_a_csv", "no numbers"),
        (b"# device 7\nTime,Value\n1,2\n2,3\n", "not_a_csv", "no columns"),
        (b"1.5,2.5\n3.5,4.5\n", "no_header", "column names"),
        (b"\x1f\x8bnonsense, not gzip", "damaged_gzip", "damaged"),
        (b'{"Time": 1}', "not_json_rows", "single object"),
        (b"[1, 2, 3]", "not_json_rows", "objects"),
        (b'[{"Time": 1}, {"Time": ', "not_json_rows", "not valid JSON"),
    ],
)
def test_what_is_no_table_is_refused_in_words(data, code, words):
    with pytest.raises(DataError) as caught:
        sniff(data, complete=True)
    assert caught.value.code == code
    assert words in caught.value.message


def test_a_pointer_is_refused_and_its_secrets_are_not_repeated():
    pointer = {
        "connection": {"endpoint_url": "u", "access_key_id": "AKIA1", "secret_access_key": "s3cr3t"},
        "location": {"bucket": "b", "path": "p"},
    }
    for order in (pointer, dict(reversed(pointer.items()))):
        with pytest.raises(DataError) as caught:
            sniff(json.dumps(order).encode(), complete=True)
        assert caught.value.code == "pointer_refused"
        assert not any(secret in str(caught.value.to_dict()) for secret in ("AKIA1", "s3cr3t"))
        assert caught.value.__cause__ is None


def test_unknown_and_repeated_columns_are_named():
    with pytest.raises(DataError, match="Did you mean 'Value'") as caught:
        require_columns(("Time", "Value"), time_column="Time", target_columns=("Valeu",))
    assert (caught.value.code, caught.value.where) == ("unknown_column", {"column": "Valeu"})
    with pytest.raises(DataError, match="2 times"):
        require_columns(("Time", "x", "x"), target_columns=("x",))
    with pytest.raises(DataError, match="time column"):
        require_columns(("Time", "x"), time_column="Time", target_columns=("Time",))
    require_columns((" Time ", "x"), time_column="Time", target_columns=(" x",))


def test_only_the_standard_library_is_loaded():
    code = "import sys, oddline.sniff; print([m for m in ('numpy', 'pandas', 'sklearn') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.text(alphabet='abT01.,;|\t"\n\r -:{}[]', max_size=200).map(str.encode),
        st.binary(max_size=60).map(gzip.compress),
    ),
    st.booleans(),
)
def test_any_bytes_give_an_answer_or_an_error_of_ours(data, complete):
    try:
        found = sniff(data, complete=complete)
    except OddlineError:
        return
    assert found.kind in ("csv", "json")
    assert found.delimiter in (",", ";", "\t", "|")


@pytest.mark.parametrize("rows", [1, 60, 30_000])
def test_names_that_utf8_cannot_write_are_refused(rows):
    text = json.dumps([{"t": str(row), "v": row} for row in range(rows)] + [{"v\ud800": 1}]).encode()
    with pytest.raises(DataError, match="lone surrogate") as caught:
        read_table(text)
    assert caught.value.code == "bad_text"
    json.dumps(caught.value.to_dict(), ensure_ascii=False).encode()
    if rows == 1:
        with pytest.raises(DataError, match="lone surrogate"):
            require_columns(sniff(text, complete=True).columns)


@pytest.mark.parametrize(
    "values",
    [{"target_columns": ["a\udfff"]}, {"time_column": "\ud800"}, {"time_format": "%Y\ud800"}, {"\ud800": 1}],
)
def test_parameters_that_utf8_cannot_write_are_refused_in_words_it_can(values):
    with pytest.raises(ParameterError) as caught:
        check(values)
    json.dumps(caught.value.to_dict(), ensure_ascii=False).encode()


def test_a_time_that_utf8_cannot_write_is_refused():
    rows = [{"t": f"2020-01-01 00:0{row}:00" + "\ud800" * (row == 3), "v": row} for row in range(9)]
    for pattern in (None, "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S\ud800"):
        with pytest.raises(DataError) as caught:
            read_table(json.dumps(rows).encode(), time_column="t", time_format=pattern)
        json.dumps(caught.value.to_dict(), ensure_ascii=False).encode()
