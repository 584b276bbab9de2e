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
from oddline.stamps import place
from oddline.table import Table

__all__ = ["LEAST_ROWS", "LONGEST_HOLE", "Prepared", "prepare"]

LEAST_ROWS = 10
"""Fewer rows cannot say what is usual."""

LONGEST_HOLE = 100
"""Longer holes count as so many steps: what happened in them is unknown, and the grid must not explode."""

_REGULAR = 0.75  # so many of the steps must be whole multiples of the median one
_TOLERANCE = 0.25  # of a step
_SHOWN = 3
_HUGE = 1e290
_HOUR = 3_600 * 10**9
_DAY = 24 * _HOUR
_SPANS = (
    ("day", _DAY),
    ("hour", _HOUR),
    ("minute", 60 * 10**9),
    ("second", 10**9),
    ("millisecond", 10**6),
    ("microsecond", 10**3),
    ("nanosecond", 1),
)


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
    notes = _Notes(strict=repair == "strict")
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
    positions, values, step = _layout(table, values, notes)
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
    for name, flat in zip(table.columns, (values == values[0]).all(axis=0), strict=True):
        if flat:
            notes.add(f"Column {name!r} is constant.")
    return Prepared(values, positions, observed, step, tuple(notes.lines))


class _Notes:
    """Collects repairs in words; where repair is strict the first one is refused instead."""

    def __init__(self, strict: bool) -> None:
        self.lines: list[str] = []
        self._strict = strict

    def add(self, line: str) -> None:
        self.lines.append(line)

    def repaired(self, line: str, code: str, row: int, **where: Any) -> None:
        if self._strict:
            seen = line.split(":")[0].rstrip(".")
            raise DataError(
                f"{seen} ({place(row)}); repair is strict. Mend the file, or allow repair with 'auto'.",
                code=code,
                row=row + 1,
                **where,
            )
        self.lines.append(line)


def _note_missing(missing: NDArray[np.bool_], columns: tuple[str, ...], notes: _Notes) -> None:
    counts = missing.sum(axis=0)
    for column in np.flatnonzero(counts):
        name, holes = columns[column], missing[:, column]
        inside = np.flatnonzero(~holes)
        edges = int(inside[0] + len(holes) - 1 - inside[-1])
        words = f"Column {name!r} misses {counts[column]:,} values: "
        between = int(counts[column]) - edges
        ways = [f"{between:,} interpolated"] if between else []
        ways += [f"{edges:,} at the start or end filled with the nearest"] if edges else []
        notes.repaired(words + " and ".join(ways) + ".", "missing_value", int(holes.argmax()), column=name)


def _layout(
    table: Table, values: NDArray[np.float64], notes: _Notes
) -> tuple[NDArray[np.intp], NDArray[np.float64], float | None]:
    """The step of each row, the values of each occupied step in order, and the length of a step."""
    n = len(values)
    file_order = np.arange(n)
    if table.time is None:
        return file_order, values, None
    time = _unfolded(table.time, notes) if table.time_unit == "ns" else table.time
    order = file_order
    descents = np.flatnonzero(time[1:] < time[:-1])
    rising = np.sort(time) if len(descents) else time
    distinct = 1 + int((rising[1:] != rising[:-1]).sum())
    if distinct < n / 2:
        row = int(np.flatnonzero(np.isin(time, time[0]))[-1])
        notes.repaired(
            f"{n:,} rows share {distinct:,} times: rows count as equally spaced, in file order. "
            "A file of several series should be split.",
            "duplicate_time",
            row,
        )
        return file_order, values, None
    if len(descents):
        order = np.argsort(time, kind="stable")
        if (order == file_order[::-1]).all():
            line = "The newest row comes first: rows are put in time order for the computation."
        else:
            line = f"Rows are not in time order ({_times(len(descents))}): sorted for the computation."
        notes.repaired(line, "unsorted_time", int(descents[0]) + 1)
        time, values = time[order], values[order]
    group = file_order  # the occupied step of each sorted row, counted without holes
    if distinct < n:
        starts = np.flatnonzero(np.concatenate(([True], time[1:] != time[:-1])))
        group = np.repeat(np.arange(distinct), np.diff(np.append(starts, n)))
        second = int(order[np.flatnonzero(np.diff(group) == 0)[0] + 1])
        notes.repaired(
            f"{n - distinct:,} rows repeat the time of another: merged by their mean for the computation.",
            "duplicate_time",
            second,
        )
        values, time = _means(values, starts), time[starts]
        last = np.append(starts[1:], n) - 1
    else:
        last = file_order
    gaps, step = _gaps(time, table.time_unit, order[last], notes)
    positions = np.empty(n, dtype=np.intp)
    positions[order] = group if gaps is None else np.concatenate(([0], np.cumsum(gaps)))[group]
    return positions, values, step


def _means(values: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Mean of each group of rows, over the values that are there."""
    there = ~np.isnan(values)
    counts = np.add.reduceat(there, starts, axis=0, dtype=np.float64)
    sums = np.add.reduceat(np.where(there, values, 0.0), starts, axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1.0), np.nan)


def _gaps(
    time: NDArray[np.int64], unit: str, rows: NDArray[np.intp], notes: _Notes
) -> tuple[NDArray[np.intp] | None, float | None]:
    """Steps from each time to the next, and the step; (None, None) where times are too irregular.

    ``time`` is strictly increasing; ``rows`` names the input row behind each.
    """
    lengths = (time[1:] - time[:-1]).view(np.uint64)  # exact even where a signed difference is not
    if (lengths == lengths[0]).all():
        return None, float(lengths[0])
    step = float(np.median(lengths))
    ratios = lengths / step
    whole = np.maximum(np.rint(ratios), 1.0)
    regular = np.abs(ratios - whole) <= _TOLERANCE
    absent = np.minimum(whole - 1.0, LONGEST_HOLE).astype(np.intp)
    if regular.mean() < _REGULAR or absent.sum() > len(time):
        words = f"Times are irregular (median step {_span(step, unit)}): rows count as equally spaced."
        notes.repaired(words, "irregular_time", int(rows[int(regular.argmin())]))
        return None, None
    holes = np.flatnonzero(absent)
    if len(holes):
        _note_holes(holes, lengths, step, absent, unit, rows, notes)
    if not regular.all() and not len(holes):
        notes.add("Steps vary a little: rows count as equally spaced.")
    return absent + 1, step


def _note_holes(
    holes: NDArray[np.intp],
    lengths: NDArray[np.uint64],
    step: float,
    absent: NDArray[np.intp],
    unit: str,
    rows: NDArray[np.intp],
    notes: _Notes,
) -> None:
    def words(hole: int) -> str:
        size = _span(float(lengths[hole]), unit, step)
        return f"{size} hole after row {rows[hole] + 1:,}"

    first = int(rows[holes[0]])
    if len(holes) <= _SHOWN:
        for hole in holes.tolist():
            count, cut = int(absent[hole]), absent[hole] == LONGEST_HOLE
            how = "shortened to " if cut else ""
            steps = (
                f"{count:,} interpolated steps" if cut else f"{count:,} {_plural('step', count)} interpolated"
            )
            notes.repaired(f"{words(hole)}: {how}{steps} for the computation.", "gap", int(rows[hole]))
        return
    longest = int(holes[np.argmax(lengths[holes])])
    cut = int((absent == LONGEST_HOLE).sum())
    line = (
        f"{len(holes):,} holes: {int(absent.sum()):,} steps interpolated for the computation; the longest a "
    )
    line += words(longest) + (f", {cut:,} shortened to {LONGEST_HOLE} steps" if cut else "") + "."
    notes.repaired(line, "gap", first)


def _unfolded(time: NDArray[np.int64], notes: _Notes) -> NDArray[np.int64]:
    """Local times across the end of daylight saving, when one hour comes twice, in rising order.

    Only where every step back is one hour, at night and at a weekend, and rare.
    """
    moves = np.diff(time)
    back = moves <= 0
    if not back.any() or not (moves > 0).any():
        return time
    step = float(np.median(moves[moves > 0]))
    clock, weekday = time[1:] % _DAY, (time[1:] // _DAY + 3) % 7
    night = ((clock < 4 * _HOUR) | (clock >= 22 * _HOUR)) & (weekday >= 5)
    slack = _TOLERANCE * step
    falls = np.flatnonzero(night & (np.abs(moves + _HOUR - step) <= slack))
    years = float(time.max() - time.min()) / (365 * _DAY)
    if step > _HOUR or len(falls) != int(back.sum()) or len(falls) > 1 + 2 * years:
        return time
    springs = night & (np.abs(moves - _HOUR - step) <= slack)
    shift = np.zeros(len(time), dtype=np.int64)
    shift[falls + 1] = _HOUR
    for spring in np.flatnonzero(springs):
        if shift[: spring + 1].sum() > 0:
            shift[spring + 1] = -_HOUR
    first = int(falls[0]) + 1
    notes.repaired(
        f"The clock goes back an hour at row {first + 1:,} (end of daylight saving): "
        "both hours are kept, in file order.",
        "repeated_hour",
        first,
    )
    return time + np.cumsum(shift)


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


def _span(length: float, unit: str, step: float | None = None) -> str:
    """A length of time in words: ``65-minute``, ``2.1-day``, or ``13-step`` for bare counts."""
    if unit != "ns":
        return f"{length / (step or 1.0):,.4g}" + ("-step" if step else "")
    for name, size in _SPANS:
        if length % size == 0 and length / size < 200:
            return f"{length / size:.0f}-{name}"
    name, size = next(span for span in _SPANS if length >= span[1])
    return f"{length / size:.1f}-{name}"


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else noun + "s"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
