"""Stages 1 and 2: inspection and validation, then a regular grid without missing values.

Everything here happens on a working copy. The table keeps its rows; each input row knows its
place on the grid, so that n rows in are n scores out, in the order of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddline.errors import DataError
from oddline.grid import LONGEST_HOLE, Notes, layout
from oddline.table import Table

__all__ = ["LEAST_ROWS", "LONGEST_HOLE", "Prepared", "prepare"]

LEAST_ROWS = 10
"""Fewer rows cannot say what is usual."""

_HUGE = 1e290  # sums and differences of such values may overflow
_FAR = 1e100  # up to here squares, their sums and their products stay finite
_USUAL = 0.9
_LISTED = 5


@dataclass(frozen=True, eq=False)
class Prepared:
    """A regular, complete series made from n input rows, m steps long.

    Attributes
    ----------
    values : ndarray of float64 (m, d)
        Finite, at most 1e100; columns of larger numbers are in other units. Shares memory with
        the table where nothing had to be repaired: do not write to it.
    rows : ndarray of intp (n,)
        The step of each input row, in file order. Rows of one time share a step.
    observed : ndarray of bool (m,)
        Whether an input row lies on the step; the others are interpolated.
    step : float or None
        The length of a step in nanoseconds (or counts); None where rows count as equally spaced.
    notes : tuple of str
        Every repair in words.
    known : int
        So many leading steps may be learnt from: no row after the first ``train_rows`` has a
        share in them.
    units : tuple of int, length d
        Column j is in units of 2^units[j]; 0 for all but columns of numbers beyond 1e100.
    """

    values: NDArray[np.float64]
    rows: NDArray[np.intp]
    observed: NDArray[np.bool_]
    step: float | None
    notes: tuple[str, ...]
    known: int
    units: tuple[int, ...]

    def back(self, scores: NDArray[Any]) -> NDArray[Any]:
        """Bring one entry a step, (m,) or (m, k), back to one entry an input row, in file order."""
        if len(scores) != len(self.values):
            raise ValueError(f"expected {len(self.values)} entries, one a step; got {len(scores)}")
        return scores[self.rows]


def prepare(
    table: Table,
    repair: str = "auto",
    *,
    train_rows: int | None = None,
    least: int = LEAST_ROWS,
    units: tuple[int, ...] | None = None,
) -> Prepared:
    """Sort, merge rows of one time, lay out a regular grid and fill what is missing.

    Parameters
    ----------
    table : Table
        n rows, d columns.
    repair : str
        ``"auto"`` repairs and notes each repair; ``"strict"`` refuses the first thing that
        would need one.
    train_rows : int, optional
        Learn only from the first so many rows, in time order: what is missing among them is
        filled from them alone. Without it from all.
    least : int
        Fewer rows are refused.
    units : tuple of int, optional
        Those of the series a model learnt from; without them they are found.

    Returns
    -------
    Prepared

    Raises
    ------
    DataError
        Fewer than ``least`` rows, a column without any value (to learn from), or,
        under ``"strict"``, anything that needs repair; with the column and the row.

    Notes
    -----
    The step is the median one. Holes up to :data:`LONGEST_HOLE` steps are interpolated in full,
    longer ones are shortened to that. Where fewer than three quarters of the steps are multiples
    of the median, or the grid would be more than twice the rows, or most rows share a time, rows
    count as equally spaced. A column of numbers beyond 1e100 is brought to units in which nine
    tenths of what is learnt from are at most about 1; single values beyond 1e100 are held there.
    Cost: linear in n·d, plus a sort where the rows are not in order.

    Examples
    --------
    >>> from oddline.table import read_table
    >>> text = "t,v\\n" + "".join(f"{i},{i % 3}\\n" for i in range(40) if i not in (20, 21))
    >>> prepared = prepare(read_table(text.encode(), time_column="t"))
    >>> len(prepared.values), prepared.back(prepared.values).shape
    (40, (38, 1))
    >>> prepared.notes
    ('3-step hole after row 20: 2 steps interpolated for the computation.',)
    """
    notes = Notes(strict=repair == "strict")
    n = len(table.values)
    if n < least:
        raise DataError(
            f"The table has {n:,} rows; at least {least} are needed to learn what is usual.",
            code="too_few_rows",
        )
    missing = np.isnan(table.values)
    for column in np.flatnonzero(missing.all(axis=0)):
        name = table.columns[column]
        raise DataError(f"Column {name!r} holds no value at all.", code="empty_column", column=name)
    _note_missing(missing, table.columns, notes)
    values, scale = table.values, 1.0
    if np.nanmax(np.abs(values)) > _HUGE:
        scale = 2.0**-64
        values = values * scale
    positions, values, step = layout(table, values, notes)
    size = int(positions.max()) + 1
    observed = np.zeros(size, dtype=bool)
    observed[positions] = True
    if size != len(values):
        grid = np.full((size, values.shape[1]), np.nan)
        grid[observed] = values
        values = grid
    known = _known(positions, train_rows)
    values = _filled(values, known, table.columns)
    if scale != 1.0:
        values = values / scale
    values, units = _within_reach(values, known, positions, table.columns, notes, units)
    flat = np.flatnonzero((values == values[0]).all(axis=0))
    for column in flat[:_LISTED]:
        notes.add(f"Column {table.columns[column]!r} is constant.")
    if len(flat) > _LISTED:
        notes.add(f"{len(flat) - _LISTED:,} more columns are constant.")
    return Prepared(values, positions, observed, step, tuple(notes.lines), known, units)


def _note_missing(missing: NDArray[np.bool_], columns: tuple[str, ...], notes: Notes) -> None:
    counts = missing.sum(axis=0)
    partial = np.flatnonzero(counts)
    for column in partial[:_LISTED]:
        name, holes = columns[column], missing[:, column]
        inside = np.flatnonzero(~holes)
        edges = int(inside[0] + len(holes) - 1 - inside[-1])
        between = int(counts[column]) - edges
        ways = [f"{between:,} interpolated"] if between else []
        ways += [f"{edges:,} at the start or end filled with the nearest"] if edges else []
        line = f"Column {name!r} misses {counts[column]:,} values: {' and '.join(ways)}."
        notes.repaired(line, "missing_value", int(holes.argmax()), column=name)
    if len(partial) > _LISTED:
        more, values = len(partial) - _LISTED, int(counts[partial[_LISTED:]].sum())
        notes.add(f"{more:,} more columns miss {values:,} values: filled the same way.")


def _known(positions: NDArray[np.intp], train_rows: int | None) -> int:
    """How many leading steps hold the first rows, in time order, and no later one."""
    size, n = int(positions.max()) + 1, len(positions)
    if train_rows is None or not 0 < train_rows < n:
        return size
    ordered = np.partition(positions, (train_rows - 1, train_rows))
    return min(int(ordered[train_rows - 1]) + 1, int(ordered[train_rows]))


def _filled(values: NDArray[np.float64], known: int, columns: tuple[str, ...]) -> NDArray[np.float64]:
    """Each column interpolated over its missing steps; the ends take the nearest value.

    The ``known`` steps come first and on their own: what follows has no share in them.
    """
    missing = np.isnan(values)
    if not missing.any():
        return values
    values = values.copy()
    for end in (known, len(values)):
        for column in np.flatnonzero(missing[:end].any(axis=0)):
            holes = missing[:end, column]
            there = np.flatnonzero(~holes)
            if not len(there):
                name = columns[column]
                raise DataError(
                    f"Column {name!r} holds no value in the rows to learn from. Learn from more rows, "
                    "or judge the other columns.",
                    code="empty_column",
                    column=name,
                )
            values[:end][holes, column] = np.interp(np.flatnonzero(holes), there, values[there, column])
        missing = missing & (np.arange(len(values)) >= known)[:, None]
    return values


def _within_reach(
    values: NDArray[np.float64],
    known: int,
    positions: NDArray[np.intp],
    columns: tuple[str, ...],
    notes: Notes,
    given: tuple[int, ...] | None,
) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """Columns of numbers whose squares would overflow in other units, and single such values cut."""
    units = list(given or (0,) * len(columns))
    far = np.flatnonzero((np.abs(values) > _FAR).any(axis=0) | (np.array(units) != 0))
    if not len(far):
        return values, tuple(units)
    values = values.copy()
    for column in far:
        name, usual = columns[column], np.quantile(np.abs(values[: max(1, known), column]), _USUAL)
        if given is None and usual > _FAR:
            units[column] = int(np.frexp(usual)[1])
        if units[column]:
            values[:, column] = np.ldexp(values[:, column], -units[column])
            notes.add(f"Column {name!r} is judged in units of 2^{units[column]}.")
        beyond = np.abs(values[positions, column]) > _FAR
        if beyond.any():
            words = f"{int(beyond.sum()):,} values of column {name!r} beyond 1e100 are held there"
            notes.repaired(f"{words}: for the computation.", "huge_value", int(beyond.argmax()), column=name)
            values[:, column] = np.clip(values[:, column], -_FAR, _FAR)
    return values, tuple(units)
