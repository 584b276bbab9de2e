"""Bytes, a path or a DataFrame in; times as text and numbers, target columns as floats out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddline.columns import guess_targets, guess_time, named_once, read_columns
from oddline.errors import DataError, LimitError
from oddline.sniff import require_columns
from oddline.sources import open_source
from oddline.stamps import place, read_stamps

__all__ = ["Table", "read_table"]

_PEEK = 200
_EXACT = 2.0**53


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
    max_columns: int = 20_000,
    max_cells: int = 50_000_000,
    max_bytes: int = 512 << 20,
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
    max_bytes : int
        The most that a gzip file may unpack to.

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
    Cost is linear in the bytes of the file; only the columns asked for are converted. No more
    is read than one row beyond the limits.

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
    source = open_source(data, max_rows, max_columns, max_cells, max_bytes)
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
        time = guess_time(source, head, target_columns or ())
        if time is not None:
            notes.append(f"Column {source.columns[time]!r} is taken as the time.")
    else:
        time = source.columns.index(time_column.strip())
    if target_columns is None:
        targets = guess_targets(source, head, time, notes)
    else:
        place = {name: at for at, name in reversed([*enumerate(source.columns)])}  # the first of a name
        targets = [place[name.strip()] for name in target_columns]
    del head  # it may hold large texts
    cells, numbers, targets = read_columns(source, time, targets, target_columns is not None, notes)
    rows = len(numbers[0])
    if rows == 0:
        raise _no_rows()
    if rows > max_rows:
        raise _too_large(f"more than {max_rows:,} rows", f"{max_rows:,}")
    if rows * len(targets) > max_cells:
        raise _too_large(f"at least {rows:,} rows of {len(targets):,} columns", f"{max_cells:,} cells")
    values = np.column_stack(numbers) if len(numbers) > 1 else numbers[0].reshape(-1, 1)
    columns = named_once([source.columns[p] for p in targets], notes)
    values = _finite(np.ascontiguousarray(values), columns, repair, notes)
    stamps = None
    if time is not None and cells is not None:
        try:
            stamps = read_stamps(cells, source.columns[time], time_format)
        except DataError as error:
            if time_column is not None:
                raise
            notes[0] = f"No column is taken as the time: {error.message}"
    if stamps is None or time is None:
        return Table(list(map(str, range(rows))), None, values, columns, tuple(notes))
    told = (*notes, *stamps.notes)
    return Table(stamps.index, stamps.time, values, columns, told, source.columns[time], stamps.unit)


def _no_rows() -> DataError:
    return DataError("The table has no rows.", code="no_rows")


def _too_large(seen: str, limit: str) -> LimitError:
    return LimitError(f"The table has {seen}; the limit is {limit}. Send a smaller part.", code="too_large")


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
