"""Scores of single rows, smoothed over the windows that cover each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from oddline.operators.windows import around, moving_mean, spread, window_sums

__all__ = ["cover_mean", "smooth", "smooth_at"]

Floats = NDArray[np.float64]


def cover_mean(scores: Floats, width: int, causal: bool = False) -> Floats:
    """The mean over all windows of so many rows that cover a row of the window's mean score.

    Parameters
    ----------
    scores : ndarray (n,) or (n, k)
        In order of time.
    width : int
        A shorter series is one window.
    causal : bool, default False
        Only the window that ends at the row.

    Returns
    -------
    ndarray, shaped like ``scores``
        A row depends on ``width - 1`` rows before it and, unless causal, after it.

    Examples
    --------
    >>> cover_mean(np.array([0.0, 0.0, 4.0, 0.0, 0.0]), 2).tolist()
    [0.0, 1.0, 2.0, 1.0, 0.0]
    >>> cover_mean(np.array([0.0, 0.0, 4.0, 0.0, 0.0]), 2, causal=True).tolist()
    [0.0, 0.0, 2.0, 2.0, 0.0]
    """
    width = max(1, min(width, len(scores)))
    if width == 1:
        return scores
    if not causal:
        return spread(moving_mean(scores, width), width)
    head = np.zeros((width - 1, *scores.shape[1:]))
    count = np.minimum(np.arange(1, len(scores) + 1), width)
    sums = window_sums(np.concatenate([head, scores]), width)
    return np.asarray(sums / count.reshape(-1, *[1] * (scores.ndim - 1)))


def smooth(scores: Floats, width: int) -> Floats:
    """:func:`cover_mean` of a whole series, never over more than a tenth of it.

    Parameters
    ----------
    scores : ndarray (n,) or (n, k)
        In order of time.
    width : int
        Rows of a window; a tenth of a shorter series at most, and 1 leaves the scores as they are.

    Returns
    -------
    ndarray, shaped like ``scores``

    Examples
    --------
    >>> scores = np.zeros(40)
    >>> scores[20] = 9.0
    >>> smooth(scores, 3)[17:24].tolist()
    [0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0]
    """
    return cover_mean(scores, _within(width, len(scores)))


def smooth_at(
    scores: Callable[[NDArray[np.intp]], Floats], rows: NDArray[np.intp], count: int, width: int
) -> Floats:
    """Some rows of :func:`smooth`, asking for the scores near them only.

    Parameters
    ----------
    scores : callable
        Gives the scores of the rows (k,) that it is asked for, (k,) or (k, d).
    rows : ndarray of int
        Ascending, from 0 to count − 1.
    count : int
        Rows of the whole series.
    width : int

    Examples
    --------
    >>> every = np.arange(40.0) ** 2
    >>> some = smooth_at(lambda rows: every[rows], np.array([0, 20]), 40, 3)
    >>> bool(np.allclose(some, smooth(every, 3)[[0, 20]]))
    True
    """
    width = _within(width, count)
    if width == 1:
        return scores(rows)
    near = around(rows, width - 1, width - 1, count)
    # The stretches stand side by side; no window of a wanted row leaves its own.
    return cover_mean(scores(near), width)[np.searchsorted(near, rows)]


def _within(width: int, count: int) -> int:
    return max(1, min(width, count // 10))
