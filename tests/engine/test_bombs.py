"""Small files that unpack, nest or widen into large ones: a documented end, soon, in bounded memory."""

from __future__ import annotations

import gzip
import json
import random
import time

import pytest

from memory import peak_of
from oddline.catalog import check
from oddline.columns import named_once
from oddline.errors import DataError, LimitError, OddlineError, ParameterError, did_you_mean
from oddline.sniff import HEAD_BYTES, require_columns, sniff
from oddline.table import Table, read_table

MIB = 1 << 20
ROWS = b"1,2\n" * 300
SERVICE = {"max_rows": 2_000_000, "max_columns": 2_000, "max_cells": 50_000_000, "max_bytes": 90 * MIB}


def nested() -> bytes:
    data = b"t,v\n" + ROWS
    for _ in range(100):
        data = gzip.compress(data, mtime=0)
    return data


def keys(count: int) -> bytes:
    return b",".join(b'"k%d":1' % number for number in range(count))


# What it is, how it is made, how it ends, and the MiB it may take.
BOMBS = {
    "gzip of zeros": (lambda: gzip.compress(bytes(100 * MIB)), "not_a_csv", 4),
    "gzip of rows": (lambda: gzip.compress(b"t,v\n" + b"1,2\n" * (25 * MIB), 1), "too_large", 160),
    "gzip of one line": (lambda: gzip.compress(b"t,v\n" + b"1," * (40 * MIB), 1), "too_large", 160),
    "gzip in gzip": (nested, "not_a_csv", 4),
    "gzip of many members": (
        lambda: gzip.compress(b"t,v\n" + ROWS) + gzip.compress(b"", mtime=0) * 100_000,
        "table",
        16,
    ),
    "JSON, deep in the first row": (
        lambda: b'[{"a":' + b"[" * 10**5 + b"]" * 10**5 + b"}]",
        "not_json_rows",
        8,
    ),
    "JSON, deep objects": (lambda: b'[{"a":' * 10**5, "not_json_rows", 8),
    "JSON, deep in a later row": (
        lambda: b"[" + b'{"a":1},' * 40_000 + b'{"a":' + b"[" * 10**5 + b"]" * 10**5 + b"}]",
        "not_json_rows",
        32,
    ),
    "JSON, deep beside the rows": (
        lambda: b'{"data":[{"a":1},{"a":2}],"x":' + b"[" * 10**5 + b"]" * 10**5 + b"}",
        "not_json_rows",
        8,
    ),
    "JSON, a million keys in a row": (lambda: b"[{" + keys(10**6) + b"}]", "not_json_rows", 32),
    "JSON, a row of too many keys": (lambda: b'[{"a":1},{' + keys(3_000) + b"}]", "too_large", 8),
    "JSON, a million keys in a million rows": (
        lambda: b"[" + b",".join(b'{"k%d":1}' % number for number in range(10**6)) + b"]",
        "too_large",
        16,
    ),
    "JSON, a text of 100 MB": (lambda: b'[{"a":1},{"a":"' + b"x" * (100 * MIB) + b'"}]', "not_json_rows", 64),
    "JSON, a number of 100,000 digits": (lambda: b'[{"a":' + b"9" * 10**5 + b"}]", "not_json_rows", 8),
    "JSON, numbers beyond every float": (
        lambda: b'[{"a":1e999999},{"a":%b},{"a":1},{"a":-%b}]' % (b"9" * 4_000, b"9" * 4_000),
        "table",
        8,
    ),
    "a quoted field of 100 MB": (
        lambda: b"a,b\n" + ROWS + b'1,"' + b"x" * (100 * MIB) + b'"\n',
        "too_large",
        8,
    ),
    "a quoted field of 100 MB in lines": (
        lambda: b"a,b\n" + ROWS + b'1,"' + b"xxxxxxxxx\n" * (10 * MIB) + b'"\n',
        "table",
        600,
    ),
    "a quote that never ends": (lambda: b"a,b\n" + ROWS + b'1,"' + b"1,2\n" * (25 * MIB), "not_a_csv", 300),
    "a quoted name of 100 MB": (lambda: b'"' + b"x" * (100 * MIB) + b'",b\n' + ROWS, "not_a_csv", 8),
    "100,000 columns": (
        lambda: b",".join(b"c%d" % number for number in range(10**5)) + b"\n" + b"1," * 10**5 + b"\n",
        "not_a_csv",
        8,
    ),
    "100,000 columns without names": (lambda: b"," * 10**5 + b"\n" + b"1," * 10**5 + b"\n", "too_large", 32),
    "a first line of 100 MB": (lambda: b"a," * (50 * MIB), "not_a_csv", 8),
    "a line of 100 MB": (lambda: b"a,b\n" + ROWS + b"1," * (50 * MIB) + b"\n", "too_large", 8),
    "a number of 100 MB": (lambda: b"a,b\n" + ROWS + b"1" * (100 * MIB) + b"\n", "too_large", 8),
    "a number of a million digits": (lambda: b"a,b\n" + b"1," + b"9" * 10**6 + b"\n" + ROWS, "table", 32),
    "numbers beyond every float": (lambda: b"a,b\n1,1e999999\n2,-1e999999\n3,1e-999999\n" + ROWS, "table", 8),
    "zero bytes": (lambda: b"a,b\n" + b"1,2\n" * 100_000 + bytes(10 * MIB), "zero_byte", 16),
    "blank lines": (lambda: b"a,b\n" + b"\n" * (100 * MIB), "no_rows", 16),
    "a header far down": (lambda: b"\n" * (100 * MIB) + b"a,b\n" + ROWS, "empty_file", 16),
    "huge names": (lambda: b"a" * 100_000 + b"," + b"b" * 100_000 + b"\n" + ROWS, "long_name", 8),
    "too many rows": (lambda: b"a,b\n" + b"1,2\n" * (25 * MIB), "too_large", 150),
    "one character of four bytes": (
        lambda: b"a,b\n" + "1,😀\n".encode() + b"1,2\n" * 10**6 + b"\n" * (60 * MIB),
        "table",
        160,
    ),
    "one name 2,000 times": (
        lambda: b",".join([b"x"] * 2_000) + b"\n" + b",".join([b"1"] * 2_000),
        "table",
        64,
    ),
    "one bad cell below many columns": (
        lambda: b",".join([b"x"] * 1_000) + b"\n" + (b",".join([b"1"] * 1_000) + b"\n") * 1_000 + b"x",
        "table",
        160,
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_documented_end_soon_and_in_bounded_memory(name):
    make, ending, most = BOMBS[name]
    data = make()
    spent = []
    given, taken = peak_of(lambda: clocked(spent, lambda: read_table(data, **SERVICE)))
    assert isinstance(given, Table | OddlineError), given
    assert ("table" if isinstance(given, Table) else given.code) == ending
    if isinstance(given, OddlineError):
        assert given.status in (400, 413)
        assert len(str(given.to_dict())) < 1_000
    assert taken < max(most, 32)  # what the allocator keeps differs from run to run
    assert spent.pop() < 20  # 4 at most on an idle machine

    def gateway():
        return sniff(data[:HEAD_BYTES], complete=len(data) <= HEAD_BYTES)

    given, taken = peak_of(lambda: clocked(spent, gateway))
    assert not isinstance(given, Exception) or isinstance(given, DataError)
    assert taken < 40
    assert spent.pop() < 2


def clocked(spent, call):
    """What a call gives; the seconds of processor time that it took, into ``spent``."""
    begun = time.process_time()
    try:
        return call()
    finally:
        spent.append(time.process_time() - begun)


def test_a_name_may_be_long_but_not_endless():
    assert require_columns(["x" * 1_000]) is None
    with pytest.raises(DataError, match="1,001 characters") as caught:
        require_columns(["x" * 1_001])
    assert caught.value.code == "long_name"
    with pytest.raises(DataError, match="1,001 characters"):
        read_table(json.dumps([{"x" * 1_001: 1, "v": 2}] * 3).encode())


@pytest.mark.parametrize("name", ["time_column", "time_format", "target_columns"])
def test_texts_among_the_parameters_are_bounded(name):
    for length in (1_000, 1_001):
        value = "x" * length
        values = {name: [value] if name == "target_columns" else value}
        if length == 1_000:
            check(values)
        else:
            with pytest.raises(ParameterError, match="1,001 characters"):
                check(values)


def test_what_was_meant_is_not_sought_for_ever():
    letters = random.Random(0)
    names = ["".join(letters.choices("abcdefgh", k=900)) for _ in range(2_000)]
    begun = time.perf_counter()
    for word in ("abcdefgh" * 100, "ba" * 100_000):
        did_you_mean(word, names)
    assert time.perf_counter() - begun < 3
    assert did_you_mean("Valeu", ["Time", "Value"]) == " Did you mean 'Value'?"


def test_many_columns_of_one_name_are_numbered_in_one_pass():
    begun = time.perf_counter()
    names = named_once(["x"] * 20_000 + ["x.1", "x.1", "y"], [])
    assert time.perf_counter() - begun < 2
    assert len(set(names)) == len(names) == 20_003
    assert names[:3] == ("x", "x.1", "x.2")
    assert names[-1] == "y"


def test_a_file_that_does_not_fit_its_limit_ends_before_it_is_unpacked_whole():
    packed = gzip.compress(b"v\n" + b"1\n" * (20 * MIB), 1)
    given, taken = peak_of(lambda: read_table(packed, max_bytes=MIB))
    assert isinstance(given, LimitError)
    assert "unpacks to more than 1,048,576 bytes" in given.message
    assert taken < 16
