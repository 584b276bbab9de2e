"""Scores of single rows, smoothed over the windows that cover each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.windows import moving_mean, spread

__all__ = ["smooth"]

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
    width = max(1, min(width, len(scores) // 10))
    return scores if width == 1 else spread(moving_mean(scores, width), width)
