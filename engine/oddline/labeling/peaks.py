"""Events among scores: peaks apart from each other, and how many of them stand out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

__all__ = ["find_peaks", "standing_out"]

Floats = NDArray[np.float64]

_NEAREST, _LARGEST_SHARE = 10, 20
_MOST, _ROWS_FOR_ONE_MORE = 5, 2_000
_LEAST_GAP = 1e-6  # of two heights' logarithms: less is rounding
_DECISIVE_GAP, _WIDEST_GAP, _LARGEST_PART = np.log(2.0), np.log(10.0), 4


def find_peaks(scores: Floats, apart: int) -> NDArray[np.intp]:
    """The rows whose score no row nearby exceeds, highest first.

    The scores of an event are large together: in extreme value statistics they are one cluster
    and only its highest counts, so that a long event weighs no more than a short one.

    Parameters
    ----------
    scores : ndarray (n,)
    apart : int
        Rows so far apart, or less, belong together; at least 10, at most a twentieth of the rows.

    Returns
    -------
    ndarray of int
        Cost O(n + peaks·log peaks).

    References
    ----------
    Leadbetter (1991), On a basis for peaks over threshold modeling,
    doi:10.1016/0167-7152(91)90107-3.

    Examples
    --------
    >>> scores = np.zeros(400)
    >>> scores[[100, 103, 300]] = [2.0, 5.0, 7.0]
    >>> find_peaks(scores, 5)[:2].tolist()
    [300, 103]
    """
    apart = max(1, min(max(apart, _NEAREST), len(scores) // _LARGEST_SHARE))
    highest = maximum_filter1d(scores, 2 * apart + 1, mode="nearest")
    rows = np.flatnonzero(scores == highest)
    # Of a plateau, or of two equal neighbours, the first row stands for both.
    rows = rows[np.diff(rows, prepend=-apart - 1) > apart]
    return rows[np.argsort(-scores[rows], kind="stable")]


def standing_out(heights: Floats, rows: int) -> int:
    """How many of the highest peaks stand out from the rest.

    The peaks are cut at the widest gap between the logarithms of two that follow each other,
    where the gap below the i-th counts √i times: under an exponential tail gaps shrink as 1/i
    (Rényi's representation), so that a gap further down says more. Five peaks, and one more for
    every 2,000 rows, may stand out by any gap; up to a quarter of them where the last is twice as
    high as the next. A factor of ten is as wide as any: one huge peak does not hide large ones.

    Parameters
    ----------
    heights : ndarray (m,)
        The scores of peaks, highest first.
    rows : int
        Rows of the series.

    Returns
    -------
    int
        From 0, where no peak is higher than another, to m - 1.

    References
    ----------
    Rényi (1953), On the theory of order statistics, doi:10.1007/BF02127580.

    Examples
    --------
    >>> standing_out(np.array([9.0, 8.0, 2.0, 1.9, 1.8]), 1_000)
    2
    """
    if len(heights) < 2 or heights[0] <= 0:
        return 0
    few = _MOST + rows // _ROWS_FOR_ONE_MORE
    logs = np.log(np.maximum(heights / heights[0], 1e-9))[: max(few, len(heights) // _LARGEST_PART) + 1]
    gaps = np.minimum(logs[:-1] - logs[1:], _WIDEST_GAP)
    gaps[few:][gaps[few:] < _DECISIVE_GAP] = 0.0
    weighted = gaps * np.sqrt(np.arange(1, len(logs)))
    widest = int(np.argmax(weighted))
    return widest + 1 if weighted[widest] > _LEAST_GAP else 0
