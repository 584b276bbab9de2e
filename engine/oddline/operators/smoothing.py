"""Scores of single rows, smoothed over the windows that cover each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.windows import moving_mean, spread, window_sums

__all__ = ["cover_mean"]

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
