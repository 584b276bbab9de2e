"""Sliding windows as points, and window scores as row scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "around",
    "blocks",
    "coarsen",
    "flatten",
    "moving_mean",
    "pad_head",
    "spread",
    "take",
    "window_sums",
]

Floats = NDArray[np.float64]

MOST_SEGMENTS = 128
_BLOCK_CELLS = 2**20


def window_sums(values: Floats, window: int) -> Floats:
    """The sum of every ``window`` neighbouring rows.

    Each sum is the tail of one block plus the head of the next (van Herk 1992), so the cost
    does not depend on the window and nothing is ever subtracted: a small sum beside a huge
    spike keeps its digits.

    Parameters
    ----------
    values : ndarray (n,) or (n, d)
    window : int
        From 1 to n.

    Returns
    -------
    ndarray (n - window + 1,) or (n - window + 1, d)

    Examples
    --------
    >>> window_sums(np.arange(5.0), 3).tolist()
    [3.0, 6.0, 9.0]
    """
    n, columns = len(values), values.shape[1:]
    blocks = -(-n // window)
    padded = np.zeros((blocks * window, *columns))
    padded[:n] = values
    padded = padded.reshape(blocks, window, *columns)
    heads = np.cumsum(padded, axis=1).reshape(-1, *columns)
    tails = np.cumsum(padded[:, ::-1], axis=1)[:, ::-1].reshape(-1, *columns)
    sums: Floats = heads[window - 1 : n].copy()
    inside = np.arange(len(sums)) % window > 0
    sums[inside] += tails[: len(sums)][inside]
    return sums


def moving_mean(values: Floats, window: int) -> Floats:
    """The mean of rows t … t + window − 1, (n − window + 1, d), of values (n, d).

    >>> moving_mean(np.array([[1.0], [3.0], [5.0]]), 2).ravel()
    array([2., 4.])
    """
    return window_sums(values, window) / window


def coarsen(values: Floats, window: int) -> tuple[Floats, int]:
    """Averages of ``step`` rows, so that a long window needs at most 128 values a column.

    Parameters
    ----------
    values : ndarray (n, d)
    window : int

    Returns
    -------
    smooth : ndarray (n - step + 1, d)
        ``smooth[t]`` is the mean of rows ``t … t + step - 1``; the input itself for short windows.
    step : int
    """
    step = -(-window // MOST_SEGMENTS)
    return (values, 1) if step == 1 else (moving_mean(values, step), step)


def flatten(smooth: Floats, step: int, window: int) -> NDArray[np.float64]:
    """Every window as a view of shape (windows, columns, points); nothing is copied.

    ``smooth`` and ``step`` come from :func:`coarsen`. A window that ``step`` does not divide
    loses its remainder at the old end.
    """
    points = window // step
    span = (points - 1) * step + 1
    view = np.lib.stride_tricks.sliding_window_view(smooth, span, axis=0)
    # A remainder shifts the segments to the young end, so that the newest row always counts.
    return view[window - points * step :, :, ::step]


def take(view: NDArray[np.float64], rows: slice | NDArray[np.intp]) -> Floats:
    """The chosen windows as an (m, columns·points) matrix, copied."""
    chosen = view[rows]
    return np.ascontiguousarray(chosen).reshape(len(chosen), -1)


def blocks(count: int, width: int) -> Iterator[slice]:
    """Slices of ``count`` rows such that ``width`` cells a row stay within some megabytes.

    >>> [s.stop - s.start for s in blocks(5000, 600)]
    [1747, 1747, 1506]
    """
    rows = max(64, _BLOCK_CELLS // max(1, width))
    for start in range(0, count, rows):
        yield slice(start, min(count, start + rows))


def spread(scores: Floats, window: int) -> Floats:
    """The score of a row: the mean over all windows that cover it.

    Parameters
    ----------
    scores : ndarray (n - window + 1,) or (n - window + 1, d)
        One score for each window, by its first row.
    window : int

    Returns
    -------
    ndarray (n,) or (n, d)
        Cost O(n + window).

    Examples
    --------
    >>> spread(np.array([0.0, 6.0, 0.0]), 2)
    array([0., 3., 3., 0.])
    """
    count, columns = len(scores), scores.shape[1:]
    rows = np.arange(count + window - 1)
    covered = np.minimum(rows, count - 1) - np.maximum(rows - window + 1, 0) + 1
    none = np.zeros((window - 1, *columns))
    sums = window_sums(np.concatenate([none, scores, none]), window)
    return np.asarray(sums / covered.reshape(-1, *[1] * len(columns)))


def around(rows: NDArray[np.intp], before: int, after: int, count: int) -> NDArray[np.intp]:
    """The places from 0 to count − 1 near one of ``rows``, ascending: what those rows depend on.

    >>> around(np.array([1, 7]), 2, 1, 8).tolist()
    [0, 1, 2, 5, 6, 7]
    """
    edges = np.zeros(count + 1, dtype=np.intp)
    np.add.at(edges, np.maximum(rows - before, 0), 1)
    np.add.at(edges, np.minimum(rows + after + 1, count), -1)
    return np.flatnonzero(np.cumsum(edges[:-1]) > 0)


def pad_head(values: Floats, rows: int) -> Floats:
    """``values`` with its first row repeated in front until there are ``rows`` rows."""
    missing = rows - len(values)
    return values if missing <= 0 else np.concatenate([np.repeat(values[:1], missing, axis=0), values])
