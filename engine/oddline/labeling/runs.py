"""Flagged rows, merged into runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["merge_runs"]


def merge_runs(
    label: NDArray[np.int8], severity: NDArray[np.float64], gap: int = 0
) -> tuple[tuple[int, int, int], ...]:
    """The runs of flagged rows as (first row, last row, row of the largest severity).

    Parameters
    ----------
    label : ndarray (n,)
        In order of time; -1 where a row is flagged.
    severity : ndarray (n,)
    gap : int
        Runs with at most so many normal rows between them are one.

    Examples
    --------
    >>> merge_runs(np.array([1, -1, -1, 1, -1]), np.array([0.0, 1.1, 1.2, 0.0, 3.0]))
    ((1, 2, 2), (4, 4, 4))
    >>> merge_runs(np.array([1, -1, -1, 1, -1]), np.array([0.0, 1.1, 1.2, 0.0, 3.0]), gap=1)
    ((1, 4, 4),)
    """
    flagged = np.flatnonzero(label < 0)
    if not flagged.size:
        return ()
    breaks = np.flatnonzero(np.diff(flagged) > gap + 1) + 1
    runs = []
    for rows in np.split(flagged, breaks):
        first, last = int(rows[0]), int(rows[-1])
        runs.append((first, last, int(rows[np.argmax(severity[rows])])))
    return tuple(runs)
