"""Limits hold before memory is spent, and JSON rows read alike whatever the pieces."""

import gzip
import json
import tracemalloc

import numpy as np
import pytest

from oddline.errors import DataError, LimitError
from oddline.table import read_table


def traced(data, **limits):
    """The most memory a read takes, in bytes, and the error that ended it."""
    tracemalloc.start()
    try:
        with pytest.raises(LimitError) as caught:
            read_table(data, **limits)
        return tracemalloc.get_traced_memory()[1], caught.value.message
    finally:
        tracemalloc.stop()


def test_json_rows_beyond_the_limit_are_not_held_in_memory():
    text = b"[" + b",".join([b'{"a":1}'] * 400_000) + b"]"
    most, message = traced(text, max_rows=1_000)
    assert "more than 1,000 rows" in message
    assert most < 3 * len(text)
    most, _ = traced(gzip.compress(text), max_rows=1_000)
    assert most < 4 * len(text)
    sparse = b"[{" + b",".join(b'"c%d":1' % c for c in range(2_000)) + b"}" + b",{}" * 100_000 + b"]"
    most, message = traced(sparse, max_cells=1_000)
    assert "100,001 rows" in message
    assert most < 30 << 20


def test_a_csv_wider_than_its_limit_of_cells_is_not_read_whole():
    names = [f"c{c}" for c in range(200)]
    text = ",".join(names) + "\n" + ("1" + ",1" * 199 + "\n") * 20_000
    most, message = traced(text.encode(), target_columns=names, max_cells=10_000)
    assert "cells" in message
    assert most < 3 * len(text)


def test_json_rows_may_name_too_many_columns():
    rows = [{f"c{number}": 1} for number in range(30)]
    with pytest.raises(LimitError, match="more than 20 columns"):
        read_table(json.dumps(rows).encode(), max_columns=20)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_json_is_read_alike_whatever_the_pieces(size, monkeypatch):
    rows = [
        {"t": f"2020-01-01 00:00:{i:02}", "välue": -1.5e-3 * i, "n": None if i % 3 else 12345}
        for i in range(40)
    ]
    wrapped = {"meta": {"a": [1, {"b": [1]}], "n": 1234}, "data": rows, "end": 1.25}
    whole = read_table(json.dumps(rows).encode(), time_column="t")
    monkeypatch.setattr("oddline.jsonrows._PIECE", size)
    for text in (json.dumps(rows, indent=1), json.dumps(wrapped, ensure_ascii=False)):
        table = read_table(text.encode(), time_column="t")
        assert (table.index, table.columns) == (whole.index, whole.columns)
        np.testing.assert_array_equal(table.values, whole.values)


@pytest.mark.parametrize(
    "end", ["", "]]", "] 1", ",]", ",,{}]", ",1]", ",{]", "{}]", "],", ',{"a":1,"b":[1}]', ",null]", '"']
)
def test_json_that_breaks_below_the_head_is_refused_with_its_line(end):
    rows = "[" + ",\n".join(f'{{"a": 1, "b": {i}}}' for i in range(60_000))
    assert len(read_table((rows + "]").encode())) == 60_000
    with pytest.raises(DataError, match=r"line 60,000|row 60,001") as caught:
        read_table((rows + end).encode())
    assert caught.value.code == "not_json_rows"


def test_a_value_that_never_ends_is_refused():
    text = b'[{"a":1},{"a":"' + b"x" * (12 << 20)
    with pytest.raises(DataError, match="more than 4,194,304 characters"):
        read_table(text)
