"""Pieces as arrays and back, and what of texts are numbers."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from oddline_workers.datasets.columnar import unpack, values_of

__all__ = ["GAPS", "as_objects", "decode", "exact", "floats", "format_numbers", "numbers_of", "texts"]

Floats = NDArray[np.float64]
Objects = NDArray[np.object_]

GAPS = frozenset(
    {"", "na", "n/a", "nan", "null", "none", "nil", "-", "inf", "+inf", "-inf", "infinity", "-infinity"}
)
"""Words that among numbers and dates mean that a value is missing, in any case."""

_EXACT = 1e15
"""Whole numbers below it have at most 15 digits."""


def floats(piece: bytes) -> Floats:
    """The values of a piece as numbers; NaN where a value is missing or no number."""
    text = zlib.decompress(piece)
    values = orjson.loads(text)
    if b'"' not in text:
        return np.array(values, dtype=np.float64)
    return numbers_of(["" if value is None else value for value in values])[0]


def texts(piece: bytes) -> Objects:
    """The values of a piece as texts; None where a value is missing."""
    return as_objects(unpack(piece))


def decode(piece: bytes) -> tuple[list[str | None], bool]:
    """The values of a piece, and whether they are written as numbers."""
    text = zlib.decompress(piece)
    return values_of(text), b'"' not in text


def as_objects(values: Sequence[Any]) -> Objects:
    """The values as an array of objects, whatever they are."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def format_numbers(array: Floats) -> list[str | None]:
    """The texts of numbers: up to 15 significant digits, whole ones without a point; None if not finite."""
    finite = np.isfinite(array)
    whole = bool(finite.all())
    known = array if whole else array[finite]
    if not known.size:
        return [None] * array.size
    if (np.abs(known) < _EXACT).all() and (known == (cut := known.astype(np.int64))).all():
        found: list[Any] = [*map(str, cut.tolist())]
    else:
        found = ("%.15g," * known.size % (*known.tolist(),)).split(",")[:-1]
        if "-0" in found:
            found = ["0" if text == "-0" else text for text in found]
    if whole:
        return found
    filled = np.full(array.size, None, dtype=object)
    filled[finite] = found
    return list(filled)


def numbers_of(values: Sequence[str]) -> tuple[Floats, NDArray[np.bool_]]:
    """Texts as numbers, NaN where they are none; and which of them are neither numbers nor missing.

    A number is written as in JSON or as programs write it; not finite ones count as missing.
    """
    joined = "".join(values)
    if joined.isascii() and "_" not in joined:
        try:
            found = as_objects([value or "nan" for value in values]).astype(np.float64)
        except ValueError:
            pass
        else:
            found[~np.isfinite(found)] = np.nan
            return found, np.zeros(len(values), dtype=bool)
    found = np.full(len(values), np.nan)
    odd = np.zeros(len(values), dtype=bool)
    for place, value in enumerate(values):
        try:
            found[place] = float(value) if value.isascii() and "_" not in value else _no_number()
        except ValueError:
            odd[place] = value.strip().casefold() not in GAPS
    found[~np.isfinite(found)] = np.nan
    return found, odd


def exact(values: Sequence[str], numbers: Floats) -> dict[int, str]:
    """Whole numbers of more than 15 digits, which numbers would not keep: their places and their texts."""
    kept = {}
    for place in np.flatnonzero(np.abs(numbers) >= _EXACT).tolist():
        digits = values[place].strip()
        bare = digits.removeprefix("-")
        if bare.isdecimal() and bare[0] != "0" and len(bare) <= 38:
            kept[place] = digits
    return kept


def _no_number() -> float:
    raise ValueError
