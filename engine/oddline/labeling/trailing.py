"""A line that follows the rows before each row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Answer", "Reference", "follow"]

Floats = NDArray[np.float64]

Answer = tuple[Floats, Floats, NDArray[np.bool_], str]
"""What a label method gives: score (n,), line (n,), flagged (n,) and the reason in words."""

_LEAST_BLOCK, _LARGEST_BLOCK = 64, 65_536
_LONG, _MOST_SWEEPS = 5_000, 30


@dataclass(frozen=True)
class Reference:
    """Which rows each row is compared with: ``window`` rows that end ``gap`` rows before it.

    Where neighbouring scores share what they were made of, a gap keeps an event out of the rows
    it is compared with. The first ``gap`` judged rows have no rows so far back and all take the
    first window, so that a gap costs no judged rows. ``start``, at least ``window``, is the first
    row to judge.
    """

    window: int
    start: int
    gap: int = 0

    def past(self, x: Floats) -> Floats:
        """The values in the windows of all rows but the first ``gap``: the i-th is ``[i : i + window]``."""
        return x[self.start - self.window : max(len(x) - self.gap - 1, self.start)]

    def repeat_first(self, statistic: Floats, rows: int) -> Floats:
        """A statistic of :meth:`past`, one for each of ``rows`` judged rows."""
        return np.concatenate([np.full(self.gap, statistic[0]), statistic])[:rows]


def follow(
    x: Floats, reference: Reference, line: Callable[[Floats], Floats]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Hold each value against a line drawn from the values it is compared with.

    A value above its line is flagged and enters the later windows clipped at the line. That
    makes the rule a recursion, but only flagged rows break it: between them whole blocks are
    computed at once.

    Parameters
    ----------
    x : ndarray (n,)
    reference : Reference
    line : callable
        ``line(past)`` gives the lines of consecutive rows from the values they are compared with:
        ``past[i : i + window]`` are those of the i-th of the rows.

    Returns
    -------
    lines : ndarray (n,)
        Infinite before the first row to judge.
    flagged : ndarray of bool (n,)
    """
    n, window, gap = len(x), reference.window, reference.gap
    first = reference.start
    if window > _LONG:
        settled = _settle(x, reference, line)
        if settled is not None:
            return settled
    row = min(n, first + gap)
    lines = np.full(n, np.inf)
    lines[first:row] = line(x[first - window : first])
    flagged = x > lines
    seen = np.minimum(x, lines)
    size = _LARGEST_BLOCK
    while row < n:
        stop = min(n, row + size)
        block = line(seen[row - gap - window : stop - gap - 1])
        over = np.flatnonzero(x[row:stop] > block)
        if over.size:
            # The first flagged row changes the lines of those that come more than a gap behind it.
            stop = min(stop, row + int(over[0]) + 1 + gap)
            block, over = block[: stop - row], over[over < stop - row]
            size = max(_LEAST_BLOCK, window, gap)
        else:
            size = min(2 * size, max(_LARGEST_BLOCK, window))
        flagged[row + over] = True
        seen[row + over] = block[over]
        lines[row:stop] = block
        row = stop
    return lines, flagged


def _settle(
    x: Floats, reference: Reference, line: Callable[[Floats], Floats]
) -> tuple[Floats, NDArray[np.bool_]] | None:
    """The same by sweeps over all rows, until no line moves; None where they do not settle.

    The lines are the only ones that agree with the values clipped at them. A row weighs little in
    a long window, so that a few sweeps find them; blocks would start anew at every flagged row.
    """
    rows = len(x) - reference.start
    lines, seen = np.full(len(x), np.inf), x
    for _ in range(_MOST_SWEEPS):
        before = seen
        lines[reference.start :] = reference.repeat_first(line(reference.past(seen)), rows)
        seen = np.minimum(x, lines)
        if np.allclose(seen, before, rtol=1e-13, atol=0.0):
            return lines, x > lines
    return None
