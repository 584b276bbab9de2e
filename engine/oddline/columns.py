"""Which columns are the time and the targets, and their cells as floats."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddline.errors import DataError
from oddline.sources import Cells, Source
from oddline.stamps import looks_like_time, place

__all__ = ["guess_targets", "guess_time", "named_once", "read_columns"]

_BLANKS = {"", "na", "n/a", "nan", "null", "none", "-nan", "#n/a"}
_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?")
_TIME_WORDS = {"time", "times", "timestamp", "timestamps", "date", "datetime", "ts", "ds", "epoch"}
_LISTED = 5
_LONGEST_NUMBER = 400
_AT_ONCE = 4_000_000  # cells

Floats = NDArray[np.float64]


def guess_time(source: Source, head: list[Cells], targets: Sequence[str]) -> int | None:
    """The first column whose cells read as time, or that is named like time and rises."""
    taken = {name.strip() for name in targets}
    for position, name in enumerate(source.columns):
        filled = head[position][~pd.isna(head[position])]
        if name in taken or not len(filled):
            continue
        if looks_like_time(filled):
            return position
        words = re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).casefold())
        if _TIME_WORDS.intersection(words):
            numbers, bad = _floats(head[position], source.decimal)
            if not bad.any() and len(numbers) > 1 and (numbers[1:] > numbers[:-1]).all():
                return position
    return None


def guess_targets(source: Source, head: list[Cells], time: int | None, notes: list[str]) -> list[int]:
    """Every column but the time whose first cells are numbers; the others are noted."""
    chosen: list[int] = []
    left: list[str] = []
    for position, cells in enumerate(head):
        if position == time or (not source.columns[position] and pd.isna(cells).all()):
            continue
        _, bad = _floats(cells, source.decimal)
        if bad.any():
            left.append(_left(source.columns[position], cells, bad))
        else:
            chosen.append(position)
    _note_left(left, chosen, notes)
    return chosen


def read_columns(
    source: Source, time: int | None, targets: list[int], asked: bool, notes: list[str]
) -> tuple[Cells | None, list[Floats], list[int]]:
    """The time cells, each target as floats, and the targets that are left.

    One fast pass; where a cell spoils it, column by column to name the place. Columns that were
    not asked for by name may be left out: those with other than numbers and those without any.
    """
    try:
        cells, numbers = source.read(time, targets)
    except ValueError:
        cells = None if time is None else source.cells([time])[0]
        numbers, targets = _read_slowly(source, targets, asked, notes)
    if not asked:
        empty = {p for p, column in zip(targets, numbers, strict=True) if np.isnan(column).all()}
        if empty and len(empty) < len(targets):
            words = _listed([repr(source.columns[p]) for p in sorted(empty)])
            notes.append(f"Left out, as they hold no value: {words}")
            kept = [(p, c) for p, c in zip(targets, numbers, strict=True) if p not in empty]
            targets, numbers = [p for p, _ in kept], [c for _, c in kept]
    if source.padded:
        cells, numbers = _without_padding(cells, numbers, notes)
    return cells, numbers, targets


def named_once(names: list[str], notes: list[str]) -> tuple[str, ...]:
    """Repeated names get a number: x, x.1, x.2."""
    taken: dict[str, None] = {}
    last: dict[str, int] = {}
    for name in names:
        free = name
        while free in taken:
            last[name] = last.get(name, 0) + 1
            free = f"{name}.{last[name]}"
        taken[free] = None
    if tuple(taken) != tuple(names):
        notes.append("Some columns share a name; the later ones are numbered.")
    return tuple(taken)


def _read_slowly(
    source: Source, targets: list[int], asked: bool, notes: list[str]
) -> tuple[list[Floats], list[int]]:
    numbers: list[Floats] = []
    kept: list[int] = []
    left: list[str] = []
    for position, column in _cells_of(source, targets):
        name = source.columns[position]
        values, bad = _floats(column, source.decimal)
        if bad.any() and source.decimal == "." and not _floats(column, ",")[1].any():
            values, bad = _floats(column, ",")
            notes.append(f"Column {name!r} is read with a decimal comma.")
        if not bad.any():
            numbers.append(values)
            kept.append(position)
        elif asked:
            row = int(bad.argmax())
            raise DataError(
                f"Column {name!r} holds {_shown(column[row])} in {place(row)}; expected a number. "
                f"{int(bad.sum()):,} of {len(bad):,} rows are not numeric.",
                code="not_numeric",
                column=name,
                row=row + 1,
            )
        else:
            left.append(_left(name, column, bad))
    _note_left(left, kept, notes)
    return numbers, kept


def _cells_of(source: Source, positions: list[int]) -> Iterator[tuple[int, Cells]]:
    """The raw cells of each column: of some at once, as each time is a pass over the whole file."""
    at, some = 0, 1
    while at < len(positions):
        now = positions[at : at + some]
        columns = source.cells(now)
        yield from zip(now, columns, strict=True)
        at, some = at + some, max(1, _AT_ONCE // max(1, len(columns[0])))


def _floats(cells: Cells, decimal: str) -> tuple[Floats, NDArray[np.bool_]]:
    """The cells as floats, and where a cell is neither a number nor missing."""
    try:
        series = pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce")
    except OverflowError:
        return _floats(np.array([_infinite_beyond(cell) for cell in cells.tolist()], dtype=object), decimal)
    numbers = series.to_numpy(dtype=np.float64, copy=True)
    bad = np.zeros(len(cells), dtype=bool)
    odd = np.isnan(numbers) | np.array([isinstance(cell, bool) for cell in cells.tolist()], dtype=bool)
    for position in np.flatnonzero(odd & ~pd.isna(cells)).tolist():
        cell = cells[position]
        text = cell.strip() if isinstance(cell, str) else ""
        text = text.casefold() if isinstance(cell, str) and len(text) <= _LONGEST_NUMBER else "no number"
        if decimal == "," and _COMMA.fullmatch(text):
            numbers[position] = float(text.replace(",", "."))
        elif text not in _BLANKS:
            bad[position] = True
    return numbers, bad


def _infinite_beyond(cell: Any) -> Any:
    """The cell; an integer beyond every float, as JSON can hold one, is read as ``1e999`` is."""
    if isinstance(cell, int):
        try:
            float(cell)
        except OverflowError:
            return math.inf if cell > 0 else -math.inf
    return cell


def _without_padding(
    cells: Cells | None, numbers: list[Floats], notes: list[str]
) -> tuple[Cells | None, list[Floats]]:
    """Spreadsheets write empty rows below the table: they are no rows."""
    rows = end = len(numbers[0])
    while end and all(np.isnan(column[end - 1]) for column in numbers):
        if cells is not None and not pd.isna(cells[end - 1]):
            break
        end -= 1
    if end in (0, rows):
        return cells, numbers
    count = rows - end
    notes.append(f"{count:,} empty row{'s' if count > 1 else ''} at the end left off.")
    return None if cells is None else cells[:end], [column[:end] for column in numbers]


def _left(name: str, cells: Cells, bad: NDArray[np.bool_]) -> str:
    row = int(bad.argmax())
    return f"{name!r} (row {row + 1:,} holds {_shown(cells[row])})"


def _note_left(left: list[str], kept: list[int], notes: list[str]) -> None:
    if left:
        notes.append(f"Left out, as they hold other than numbers: {_listed(left)}")
    if not kept:
        reason = f" {notes[-1]}" if left else ""
        raise DataError(f"The table has no numeric column to judge.{reason}", code="no_numeric_column")


def _listed(items: list[str]) -> str:
    more = len(items) - _LISTED
    return ", ".join(items[:_LISTED]) + (f" and {more} more." if more > 0 else ".")


def _shown(cell: Any) -> str:
    text = repr(cell[:60] if isinstance(cell, str) else cell)
    return text if len(text) <= 60 else text[:57] + "..."
