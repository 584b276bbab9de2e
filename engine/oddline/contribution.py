"""Which columns made a run of rows anomalous."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from oddline.operators.neighbors import pick_references

__all__ = ["contributions", "contributions_at"]

_USUAL = 200  # rows that say what a column usually adds


def contributions(
    parts: NDArray[np.float64],
    runs: Iterable[tuple[int, int]],
    usual: NDArray[np.float64] | None = None,
) -> list[NDArray[np.float64]]:
    """Each column's share of the score of each run.

    A column counts by how far its part of the score rises above what it usually adds. So a column
    that is always noisy does not lead in every run.

    Parameters
    ----------
    parts : ndarray (n, d)
        Column j's part of the score of row i, at least 0; the score is their sum, or
        proportional to it.
    runs : iterable of (int, int)
        First and last row of each run, both included.
    usual : ndarray (d,), optional
        What each column usually adds; without it the medians of ``parts``.

    Returns
    -------
    list of ndarray (d,)
        For each run shares from 0 to 1 that sum to 1. Where no column rises above its usual
        part the parts themselves are shared out; where they are all 0, all columns alike.

    Examples
    --------
    >>> parts = np.array([[1.0, 5.0], [1.0, 5.0], [7.0, 7.0]])
    >>> contributions(parts, [(2, 2)])[0].tolist()
    [0.75, 0.25]
    """
    parts = np.where(np.isfinite(parts), parts, 0.0)
    if usual is None:
        usual = np.median(parts, axis=0)
    return [_shares(parts[first : last + 1], usual) for first, last in runs]


def contributions_at(
    parts: Callable[[NDArray[np.intp]], NDArray[np.float64]],
    runs: Sequence[NDArray[np.intp]],
    count: int,
) -> list[NDArray[np.float64]]:
    """:func:`contributions` of some runs, asking only for the parts that they need.

    Parameters
    ----------
    parts : callable
        Gives the parts of the rows (k,) that it is asked for, (k, d). Called once, with the rows
        of the runs and 200 from the whole series that say what is usual: the work grows with the
        flagged rows, not with the others.
    runs : sequence of ndarray of int
        The rows of each run; a row may stand several times.
    count : int
        Rows of the whole series.

    Returns
    -------
    list of ndarray (d,)
    """
    usual = pick_references(count, _USUAL, np.random.default_rng(0))
    flagged = np.concatenate(runs)
    rows = np.union1d(usual, flagged)
    found = parts(rows)
    ends = np.cumsum([len(run) for run in runs])
    bounds = [(int(end) - len(run), int(end) - 1) for end, run in zip(ends, runs, strict=True)]
    middle = np.median(found[np.searchsorted(rows, usual)], axis=0)
    return contributions(found[np.searchsorted(rows, flagged)], bounds, middle)


def _shares(parts: NDArray[np.float64], usual: NDArray[np.float64]) -> NDArray[np.float64]:
    for weight in (np.maximum(parts - usual, 0.0), np.maximum(parts, 0.0)):
        # Divided by the largest first: parts can be huge, and their sum must stay finite.
        largest = weight.max()
        if largest > 0:
            each = (weight / largest).sum(axis=0)
            shares: NDArray[np.float64] = each / each.sum()
            return shares
    return np.full(len(usual), 1.0 / len(usual))
