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

_HUGE = 1e290
_LISTED = 5


@dataclass(frozen=True, eq=False)
class Prepared:
    """A regular, complete series made from n input rows, m steps long.

    Attributes
    ----------
    values : ndarray of float64 (m, d)
        Finite. Shares memory with the table where nothing had to be repaired: do not write to it.
    rows : ndarray of intp (n,)
        The step of each input row, in file order. Rows of one time share a step.
    observed : ndarray of bool (m,)
        Whether an input row lies on the step; the others are interpolated.
    step : float or None
        The length of a step in nanoseconds (or counts); None where rows count as equally spaced.
    notes : tuple of str
        Every repair in words.
    """

    values: NDArray[np.float64]
    rows: NDArray[np.intp]
    observed: NDArray[np.bool_]
    step: float | None
    notes: tuple[str, ...]

    def back(self, scores: NDArray[Any]) -> NDArray[Any]:
        """Bring one entry a step, (m,) or (m, k), back to one entry an input row, in file order."""
        if len(scores) != len(self.values):
            raise ValueError(f"expected {len(self.values)} entries, one a step; got {len(scores)}")
        return scores[self.rows]

    def head(self, rows: int) -> int:
        """How many leading steps the first ``rows`` input rows, in time order, take up."""
        if rows <= 0:
            return 0
        if rows >= len(self.rows):
            return len(self.values)
        return int(np.partition(self.rows, rows - 1)[rows - 1]) + 1


def prepare(table: Table, repair: str = "auto") -> Prepared:
    """Sort, merge rows of one time, lay out a regular grid and fill what is missing.

    Parameters
    ----------
    table : Table
        n rows, d columns.
    repair : str
        ``"auto"`` repairs and notes each repair; ``"strict"`` refuses the first thing that
        would need one.

    Returns
    -------
    Prepared

    Raises
    ------
    DataError
        Fewer than :data:`LEAST_ROWS` rows, a column without any value, or, under ``"strict"``,
        anything that needs repair; with the column and the row.

    Notes
    -----
    The step is the median one. Holes up to :data:`LONGEST_HOLE` steps are interpolated in full,
    longer ones are shortened to that. Where fewer than three quarters of the steps are multiples
    of the median, or the grid would be more than twice the rows, or most rows share a time, rows
    count as equally spaced. Cost: linear in n·d, plus a sort where the rows are not in order.

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
    if n < LEAST_ROWS:
        raise DataError(
            f"The table has {n:,} rows; at least {LEAST_ROWS} are needed to learn what is usual.",
            code="too_few_rows",
        )
    missing = np.isnan(table.values)
    for column in np.flatnonzero(missing.all(axis=0)):
        name = table.columns[column]
        raise DataError(f"Column {name!r} holds no value at all.", code="empty_column", column=name)
    _note_missing(missing, table.columns, notes)
    values, scale = table.values, 1.0
    if np.nanmax(np.abs(values)) > _HUGE:
        scale = 2.0**-64  # sums and differences of such values would overflow
        values = values * scale
    positions, values, step = layout(table, values, notes)
    size = int(positions.max()) + 1
    observed = np.zeros(size, dtype=bool)
    observed[positions] = True
    if size != len(values):
        grid = np.full((size, values.shape[1]), np.nan)
        grid[observed] = values
        values = grid
    values = _filled(values)
    if scale != 1.0:
        values = values / scale
    flat = np.flatnonzero((values == values[0]).all(axis=0))
    for column in flat[:_LISTED]:
        notes.add(f"Column {table.columns[column]!r} is constant.")
    if len(flat) > _LISTED:
        notes.add(f"{len(flat) - _LISTED:,} more columns are constant.")
    return Prepared(values, positions, observed, step, tuple(notes.lines))


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


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each column interpolated over its missing steps; the ends take the nearest value."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    values = values.copy()
    for column in np.flatnonzero(missing.any(axis=0)):
        holes = missing[:, column]
        there = np.flatnonzero(~holes)
        values[holes, column] = np.interp(np.flatnonzero(holes), there, values[there, column])
    return values
