"""Cells as they came, and as the values of a column of some data type.

What came is held tightly, as floats or as one text for some thousand cells, until it is known what the
column is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from oddline.errors import DataError, OddlineError
from oddline.stamps import looks_like_time, place, read_stamps
from oddline_workers.datasets.arrays import GAPS, as_objects, exact, format_numbers, numbers_of
from oddline_workers.datasets.dates import read_date
from oddline_workers.datasets.metadata import Found

__all__ = ["Cells", "Values", "typed"]

Floats = NDArray[np.float64]
Objects = NDArray[np.object_]

_BETWEEN = "\0"  # no text holds it
_TRUTHS = frozenset({"true", "false"})


class Cells:
    """The cells of one column, in the order of the rows; empty texts are missing values."""

    def __init__(self) -> None:
        self.rows = 0
        self._parts: list[Floats | str] = []
        self._times: tuple[Objects, NDArray[np.bool_]] | None = None

    def add(self, values: Sequence[str] | Floats) -> None:
        """Append texts without zero bytes, or numbers with NaN for what is missing."""
        if not len(values):
            return
        self.rows += len(values)
        self._parts.append(values if isinstance(values, np.ndarray) else _BETWEEN.join(values))

    def pad(self, rows: int) -> None:
        """Append missing values until there are so many rows."""
        if rows > self.rows:
            self.add(np.full(rows - self.rows, np.nan))

    def forget(self, missing: Iterable[str]) -> None:
        """Take these texts, and numbers written so, as missing."""
        words = frozenset(missing)
        if not words:
            return
        numbers = [number for number in numbers_of([*words])[0].tolist() if number == number]
        for at, part in enumerate(self._parts):
            if isinstance(part, str):
                cells = part.split(_BETWEEN)
                if not words.isdisjoint(cells):
                    self._parts[at] = _BETWEEN.join(["" if cell in words else cell for cell in cells])
            elif numbers:
                self._parts[at] = np.where(np.isin(part, numbers), np.nan, part)
        self._times = None

    def texts(self) -> list[str]:
        """All cells as texts."""
        return [*chain.from_iterable(self._texts())]

    def numbers(self) -> Iterator[tuple[Floats, NDArray[np.bool_], Sequence[str]]]:
        """Part by part the numbers, which cells are neither that nor missing, and texts where it has some."""
        for part in self._parts:
            if isinstance(part, str):
                cells = part.split(_BETWEEN)
                yield (*numbers_of(cells), cells)
            else:
                yield part, np.zeros(part.size, dtype=bool), ()

    def times(self) -> tuple[Objects, NDArray[np.bool_]]:
        """The cells as dates in the form that is kept, None where missing; and which are neither."""
        if self._times is None:
            self._times = _times(self.texts())
        return self._times

    def look(self) -> Found:
        """What the cells look like."""
        some, zero, one, other = False, False, False, False
        for numbers, odd, _ in self.numbers():
            if odd.any():
                break
            known = numbers[~np.isnan(numbers)]
            some |= bool(known.size)
            zero, one = zero or bool((known == 0).any()), one or bool((known == 1).any())
            other |= bool(((known != 0) & (known != 1)).any())
        else:
            if not some:
                return Found("")
            return Found("logical" if zero and one and not other else "numericMeasure", numbers=True)
        if all(cell.casefold() in _TRUTHS for cells in self._texts() for cell in cells if cell):
            return Found("logical")
        return self._date() or Found("string")

    def _date(self) -> Found | None:
        first = [cell for cell in self.texts() if cell.casefold() not in GAPS][:20]
        if not first or not looks_like_time(as_objects(first)):
            return None
        times, odd = self.times()
        if odd.any():
            return None
        known = times.tolist()
        return Found("date", unique=None not in known and len(set(known)) == len(known))

    def _texts(self) -> Iterator[list[str]]:
        for part in self._parts:
            if isinstance(part, str):
                yield part.split(_BETWEEN)
            else:
                yield [text or "" for text in format_numbers(part)]


@dataclass(frozen=True)
class Values:
    """The values of a column: as numbers, or as texts with None for what is missing.

    Attributes
    ----------
    numbers : ndarray of float64 (n,), optional
        NaN where a value is missing, or among the exceptions.
    texts : ndarray of object (n,), optional
    exceptions : mapping
        Places of values that numbers do not keep, and their texts.
    misfits : int
        How many values are not of the column's type.
    known : int
        How many are not missing.
    """

    numbers: Floats | None
    texts: Objects | None
    exceptions: dict[int, str] = field(default_factory=dict)
    misfits: int = 0
    known: int = 0

    def at(self, rows: slice | NDArray[np.intp]) -> tuple[list[str | None], bool]:
        """The texts in these rows, and whether all are written as numbers."""
        if self.numbers is None:
            assert self.texts is not None
            return self.texts[rows].tolist(), False
        found = format_numbers(self.numbers[rows])
        plain = True
        if self.exceptions:
            places = np.arange(self.numbers.size)[rows].tolist()
            for here, there in enumerate(places):
                if (text := self.exceptions.get(there)) is not None:
                    found[here] = text
                    plain = plain and text.isascii() and text.removeprefix("-").isdecimal()
        return found, plain


def typed(cells: Cells, data_type: str, name: str, role: str = "") -> Values:
    """The cells as values of a data type; what is not of it is kept as it is, and counted.

    Parameters
    ----------
    cells : Cells
    data_type : str
        One of ``metadata.DATA_TYPES``, or empty for a column without any value.
    name, role : str
        Of a timestamp or a key no value may be missing, nor a time be unreadable.

    Raises
    ------
    DataError
        A row has no key, or no time (with ``row`` and ``column``).
    """
    if data_type == "date":
        values = _dates(cells, name, strict=role == "timestamp")
    elif data_type in ("numeric", "numericMeasure"):
        values = _numbers(cells)
    elif data_type == "logical":
        values = _logical(cells)
    else:
        values = _texts(cells.texts())
    if role in ("key", "timestamp"):
        _require(values, name, role)
    return values


def _numbers(cells: Cells) -> Values:
    parts, exceptions, misfits, start = [], {}, 0, 0
    for numbers, odd, texts in cells.numbers():
        parts.append(numbers)
        if texts:
            exceptions.update({start + at: text for at, text in exact(texts, numbers).items()})
        for at in np.flatnonzero(odd).tolist():
            exceptions[start + at] = texts[at]
            misfits += 1
        start += numbers.size
    all_numbers = np.concatenate(parts) if parts else np.empty(0)
    known = int((~np.isnan(all_numbers)).sum()) + misfits
    return Values(all_numbers, None, exceptions, misfits, known)


def _logical(cells: Cells) -> Values:
    """Truths as words, or as the numbers 0 and 1."""
    found = _numbers(cells)
    if not found.misfits:
        assert found.numbers is not None
        others = ~np.isnan(found.numbers) & (found.numbers != 0) & (found.numbers != 1)
        return Values(found.numbers, None, found.exceptions, int(others.sum()), found.known)
    texts = [cell.casefold() if cell.casefold() in _TRUTHS else cell for cell in cells.texts()]
    values = _texts(texts)
    misfits = sum(1 for cell in texts if cell and cell not in _TRUTHS and cell not in ("0", "1"))
    return Values(None, values.texts, {}, misfits, values.known)


def _texts(cells: Sequence[str]) -> Values:
    seen: dict[str, str | None] = {"": None}
    found = as_objects([seen.setdefault(cell, cell) for cell in cells])
    return Values(None, found, known=sum(1 for cell in cells if cell))


def _dates(cells: Cells, name: str, *, strict: bool) -> Values:
    times, odd = cells.times()
    if strict and odd.any():
        row = int(odd.argmax())
        raise DataError(
            f"Column {name[:60]!r} holds {cells.texts()[row][:60]!r} in {place(row)}, which is no "
            "readable time. Every row of a time series needs one.",
            code="bad_time", column=name, row=row + 1,
        )  # fmt: skip
    known = sum(1 for time in times.tolist() if time is not None)
    return Values(None, times, {}, int(odd.sum()), known)


def _require(values: Values, name: str, role: str) -> None:
    if values.texts is None:
        assert values.numbers is not None
        gaps = np.isnan(values.numbers)
        gaps[[*values.exceptions]] = False
    else:
        gaps = np.array([text is None for text in values.texts.tolist()], dtype=bool)
    if gaps.any():
        row = int(gaps.argmax())
        what = "key" if role == "key" else "time"
        message = f"Column {name[:60]!r} has no {what} in {place(row)}. Every row needs one."
        if role == "key":
            raise DataError(message, code="missing_key", column=name, row=row + 1)
        raise DataError(message, code="bad_time", column=name, row=row + 1)


def _times(cells: Sequence[str]) -> tuple[Objects, NDArray[np.bool_]]:
    """Texts as dates in the form that is kept, and which are neither that nor missing."""
    there = np.array([cell.strip().casefold() not in GAPS for cell in cells], dtype=bool)
    found, odd = np.full(len(cells), None, dtype=object), np.zeros(len(cells), dtype=bool)
    given = as_objects([cell for cell, known in zip(cells, there.tolist(), strict=True) if known])
    if not given.size:
        return found, odd
    try:
        stamps = read_stamps(given, "", None)
        if stamps.unit != "ns":
            raise DataError("They are counts.")
        texts = np.datetime_as_string(stamps.time.astype("M8[ns]"), unit="ns").astype("U27")
        found[there] = np.char.add(texts, "+00:00").astype(object)
    except OddlineError:
        for at in np.flatnonzero(there).tolist():  # one by one
            try:
                found[at] = read_date(cells[at], "")
            except OddlineError:
                found[at], odd[at] = cells[at], True
    return found, odd
