"""Sliding windows as points, and window scores as row scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["blocks", "coarsen", "flatten", "moving_mean", "pad_head", "spread", "take"]

Floats = NDArray[np.float64]

MOST_SEGMENTS = 128
_BLOCK_CELLS = 2**20


def moving_mean(values: Floats, window: int) -> Floats:
    """The mean of rows t … t + window − 1, (n − window + 1, d), of values (n, d).

    >>> moving_mean(np.array([[1.0], [3.0], [5.0]]), 2).ravel()
    array([2., 4.])
    """
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return np.asarray((sums[window:] - sums[:-window]) / window)


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
        Cost O(n): two looks into one cumulative sum.

    Examples
    --------
    >>> spread(np.array([0.0, 6.0, 0.0]), 2)
    array([0., 3., 3., 0.])
    """
    count = len(scores)
    rows = np.arange(count + window - 1)
    first, last = np.maximum(rows - window + 1, 0), np.minimum(rows, count - 1)
    sums = np.concatenate([np.zeros((1, *scores.shape[1:])), np.cumsum(scores, axis=0)])
    covered = (last - first + 1).reshape(-1, *[1] * (scores.ndim - 1))
    # Rounding in the running sum must not push a zero below zero, nor a mean out of its range.
    mean = (sums[last + 1] - sums[first]) / covered
    return np.clip(mean, scores.min(initial=0.0), scores.max(initial=0.0))


def pad_head(values: Floats, rows: int) -> Floats:
    """``values`` with its first row repeated in front until there are ``rows`` rows."""
    missing = rows - len(values)
    return values if missing <= 0 else np.concatenate([np.repeat(values[:1], missing, axis=0), values])
