"""A line that follows the rows before each row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["follow"]

Floats = NDArray[np.float64]

_LEAST_BLOCK, _LARGEST_BLOCK = 64, 65_536


def follow(
    x: Floats, window: int, line: Callable[[Floats], Floats], start: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Hold each value against a line drawn from the ``window`` values before it.

    A value above its line is flagged and enters the later windows clipped at the line. That
    makes the rule a recursion, but only flagged rows break it: between them whole blocks are
    computed at once.

    Parameters
    ----------
    x : ndarray (n,)
    window : int
    line : callable
        ``line(past)`` gives the lines of consecutive rows from the values before them:
        ``past[i : i + window]`` are those before the i-th of the rows.
    start : int
        The first row to judge, at least ``window``.

    Returns
    -------
    lines : ndarray (n,)
        Infinite before ``start``.
    flagged : ndarray of bool (n,)
    """
    n = len(x)
    seen = x.copy()
    lines = np.full(n, np.inf)
    flagged = np.zeros(n, bool)
    row, size = start, _LARGEST_BLOCK
    while row < n:
        stop = min(n, row + size)
        block = line(seen[row - window : stop - 1])
        over = np.flatnonzero(x[row:stop] > block)
        if over.size:
            stop = row + int(over[0]) + 1
            block = block[: stop - row]
            flagged[stop - 1] = True
            seen[stop - 1] = block[-1]
            size = max(_LEAST_BLOCK, window)
        else:
            size = min(2 * size, max(_LARGEST_BLOCK, window))
        lines[row:stop] = block
        row = stop
    return lines, flagged
