"""Scores of single rows, smoothed over the windows that cover each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from oddline.operators.windows import around, moving_mean, spread

__all__ = ["smooth", "smooth_at"]

Floats = NDArray[np.float64]


def smooth(scores: Floats, width: int) -> Floats:
    """The mean over all windows that cover a row of the window's mean score.

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
    width = _within(width, len(scores))
    return scores if width == 1 else spread(moving_mean(scores, width), width)


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
    return spread(moving_mean(scores(near), width), width)[np.searchsorted(near, rows)]


def _within(width: int, count: int) -> int:
    return max(1, min(width, count // 10))
