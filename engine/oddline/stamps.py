"""The time column: from cells as uploaded to a text for each row and nanoseconds since 1970.

Text is kept letter for letter; numbers are branched on before any date is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddline.errors import DataError, ParameterError
from oddline.patterns import patterns_of
from oddline.zones import ambiguous_zone, with_offset

__all__ = ["Stamps", "looks_like_time", "place", "read_stamps", "stamp_texts"]

_DIGITS_ONLY = re.compile(r"(%[YmdHMSf])+")
_SAMPLE = 5_000
_NAT = np.iinfo(np.int64).min
_UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_YEAR_2000, _YEAR_2100 = 946_684_800, 4_102_444_800


@dataclass(frozen=True, eq=False)
class Stamps:
    """Time texts as shown, times (int64, in ``unit``: ``"ns"`` or ``""`` for bare counts) and notes."""

    index: list[str]
    time: NDArray[np.int64]
    unit: str
    notes: tuple[str, ...] = ()


def place(position: int) -> str:
    """A row in words, for messages: rows are counted from 1, the header is none."""
    return f"row {position + 1:,} (the first row below the header is row 1)"


def read_stamps(cells: NDArray[np.object_], column: str, time_format: str | None) -> Stamps:
    """Read a time column.

    Parameters
    ----------
    cells : ndarray of object (n,)
        Text, numbers or missing.
    column : str
        Its name, for messages.
    time_format : str or None
        A strftime pattern. Integers under a pattern are nanoseconds since 1970 unless the
        pattern itself is digits only (``%Y%m%d``); without a pattern integers stay as they are
        and text is inferred.

    Raises
    ------
    DataError
        A time is missing, unreadable or outside the years 1678 to 2261; ``row`` counts from 1.
    ParameterError
        The pattern is none.
    """
    missing = pd.isna(cells)
    if missing.any():
        raise _bad_time(column, int(missing.argmax()), None, "")
    integers = _integers(cells)
    if integers is not None:
        return _from_integers(integers, cells, column, time_format)
    numbers = _numbers(cells)
    if numbers is not None:
        return _from_numbers(numbers, cells, time_format)
    texts = np.array([c if isinstance(c, str) else str(c) for c in cells], dtype=object)
    if time_format is not None:
        parsed = _parse(texts, time_format)
        if np.isnat(parsed).any():
            row = int(np.isnat(parsed).argmax())
            raise _bad_time(column, row, texts[row], _advice(texts[row], time_format))
        return Stamps(texts.tolist(), _nanoseconds(parsed, texts, column), "ns")
    return _infer(texts, column)


def looks_like_time(cells: NDArray[np.object_]) -> bool:
    """Whether these cells are text that reads as date and time; numbers do not count."""
    texts = [c for c in cells.tolist() if isinstance(c, str)][:20]
    if not texts or not all(any(map(str.isdigit, t)) for t in texts):
        return False
    if _numbers(np.array(texts, dtype=object)) is not None:
        return False
    try:
        _infer(np.array(texts, dtype=object), "")
    except DataError:
        return False
    return True


def stamp_texts(time: NDArray[np.int64]) -> list[str]:
    """Nanoseconds as text, in one style for all: as many digits as the finest needs (0, 6 or 9)."""
    unit: Literal["ns", "us", "s"] = "s"
    if (time % 1_000_000_000).any():
        unit = "ns" if (time % 1_000).any() else "us"
    texts = np.datetime_as_string(cast(Any, time.astype("M8[ns]")), unit=unit)
    return [text.replace("T", " ") for text in texts.tolist()]


def _integers(cells: NDArray[np.object_]) -> NDArray[np.int64] | None:
    if not all(_is_integer(c) for c in (cells[0], cells[-1])):
        return None
    if not all(map(_is_integer, cells.tolist())):
        return None
    try:
        return np.array([int(c) for c in cells.tolist()], dtype=np.int64)
    except (OverflowError, ValueError):
        return None


def _is_integer(cell: Any) -> bool:
    if isinstance(cell, str):
        bare = cell.strip()
        return bare.isdecimal() or (bare[:1] in "+-" and bare[1:].isdecimal())
    return isinstance(cell, int | np.integer) and not isinstance(cell, bool)


def _numbers(cells: NDArray[np.object_]) -> NDArray[np.float64] | None:
    """The cells as floats where each is a finite number, else None."""
    try:
        first = float(cells[0])
        numbers = np.array([float(c) for c in cells.tolist()]) if np.isfinite(first) else None
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if numbers is not None and np.isfinite(numbers).all() else None


def _from_integers(
    integers: NDArray[np.int64], cells: NDArray[np.object_], column: str, time_format: str | None
) -> Stamps:
    texts = [str(c).strip() for c in cells.tolist()]
    if time_format is None:
        time, unit, notes = _counts(integers, texts)
        return Stamps(texts, time, unit, notes)
    if _DIGITS_ONLY.fullmatch(time_format):
        as_text = np.array(texts, dtype=object)
        parsed = _parse(as_text, time_format)
        if np.isnat(parsed).any():
            row = int(np.isnat(parsed).argmax())
            raise _bad_time(column, row, texts[row], f" It does not match {time_format!r}.")
        return Stamps(texts, _nanoseconds(parsed, as_text, column), "ns")
    note = f"The integers of {column!r} are read as nanoseconds since 1970, as a date pattern was given."
    if (integers == _NAT).any():
        raise _bad_time(column, int(integers.argmin()), str(integers.min()), "")
    return Stamps(stamp_texts(integers), integers, "ns", (note,))


def _counts(integers: NDArray[np.int64], texts: list[str]) -> tuple[NDArray[np.int64], str, tuple[str, ...]]:
    """What bare integers measure: dates written as digits, seconds and finer since 1970, or mere counts."""
    low, high = int(integers.min()), int(integers.max())
    if low >= 19_000_101 and high <= 21_001_231:
        parsed = _parse(np.array(texts, dtype=object), "%Y%m%d")
        if not np.isnat(parsed).any():
            return (
                parsed.astype("M8[ns]").astype(np.int64),
                "ns",
                ("Integer times are read as dates, YYYYMMDD.",),
            )
    for unit, factor in _UNITS.items():
        if low * factor >= _YEAR_2000 * 10**9 and high * factor <= _YEAR_2100 * 10**9:
            return integers * factor, "ns", (f"Integer times are read as {unit} since 1970.",)
    return integers, "", ()


def _from_numbers(
    numbers: NDArray[np.float64], cells: NDArray[np.object_], time_format: str | None
) -> Stamps:
    texts = [c.strip() if isinstance(c, str) else f"{c:.15g}" for c in cells.tolist()]
    notes: tuple[str, ...] = ()
    if time_format is not None:
        notes = ("The times are numbers; the date pattern is not used.",)
    largest = float(np.abs(numbers).max())
    scale = 10.0**9
    while scale > 1 and largest * scale > 9e18:
        scale /= 10
    if largest > 9e18:
        scale = 9e18 / largest
    return Stamps(texts, np.rint(numbers * scale).astype(np.int64), "", notes)


def _parse(texts: NDArray[np.object_], pattern: str) -> NDArray[np.datetime64]:
    """The texts under one pattern, NaT where they do not match; zones are brought to UTC."""
    if "%Z" in pattern:
        return _parse_named_zones(texts, pattern)
    return _parse_pattern(texts, pattern)


def _parse_named_zones(texts: NDArray[np.object_], pattern: str) -> NDArray[np.datetime64]:
    """Known abbreviations stand for their offset; what else ``%Z`` may be is left to the parser."""
    offsets = [with_offset(text) for text in texts.tolist()]
    named = np.array([text is not None for text in offsets], dtype=bool)
    changed = np.array([text for text in offsets if text is not None], dtype=object)
    with_offsets = _parse_pattern(changed, pattern.replace("%Z", "%z"))
    if named.all():
        return with_offsets
    parsed = _parse_pattern(texts, pattern)
    parsed[named] = with_offsets
    return parsed


def _parse_pattern(texts: NDArray[np.object_], pattern: str) -> NDArray[np.datetime64]:
    try:
        if "%" not in pattern and pattern != "ISO8601":
            raise ValueError("it has no directive such as %Y")
        found = pd.to_datetime(cast(Any, texts), format=pattern, utc=True, errors="coerce")
    except (ValueError, TypeError, re.error, KeyError, IndexError, OverflowError) as error:
        raise ParameterError(
            f"time_format {pattern!r} is no strftime pattern ({error}). Expected something like "
            "'%Y-%m-%d %H:%M:%S', or none to infer the format.",
            problems={"time_format": "not a strftime pattern"},
            parameter="time_format",
        ) from None
    return np.array(found.tz_localize(None).to_numpy())


def _nanoseconds(
    parsed: NDArray[np.datetime64], texts: NDArray[np.object_], column: str
) -> NDArray[np.int64]:
    """Nanoseconds since 1970, NaT as the smallest integer; DataError where they do not fit."""
    years = parsed.astype("M8[Y]").astype(np.int64) + 1970
    outside = ((years < 1678) | (years > 2261)) & ~np.isnat(parsed)
    if outside.any():
        row = int(outside.argmax())
        raise _bad_time(column, row, texts[row], " Times must lie in the years 1678 to 2261.")
    return parsed.astype("M8[ns]").astype(np.int64)


def _infer(texts: NDArray[np.object_], column: str) -> Stamps:
    """Try ISO 8601, then the patterns the first unread text suggests, until every text is read."""
    time = np.full(len(texts), _NAT)
    if not np.isnat(_parse(texts[:1], "ISO8601")).any():
        parsed = _parse(texts, "ISO8601")
        parsed[np.isin(texts, ["now", "today"])] = np.datetime64("NaT")
        time = _nanoseconds(parsed, texts, column)
    notes: list[str] = []
    for _ in range(8):
        unread = time == _NAT
        if not unread.any():
            return Stamps(texts.tolist(), time, "ns", tuple(notes))
        row = int(unread.argmax())
        found, pattern = _best(texts[unread], patterns_of(texts[row]))
        if pattern is None:
            raise _bad_time(column, row, texts[row], "")
        time[unread] = _nanoseconds(found, texts[unread], column)
        notes.append(f"Times of {column!r} are read as {pattern!r}.")
    row = int((time == _NAT).argmax())
    raise _bad_time(column, row, texts[row], " The column mixes too many formats.")


def _best(texts: NDArray[np.object_], patterns: Iterable[str]) -> tuple[NDArray[np.datetime64], str | None]:
    """The pattern that reads most texts; between day first and month first, the one in better order."""
    patterns = list(patterns)
    if len(patterns) > 1:  # judge by some of the rows: each pattern costs a full pass
        sample = texts[:: max(1, len(texts) // _SAMPLE)]
        patterns.sort(key=lambda pattern: _rank(_parse(sample, pattern)), reverse=True)
    winner: tuple[NDArray[np.datetime64], str | None] = (np.empty(0, "M8[ns]"), None)
    best = (0, 0, 0)
    for pattern in patterns:
        parsed = _parse(texts, pattern)
        if not np.isnat(parsed[0]) and _rank(parsed) > best:
            best, winner = _rank(parsed), (parsed, pattern)
        if best[0] == len(texts):
            break
    return winner


def _rank(parsed: NDArray[np.datetime64]) -> tuple[int, int, int]:
    """How well a pattern fits: texts read, then few steps back, then no long step."""
    steps = np.diff(parsed[~np.isnat(parsed)].astype("M8[s]").astype(np.int64))
    read = int((~np.isnat(parsed)).sum())
    return read, -int((steps < 0).sum()), -int(steps.max(initial=0))


def _advice(text: str, pattern: str) -> str:
    near = patterns_of(text)
    hint = f" It reads like {near[0]!r}." if near and near[0] != pattern else ""
    return f" It does not match {pattern!r}.{hint} Send the pattern of the file, or none to infer it."


def _bad_time(column: str, position: int, text: str | None, more: str) -> DataError:
    where = place(position)
    if text is None or not str(text).strip():
        message = f"Column {column!r} has no time in {where}. Every row needs one."
    else:
        zone = ambiguous_zone(str(text))
        if zone is not None:
            more = f" The zone {zone!r} is unknown or means several; write its offset, such as +05:30."
        shown = str(text) if len(str(text)) <= 60 else str(text)[:57] + "..."
        message = f"Column {column!r} holds {shown!r} in {where}, which is not a readable time.{more}"
    return DataError(message, code="bad_time", column=column, row=position + 1)
