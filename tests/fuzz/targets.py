"""What the fuzzer calls with each input: bytes in, and nothing but errors of ours may come out.

The first byte of an input chooses how it is read (:func:`options`); the rest is the upload, so
that one flipped bit leads the same text through another codec, into gzip, or under a date pattern.
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

__all__ = ["gateway", "table"]

LIMITS = {"max_rows": 200, "max_columns": 60, "max_cells": 2_000, "max_bytes": 1 << 16}
PATTERNS = (None, "%Y-%m-%d %H:%M:%S", "%Y%m%d", "%d/%m/%Y %H:%M %Z")
NAMES = ("t", "v", "Time", "Value")


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


def table(data: bytes) -> str:
    """The worker's way: bytes, table, regular grid; both keep what their documentation says.

    Gives ``"taken"``, or the code of the error that ended it.
    """
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


def told(error: OddlineError) -> str:
    """The code of an error of ours, which says something and can be written."""
    assert error.message.strip()
    assert 400 <= error.status < 500, error
    json.dumps(error.to_dict(), ensure_ascii=False).encode()
    return error.code
