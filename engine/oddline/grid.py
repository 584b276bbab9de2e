"""Where each row lies on a regular grid of time, and what had to be repaired to say so."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddline.errors import DataError
from oddline.stamps import place
from oddline.table import Table

__all__ = ["LONGEST_HOLE", "Notes", "layout"]

LONGEST_HOLE = 100
"""Longer holes count as so many steps: what happened in them is unknown, and the grid must not explode."""

_REGULAR = 0.75  # so many of the steps must be whole multiples of the median one
_TOLERANCE = 0.25  # of a step
_SHOWN = 3
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


class Notes:
    """Collects repairs in words; where repair is strict the first one is refused instead."""

    def __init__(self, strict: bool) -> None:
        self.lines: list[str] = []
        self._strict = strict

    def add(self, line: str) -> None:
        """Note what is no repair."""
        self.lines.append(line)

    def repaired(self, line: str, code: str, row: int, **where: Any) -> None:
        """Note a repair; where repair is strict, refuse it with ``code`` at ``row``, counted from 0."""
        if self._strict:
            seen = line.split(":")[0].rstrip(".")
            raise DataError(
                f"{seen} ({place(row)}); repair is strict. Mend the file, or allow repair with 'auto'.",
                code=code,
                row=row + 1,
                **where,
            )
        self.lines.append(line)


def layout(
    table: Table, values: NDArray[np.float64], notes: Notes
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
    time: NDArray[np.int64], unit: str, rows: NDArray[np.intp], notes: Notes
) -> tuple[NDArray[np.intp] | None, float | None]:
    """Steps from each time to the next, and the step; (None, None) where times are too irregular.

    ``time`` is strictly increasing; ``rows`` names the input row behind each.
    """
    lengths = (time[1:] - time[:-1]).view(np.uint64)  # exact even where a signed difference is not
    if not len(lengths):
        return None, None
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
    notes: Notes,
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


def _unfolded(time: NDArray[np.int64], notes: Notes) -> NDArray[np.int64]:
    """Local times across the end of daylight saving, when one hour comes twice, in rising order.

    Only where every step back is one hour, at night and at a weekend, and rare.
    """
    back = time[1:] <= time[:-1]
    span = float(time.max()) - float(time.min())
    if not back.any() or back.all() or span > 2.0**62:
        return time
    moves = np.diff(time)
    step = float(np.median(moves[moves > 0]))
    clock, weekday = time[1:] % _DAY, (time[1:] // _DAY + 3) % 7
    night = ((clock < 4 * _HOUR) | (clock >= 22 * _HOUR)) & (weekday >= 5)
    slack = _TOLERANCE * step
    falls = np.flatnonzero(night & (np.abs(moves + _HOUR - step) <= slack))
    if step > _HOUR or len(falls) != int(back.sum()) or len(falls) > 1 + 2 * span / (365 * _DAY):
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
