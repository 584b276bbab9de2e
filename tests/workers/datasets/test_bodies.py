"""Bodies as clients write them, and as strangers do."""

import gzip
import json
import time
from dataclasses import replace

import pytest

from oddline.errors import DataError, LimitError, OddlineError
from oddline_workers.datasets import parsing
from oddline_workers.datasets.metadata import ColumnsError
from oddline_workers.datasets.parsing import read_upload


@pytest.fixture
def read(settings):
    def read(body, kind="csv"):
        data = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
        upload = read_upload(data, kind, settings)
        return {name: cells.texts() for name, cells in upload.cells.items()}

    return read


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("a,b\n1,x\n2,y\n", {"a": ["1", "2"], "b": ["x", "y"]}),
        ("a,b\r\n1,x\r\n2,y", {"a": ["1", "2"], "b": ["x", "y"]}),
        ("\ufeffa,b\n1,x\n", {"a": ["1"], "b": ["x"]}),
        ('"a,b"," c "\n"1,""5""","x\ny"\n', {"a,b": ['1,"5"'], "c": ["x\ny"]}),
        ("1,2\n3,4\n", {"column1": ["1", "3"], "column2": ["2", "4"]}),
        ("2018-01-01,5\n2018-01-02,6\n", {"column1": ["2018-01-01", "2018-01-02"], "column2": ["5", "6"]}),
        ("x,1\ny,2\n", {"column1": ["x", "y"], "column2": ["1", "2"]}),
        ("id,2016,2017\n7,1,2\n", {"id": ["7"], "2016": ["1"], "2017": ["2"]}),
        ("a,b\nx,y\n", {"a": ["x"], "b": ["y"]}),
        ("a\nred\n\nblue\n", {"a": ["red", "", "blue"]}),
        ("a,,c\n1,2,3\n", {"a": ["1"], "column2": ["2"], "c": ["3"]}),
        ("a;b\n1;2\n", {"a": ["1"], "b": ["2"]}),
        ("a,b\n1\n2,3,\n", {"a": ["1", "2"], "b": ["", "3"]}),
        ("a,b\n,\nNA,null\n", {"a": ["", "NA"], "b": ["", "null"]}),
        ("a\n007\n1.50\n", {"a": ["007", "1.50"]}),
        ("caf\xe9,b\n1,2\n".encode("latin-1"), {"caf\xe9": ["1"], "b": ["2"]}),
        (gzip.compress(b"a,b\n1,2\n"), {"a": ["1"], "b": ["2"]}),
        ("a,b\n1,2\n".encode("utf-16"), {"a": ["1"], "b": ["2"]}),
    ],
)  # fmt: skip
def test_csv(read, text, table):
    assert read(text) == table


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ('{"data":[{"a":1,"b":"x"},{"a":2.50,"b":null}]}', {"a": ["1", "2.5"], "b": ["x", ""]}),
        ('{"DATA":[{"a":true},{"b":false},{"A":"5"}],"extra":[1,{"data":[]}]}',
         {"a": ["true", "", "5"], "b": ["", "false", ""]}),
        ('[{"a":1}]', {"a": ["1"]}),
        ('\ufeff{"data":[{"a":1}]}', {"a": ["1"]}),
        ('{"data":[{"a":-0.0},{"a":1e300},{"a":1E-7},{"a":0.1234567890123456}]}',
         {"a": ["0", "1e+300", "1e-07", "0.123456789012346"]}),
        ('{"data":[{"a":123456789012345678},{"a":1.5},{"a":NaN},{"a":1e999}]}',
         {"a": ["123456789012345678", "1.5", "", ""]}),
        ('{"data":[{},{"a":""},{}]}', {"a": ["", "", ""]}),
        (gzip.compress(b'{"data":[{"a":1}]}'), {"a": ["1"]}),
        ('{"data":[{" a ":1}]}', {"a": ["1"]}),
    ],
)  # fmt: skip
def test_json(read, text, table):
    assert read(text, "json") == table


def test_what_comes_beside_the_rows(settings):
    body = '{"missingvalues":["NA",-999,"NA"],"Columns":{"a":{"role":"key"}},"data":null}'
    upload = read_upload(body.encode(), "json", settings)
    assert upload.rows == 0
    assert upload.missing_values == ("NA", "-999")
    assert upload.columns["a"].role == "key"
    nothing = read_upload(b'{"missingValues":null,"columns":null}', "json", settings)
    assert (nothing.missing_values, nothing.columns) == (None, {})


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ('{"data":[{"a":{"b":1}}]}', "json", "nested"),
        ('{"data":[{"a":1},{"a":[1]}]}', "json", "nested"),
        ('{"data":[{"a":"x\\u0000y"}]}', "json", "bad_text"),
        ('{"data":[{"a":"\\ud800"}]}', "json", "bad_text"),
        ('{"data":[{"\\ud800":1}]}', "json", "invalid_columns"),
        ('{"data":[{"a\\u0000":1}]}', "json", "invalid_columns"),
        ('{"data":[{"":1}]}', "json", "invalid_columns"),
        ('{"data":[{"a":1,"A":2}]}', "json", "invalid_columns"),
        ('{"data":[{"' + "x" * 1001 + '":1}]}', "json", "invalid_columns"),
        ('{"data":[1]}', "json", "not_json_rows"),
        ('{"data":{"a":1}}', "json", "not_json_rows"),
        ('{"data":[{"a":1}]', "json", "not_json_rows"),
        ('{"data":[{"a":1}]} x', "json", "not_json_rows"),
        ('{"data":[{"a":1},]}', "json", "not_json_rows"),
        ('{"data":[{"a":' + "9" * 5000 + "}]}", "json", "not_json_rows"),
        ('{"data":[{"a":' + "[" * 100_000 + "]" * 100_000 + "}]}", "json", "not_json_rows"),
        ('{"x":' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}", "json", "not_json_rows"),
        ("[" * 200_000, "json", "not_json_rows"),
        ("true", "json", "not_json_rows"),
        ("a,b\n1,2\n", "json", "not_json_rows"),
        ('{"missingValues":[["x"]]}', "json", "bad_missing_values"),
        ('{"missingValues":["\\ud800"]}', "json", "bad_missing_values"),
        ('{"missingValues":"' + "x" * 2000 + '"}', "json", "bad_missing_values"),
        ("a,A\n1,2\n", "csv", "invalid_columns"),
        ("a, a\n1,2\n", "csv", "invalid_columns"),
        ("x" * 1001 + ",b\n1,2\n", "csv", "invalid_columns"),
        ("a,b\n1,2,3\n", "csv", "ragged_row"),
        ("a,b\n1,2,3,4,5\n", "csv", "ragged_row"),
        ('a,b\n"1,2\n', "csv", "not_a_csv"),
        ("a,b\n1,\0\n", "csv", "not_a_csv"),
        ("a,b\n" + "1,2\n" * 100_000 + "1,\0\n", "csv", "zero_byte"),
        (b"PK\x03\x04 whatever", "csv", "not_a_csv"),
        (b"\x1f\x8b\x08 cut off", "csv", "damaged_gzip"),
        (gzip.compress(gzip.compress(b"a,b\n1,2\n")), "csv", "not_a_csv"),
        ('"' + "x" * 200_000 + '"\n1\n', "csv", "not_a_csv"),
    ],
)
def test_what_cannot_be_read_is_said(read, body, kind, code):
    begun = time.monotonic()
    with pytest.raises(OddlineError) as met:
        read(body, kind)
    assert (met.value.code, met.value.status) == (code, 400)
    json.dumps(met.value.to_dict(), ensure_ascii=False).encode()
    assert time.monotonic() - begun < 5


def test_a_header_that_is_too_wide_is_refused_before_its_names_are_looked_at(read, settings, monkeypatch):
    monkeypatch.setattr(parsing, "_kind", lambda _: pytest.fail("it was looked at"))
    with pytest.raises(LimitError, match="more than 2,000 columns"):
        read(",".join(map(str, range(settings.max_columns + 1))) + "\n")


def test_where_a_cell_is_wrong_is_said(read):
    with pytest.raises(DataError, match="'b' holds an object in row 3") as met:
        read(json.dumps([{"a": 1}, {"b": 2}, {"b": {"c": 1}}]), "json")
    assert met.value.where == {"column": "b", "row": 3}


@pytest.mark.parametrize(
    "body",
    [
        json.dumps([{f"c{n}": n for n in range(10_000)}]),
        json.dumps([{f"c{n}": n} for n in range(10_000)]),
        ",".join(f"c{n}" for n in range(10_000)) + "\n" + ",".join(map(str, range(10_000))) + "\n",
    ],
)
def test_ten_thousand_columns_are_too_many(read, body):
    with pytest.raises(LimitError, match="more than 2,000 columns") as met:
        read(body, "json" if body[0] == "[" else "csv")
    assert met.value.status == 413


def test_a_bomb_is_not_unpacked(settings):
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * 3_000_000)
    with pytest.raises(LimitError, match="unpacks to more than"):
        read_upload(bomb, "csv", replace(settings, max_unpacked_bytes=1 << 20))


def test_a_line_without_an_end_is_no_row(read):
    with pytest.raises(LimitError, match="longer than"):
        read("a,b\n1," + "x" * 5_000_000 + "\n")


def test_blocks_meet_without_a_seam(read, monkeypatch):
    monkeypatch.setattr("oddline_workers.datasets.parsing._CELLS", 7)
    rows = [
        {"a": n, **({"b": str(n)} if n % 3 else {}), **({"late": n} if n > 20 else {})} for n in range(30)
    ]
    table = read(json.dumps(rows), "json")
    assert table["a"] == [*map(str, range(30))]
    assert table["b"] == [str(n) if n % 3 else "" for n in range(30)]
    assert table["late"] == [str(n) if n > 20 else "" for n in range(30)]
    lines = "".join(f"{n},{'' if n % 3 else 'x'}\n" for n in range(30))
    assert read("a,b\n" + lines) == {
        "a": [*map(str, range(30))],
        "b": ["" if n % 3 else "x" for n in range(30)],
    }


def test_duplicate_names_are_a_matter_of_columns(read):
    with pytest.raises(ColumnsError) as met:
        read("Age,age\n1,2\n")
    assert met.value.where == {
        "columns": {"age": ["The header names it twice, also as 'Age'; case does not count."]}
    }
