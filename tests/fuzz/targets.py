"""What the fuzzer calls with each input: bytes in, and nothing but errors of ours may come out.

The first byte of an input chooses how it is read (:func:`options`); the rest is the upload, so
that one flipped bit leads the same text through another codec, into gzip, or under a date pattern.
Where the second byte is 240 or more, the bytes behind it choose cells (:func:`composed`): what they
make is always a table, so that chance need not find its grammar before it tries its values.
"""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from typing import Any

import numpy as np

from oddline.catalog import PARAMETERS, check
from oddline.errors import OddlineError
from oddline.prepare import prepare
from oddline.sniff import HEAD_BYTES, require_columns, sniff
from oddline.table import read_table
from oddline_api.forms import parse_columns
from oddline_workers.datasets.arrays import floats
from oddline_workers.datasets.cells import typed
from oddline_workers.datasets.columnar import pack, unpack
from oddline_workers.datasets.metadata import DATA_TYPES, merge
from oddline_workers.datasets.parsing import read_upload
from oddline_workers.settings import Settings

__all__ = ["composed", "dataset", "gateway", "settled", "table"]

LIMITS = {"max_rows": 200, "max_columns": 60, "max_cells": 2_000, "max_bytes": 1 << 16}
SETTINGS = Settings(max_rows=200, max_columns=60, max_cells=2_000, max_unpacked_bytes=1 << 16)
PATTERNS = (None, "%Y-%m-%d %H:%M:%S", "%Y%m%d", "%d/%m/%Y %H:%M %Z")
NAMES = ("t", "v", "Time", "Value")
CELLS: tuple[Any, ...] = (
    *("1", "2", "3.5", "-4", "0", "", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17"),
    *(f"2017-01-01 00:{minute:02}:00" for minute in range(0, 60, 5)),
    *("2017-01-01", "2017-01-02T00:00:00Z", "2017-03-26 02:30:00 CET", "2017-01-01T00:00:00.123456789+01:00"),
    *(
        "01/02/2017 10:00",
        "13/02/2017 10:00",
        "1.2.2017 10:00",
        "Jan 5 2020 3:04 PM",
        "2017-02-30",
        "1677-09-21",
    ),
    *(
        "9999-12-31",
        "20170101",
        "20170102",
        "1483228800",
        "1483228801",
        "1483228800000",
        "1483228800000000000",
    ),
    *("10:00", "now", "today", "NaT", "EST", "IST", "+05:30", "12:00:00 AM", "2017-W01-1", "2017-001", "1e9"),
    *("nan", "NaN", "NA", "null", "None", "-", "inf", "-inf", "1e308", "-1e308", "1e309", "5e-324", "1e-400"),
    *("9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551616", "9" * 400),
    *(
        "1,5",
        "1.234,5",
        "1_000",
        "0x10",
        "\u0663",
        "\u00bd",
        "+1",
        "--1",
        "1 000",
        "1e",
        ".",
        "1.",
        ".5",
        "5%",
    ),
    *(
        "true",
        "false",
        "abc",
        '"',
        '""',
        '"a"',
        '"a',
        "'",
        "#",
        "\\",
        "a,b",
        "a;b",
        "a\nb",
        "\r",
        " ",
        "\t",
        "\u00a0",
    ),
    *(
        "\ufeff",
        "\ud800",
        "\u202e",
        "\U0001f600",
        "\x1a",
        "\x85",
        "\u2028",
        "=1+1",
        "%Y",
        "[]",
        "{}",
        "x" * 70,
    ),
    *(0, 1, -1, 2**53 + 1, 2**63, 2**64, 10**400, 1.5, float("nan"), float("inf"), -0.0, True, False, None),
    *([], [1, [2]], {"a": {}}, 1483228800, 20170101),
)
"""What cells hold: of each kind that the reader tells apart, and of those that it might confuse."""


def options(first: int, text: bytes) -> tuple[bytes, dict[str, Any]]:
    """The upload, packed or in another codec, and the parameters it is read with."""
    if first & 1:
        text = text.decode("latin-1").encode("utf-16")
    if first & 2:
        text = gzip.compress(text, 1, mtime=0)
    chosen: dict[str, Any] = {"time_format": PATTERNS[first >> 2 & 3]}
    if first & 16:
        chosen["time_column"] = NAMES[0 if first & 128 else 2]
    if first & 32:
        chosen["target_columns"] = [NAMES[1 if first & 128 else 3]]
    if first & 64:
        chosen["repair"] = "strict"
    return text, chosen


def composed(choices: bytes) -> bytes:
    """A CSV or JSON rows of the cells that the bytes choose."""
    kind, width = choices[0] - 240, 1 + (choices[1] if len(choices) > 1 else 0) % 4
    picked = [CELLS[choice % len(CELLS)] for choice in choices[2:]]
    rows = [picked[at : at + width] for at in range(0, len(picked), width)]
    names = ["t", "v", "Time", "Value"][:width] if kind % 2 else ["Time", "Value", "t", "t"][:width]
    if kind & 8:
        return json.dumps([dict(zip(names, row, strict=False)) for row in rows]).encode()
    delimiter = ",;\t|"[kind >> 1 & 3]
    lines = [delimiter.join(map(str, row)) for row in (names, *rows)]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def settled(data: bytes) -> bytes:
    """The same input with its cells written out, which stays what it is when CELLS changes."""
    return data[:1] + (composed(data[1:]) if data[1:2] >= b"\xf0" else data[1:])


def table(data: bytes) -> str:
    """The worker's way: bytes, table, regular grid; both keep what their documentation says.

    Gives ``"taken"``, or the code of the error that ended it.
    """
    data = settled(data)
    text, chosen = options(data[0] if data else 0, data[1:])
    try:
        found = read_table(text, **chosen, **LIMITS)
    except OddlineError as error:
        return told(error)
    n = len(found.values)
    assert 0 < n <= LIMITS["max_rows"]
    assert len(found.index) == n
    assert found.time is None or (found.time.dtype == np.int64 and found.time.shape == (n,))
    assert found.values.shape == (n, len(found.columns))
    assert not np.isinf(found.values).any()
    json.dumps([*found.index, *found.columns, *found.notes], ensure_ascii=False).encode()
    try:
        ready = prepare(found, chosen.get("repair", "auto"), least=1)
    except OddlineError as error:
        return told(error)
    assert np.isfinite(ready.values).all()
    assert ready.rows.shape == (n,)
    assert ready.back(ready.values).shape == found.values.shape
    json.dumps(ready.notes, ensure_ascii=False).encode()
    return "taken"


def gateway(data: bytes) -> str:
    """The door's way: the head of an upload, and the texts of a form. Gives what :func:`table` gives."""
    ended = "taken"
    data = settled(data)
    text, chosen = options(data[0] if data else 0, data[1:])
    try:
        found = sniff(text[:HEAD_BYTES], complete=bool(data[:1] > b"\x80"))
        assert found.kind in ("csv", "json")
        require_columns(
            found.columns,
            time_column=chosen.get("time_column"),
            target_columns=chosen.get("target_columns"),
        )
        json.dumps(found.columns, ensure_ascii=False).encode()
    except OddlineError as error:
        ended = told(error)
    words = text.decode("utf-8", "surrogateescape")
    with suppress(ValueError):
        assert all(isinstance(name, str) for name in parse_columns(words))
    name, _, value = words.partition("=")
    for given in (value, [value], value.split(",")):
        try:
            check({name: given, [*PARAMETERS][len(words) % len(PARAMETERS)]: given})
        except OddlineError as error:
            told(error)
    return ended


def dataset(data: bytes) -> str:
    """The way of a dataset's rows: a body, types, pieces and back. Gives what :func:`table` gives."""
    data = settled(data)
    text, _ = options(data[0] if data else 0, data[1:])
    kind = "json" if data[1:].lstrip()[:1] in (b"[", b"{") else "csv"
    try:
        upload = read_upload(text, kind, SETTINGS)
        upload.forget(upload.missing_values or ("NA", "-4"))
        columns = merge(
            {}, upload.columns, {n: one.look() for n, one in upload.cells.items()}, has_rows=False
        )
        assert {*upload.cells} <= {*columns}
        for name, cells in upload.cells.items():
            for wanted in (columns[name].data_type, *DATA_TYPES):
                values, plain = typed(cells, wanted, name).at(slice(None))
                assert len(values) == cells.rows == upload.rows <= SETTINGS.max_rows
                assert "" not in values
                piece = pack(values, numbers=plain)
                assert unpack(piece) == values
                assert floats(piece).shape == (upload.rows,)
    except OddlineError as error:
        return told(error)
    json.dumps([*columns], ensure_ascii=False).encode()
    return "taken"


def told(error: OddlineError) -> str:
    """The code of an error of ours, which says something and can be written."""
    assert error.message.strip()
    assert 400 <= error.status < 500, error
    json.dumps(error.to_dict(), ensure_ascii=False).encode()
    return error.code
