"""Hundman's criterion: the line that, for few rows and runs, leaves the rest most alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["best_multiple"]

Floats = NDArray[np.float64]

_LEAST, _STEP = 2.0, 0.5


def best_multiple(scores: Floats, distances: Floats, most: float, apart: int) -> float | None:
    """How many deviations away a row is odd: the number that pays most.

    For each multiple z from 2 to ``most`` the rows with a distance above z are left out. What
    that takes off the mean and the standard deviation of the rest, as shares of both, is divided
    by the number of those rows plus the square of the number of runs that they form.

    Parameters
    ----------
    scores : ndarray (n,)
        At least 0.
    distances : ndarray (n,)
        How far each row is from its mean, in standard deviations.
    most : float
        The largest z; a smaller one than 2 is itself the only candidate.
    apart : int
        Rows with at most so many between them are one run.

    Returns
    -------
    float or None
        None where no row is so far away, or nothing is gained.

    Notes
    -----
    O(n log n).

    References
    ----------
    Hundman, Constantinou, Laporte, Colwell & Soderstrom (2018), Detecting spacecraft anomalies
    using LSTMs and nonparametric dynamic thresholding, doi:10.1145/3219819.3219845.
    """
    largest = float(scores.max(initial=0.0))
    if largest <= 0:
        return None
    order = np.argsort(distances, kind="stable")
    ranked = distances[order]
    # The sums grow from the small end: those of the rest never hold what was left out.
    part = scores[order] / largest
    sums, squares = np.cumsum(part), np.cumsum(part * part)
    count = np.arange(1, len(part) + 1)
    means = sums / count
    deviations = np.sqrt(np.maximum(squares / count - means * means, 0.0))
    if means[-1] <= 0 or deviations[-1] <= 0:
        return None
    best, gain = None, 0.0
    for z in np.arange(min(_LEAST, most), min(most, float(ranked[-1])) + 1e-9, _STEP):
        rest = int(np.searchsorted(ranked, z, side="right"))
        left_out = len(ranked) - rest
        if not rest or not left_out:
            continue
        runs = 1 + np.count_nonzero(np.diff(np.flatnonzero(distances > z)) > apart + 1)
        drop = 2.0 - means[rest - 1] / means[-1] - deviations[rest - 1] / deviations[-1]
        if drop / (left_out + runs**2) > gain:
            best, gain = float(z), drop / (left_out + runs**2)
    return best
