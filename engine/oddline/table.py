"""Bytes, a path or a DataFrame in; times as text and numbers, target columns as floats out."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddline.errors import DataError, LimitError
from oddline.sniff import require_columns
from oddline.sources import Source, open_source
from oddline.stamps import Stamps, looks_like_time, place, read_stamps

__all__ = ["Table", "read_table"]

_PEEK = 200
_EXACT = 2.0**53
_BLANKS = {"", "na", "n/a", "nan", "null", "none", "-nan", "#n/a"}
_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?")
_TIME_WORDS = {"time", "times", "timestamp", "timestamps", "date", "datetime", "ts", "ds", "epoch"}


@dataclass(frozen=True, eq=False)
class Table:
    """A table as uploaded, n rows by d target columns.

    Attributes
    ----------
    index : sequence of str, length n
        The time of each row, letter for letter as uploaded; ``"0"``, ``"1"``, … without a time
        column. Integers under a date pattern show as nanosecond stamps.
    time : ndarray of int64 (n,) or None
        Nanoseconds since 1970 in UTC; where ``time_unit`` is empty, bare counts.
    values : ndarray of float64 (n, d)
        NaN where a value is missing.
    columns : tuple of str, length d
    notes : tuple of str
        Everything that was guessed or changed, in words.
    time_name : str or None
        The time column.
    time_unit : str
        ``"ns"``, or ``""`` where the times are mere counts.
    """

    index: Sequence[str]
    time: NDArray[np.int64] | None
    values: NDArray[np.float64]
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    time_name: str | None = None
    time_unit: str = "ns"

    def __len__(self) -> int:
        return len(self.values)


def read_table(
    data: bytes | bytearray | memoryview | str | os.PathLike[str] | pd.DataFrame,
    *,
    time_column: str | None = None,
    time_format: str | None = None,
    target_columns: Sequence[str] | None = None,
    repair: str = "auto",
    max_rows: int = 2_000_000,
    max_columns: int = 2_000,
    max_cells: int = 50_000_000,
) -> Table:
    """Read a CSV (plain or gzip; UTF-8, UTF-16 or Latin-1; any usual delimiter), JSON rows or a DataFrame.

    Parameters
    ----------
    data : bytes, str, path or DataFrame
        A ``str`` is a path.
    time_column : str, optional
        Without it the first column that looks like time is taken, with a note; if there is none
        rows are numbered.
    time_format : str, optional
        A strftime pattern; without it (or with the text ``"None"``) the format is inferred.
    target_columns : sequence of str, optional
        Without it every numeric column but the time.
    repair : str
        ``"auto"``, or ``"strict"`` to refuse infinite values instead of taking them as missing.
    max_rows, max_columns, max_cells : int
        Limits: rows, columns of the file, rows times target columns.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        With the column and the row (counted from 1 below the header) where there is one.
    LimitError
        The table is too large.
    ParameterError
        ``time_format`` is no pattern.

    Notes
    -----
    Cost is linear in the bytes of the file; only the columns asked for are converted.

    Examples
    --------
    >>> table = read_table(b"Time,Value\\n2017-01-01 00:00:00,3\\n2017-01-01 00:05:00,4\\n")
    >>> table.index[1], table.values[:, 0].tolist()
    ('2017-01-01 00:05:00', [3.0, 4.0])
    """
    if isinstance(target_columns, str):
        target_columns = (target_columns,)
    if time_format in ("None", "none", ""):
        time_format = None
    source = open_source(data, max_rows)
    if len(source.columns) > max_columns:
        raise _too_large(f"{len(source.columns):,} columns", f"{max_columns:,}")
    if not source.columns:
        raise _no_rows()
    require_columns(source.columns, time_column=time_column, target_columns=target_columns)
    notes: list[str] = []
    head = source.peek(_PEEK) if time_column is None or target_columns is None else []
    if head and len(head[0]) == 0:
        raise _no_rows()
    if time_column is None:
        time = _guess_time(source, head, target_columns or ())
        if time is not None:
            notes.append(f"Column {source.columns[time]!r} is taken as the time.")
    else:
        time = source.columns.index(time_column.strip())
    if target_columns is None:
        targets = _guess_targets(source, head, time, notes)
    else:
        targets = [source.columns.index(name.strip()) for name in target_columns]
    cells, numbers, targets = _read(source, time, targets, target_columns is not None, notes)
    cells, numbers = _without_empty_end(cells, numbers, notes)
    rows = len(numbers[0])
    if rows == 0:
        raise _no_rows()
    if rows > max_rows:
        raise _too_large(f"more than {max_rows:,} rows", f"{max_rows:,}")
    if rows * len(targets) > max_cells:
        raise _too_large(f"{rows:,} rows of {len(targets):,} columns", f"{max_cells:,} cells")
    values = np.ascontiguousarray(np.column_stack(numbers)) if len(numbers) > 1 else numbers[0].reshape(-1, 1)
    columns = _unique([source.columns[p] for p in targets], notes)
    values = _finite(values, columns, repair, notes)
    if time is None or cells is None:
        return Table(list(map(str, range(rows))), None, values, columns, tuple(notes))
    stamps: Stamps = read_stamps(cells, source.columns[time], time_format)
    return Table(
        stamps.index,
        stamps.time,
        values,
        columns,
        (*notes, *stamps.notes),
        source.columns[time],
        stamps.unit,
    )


def _no_rows() -> DataError:
    return DataError("The table has no rows.", code="no_rows")


def _too_large(seen: str, limit: str) -> LimitError:
    return LimitError(f"The table has {seen}; the limit is {limit}. Send a smaller part.", code="too_large")


def _guess_time(source: Source, head: list[Any], targets: Sequence[str]) -> int | None:
    """The first column that is named like time or whose cells read as time, and can be read as such."""
    taken = {name.strip() for name in targets}
    for position, name in enumerate(source.columns):
        if name in taken:
            continue
        filled = head[position][~pd.isna(head[position])]
        if not len(filled):
            continue
        if looks_like_time(filled):
            return position
        words = re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).casefold())
        if _TIME_WORDS.intersection(words) and len(filled) == len(head[position]):
            numbers = pd.to_numeric(pd.Series(filled, dtype=object), errors="coerce").to_numpy(float)
            if np.isfinite(numbers).all() and (np.diff(numbers) > 0).all() and len(numbers) > 1:
                return position
    return None


def _guess_targets(source: Source, head: list[Any], time: int | None, notes: list[str]) -> list[int]:
    chosen, left = [], []
    for position, cells in enumerate(head):
        if position == time or (not source.columns[position] and pd.isna(cells).all()):
            continue
        bad = _not_numeric(cells, source.decimal)
        if bad is None:
            chosen.append(position)
        else:
            left.append(f"{source.columns[position]!r} (row {bad + 1} holds {_shown(cells[bad])})")
    if left:
        notes.append(f"Left out, as they hold other than numbers: {', '.join(left[:5])}" + _more(left, 5))
    if not chosen:
        raise DataError(
            "The table has no numeric column to judge. " + (notes[-1] if left else ""),
            code="no_numeric_column",
        )
    return chosen


def _not_numeric(cells: Any, decimal: str) -> int | None:
    """The position of the first cell that is no number and not missing."""
    _, bad = _numbers(cells, decimal)
    return int(bad.argmax()) if bad.any() else None


def _numbers(cells: Any, decimal: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The cells as floats, and where a cell is neither a number nor missing."""
    numbers = pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce").to_numpy(
        dtype=np.float64, copy=True
    )
    bad = np.zeros(len(cells), dtype=bool)
    odd = np.isnan(numbers) | np.array([isinstance(cell, bool) for cell in cells.tolist()], dtype=bool)
    for position in np.flatnonzero(odd & ~pd.isna(cells)).tolist():
        cell = cells[position]
        text = cell.strip().casefold() if isinstance(cell, str) else "no text"
        if text in _BLANKS:
            numbers[position] = np.nan
        elif decimal == "," and _COMMA.fullmatch(text):
            numbers[position] = float(text.replace(",", "."))
        else:
            bad[position] = True
    return numbers, bad


def _read(
    source: Source, time: int | None, targets: list[int], asked: bool, notes: list[str]
) -> tuple[Any, list[NDArray[np.float64]], list[int]]:
    """Time cells and target floats: one fast pass, or cell by cell to name the place that spoils it."""
    try:
        cells, numbers = source.read(time, targets)
        return cells, numbers, targets
    except ValueError:
        pass
    cells = None if time is None else source.cells([time])[0]
    numbers, kept, left = [], [], []
    for position in targets:
        column = source.cells([position])[0]
        floats, bad = _numbers(column, source.decimal)
        if bad.any() and source.decimal == "." and not _numbers(column, ",")[1].any():
            floats, bad = _numbers(column, ",")
            notes.append(f"Column {source.columns[position]!r} is read with a decimal comma.")
        if not bad.any():
            numbers.append(floats)
            kept.append(position)
            continue
        row, name = int(bad.argmax()), source.columns[position]
        if asked:
            raise DataError(
                f"Column {name!r} holds {_shown(column[row])} in {place(row)}; expected a number. "
                f"{int(bad.sum()):,} of {len(bad):,} rows are not numeric.",
                code="not_numeric",
                column=name,
                row=row + 1,
            )
        left.append(f"{name!r} ({place(row)} holds {_shown(column[row])})")
    if left:
        notes.append(f"Left out, as they hold other than numbers: {', '.join(left[:5])}" + _more(left, 5))
    if not kept:
        raise DataError("The table has no numeric column to judge. " + notes[-1], code="no_numeric_column")
    return cells, numbers, kept


def _without_empty_end(
    cells: Any, numbers: list[NDArray[np.float64]], notes: list[str]
) -> tuple[Any, list[NDArray[np.float64]]]:
    """Spreadsheets write empty rows below the table: they are no rows."""
    rows = end = len(numbers[0])
    while end and all(np.isnan(column[end - 1]) for column in numbers):
        if cells is not None and not pd.isna(cells[end - 1]):
            break
        end -= 1
    if end in (0, rows) or (cells is None and len(numbers) > 1):
        return cells, numbers
    notes.append(f"{rows - end:,} empty rows at the end are left off.")
    return None if cells is None else cells[:end], [column[:end] for column in numbers]


def _unique(names: list[str], notes: list[str]) -> tuple[str, ...]:
    """Repeated names get a number: x, x.1, x.2."""
    if len(set(names)) == len(names):
        return tuple(names)
    notes.append("Some columns share a name; the later ones are numbered.")
    taken: dict[str, None] = {}
    for name in names:
        number, free = 0, name
        while free in taken:
            number += 1
            free = f"{name}.{number}"
        taken[free] = None
    return tuple(taken)


def _finite(
    values: NDArray[np.float64], columns: tuple[str, ...], repair: str, notes: list[str]
) -> NDArray[np.float64]:
    """Infinite values become missing; whole numbers too long for a float are named."""
    with np.errstate(invalid="ignore"):
        largest = np.nanmax(np.abs(values), initial=0.0)
    if largest < _EXACT:
        return values
    infinite = np.isinf(values)
    if infinite.any():
        row, column = (int(i) for i in np.argwhere(infinite)[0])
        words = (
            f"{int(infinite.sum()):,} infinite values (the first in column {columns[column]!r}, {place(row)})"
        )
        if repair == "strict":
            raise DataError(
                f"{words}; repair is strict.", code="infinite", column=columns[column], row=row + 1
            )
        notes.append(f"{words} are taken as missing.")
        values = np.where(infinite, np.nan, values)
    beyond = np.abs(values)
    if ((beyond >= _EXACT) & (beyond < 2.0**64)).any():
        notes.append("Values from 2^53 on are held to 15 digits.")
    return values


def _shown(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 60 else text[:57] + "..."


def _more(items: list[str], shown: int) -> str:
    return "." if len(items) <= shown else f" and {len(items) - shown} more."
