"""Contextual-Anomaly: runs that rise above the line of their stretch and above what is left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.labeling.drop import best_multiple
from oddline.labeling.peaks import find_peaks
from oddline.labeling.tail import LARGEST, line_ahead, oddest
from oddline.labeling.trailing import Answer, Reference
from oddline.operators.windows import window_sums

__all__ = ["contextual_anomaly"]

Floats = NDArray[np.float64]

_LEAST_STRETCH, _WINDOWS_OF_STRETCH = 10_000, 100
_STEP = 0.13


def contextual_anomaly(
    scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0
) -> Answer:
    """Runs of smoothed scores above mean + z·std of their stretch, pruned.

    Scores are smoothed over the last ``window`` rows. In each stretch of 100·W rows (10,000 at
    least) z, from 2 to θ, is the multiple that pays most
    (:func:`~oddline.labeling.drop.best_multiple`). Then the runs of the stretch are pruned: in
    order of their peaks, above the mean, only those before the last step down by more than 13 %
    remain. The line of the stretch is drawn at the highest of those that do not, and never below
    the oddest 1.5 % of all rows; for rows that were not learnt from not below a prediction interval
    (:func:`~oddline.labeling.tail.line_ahead`). It finds events that are odd where they are, and
    misses what is common in its stretch.

    Parameters
    ----------
    scores : ndarray (n,)
    threshold : float
        The largest z in standard deviations.
    reference : Reference
        Its window smooths; rows within its window or gap belong to one run.
    learn : slice
        The rows whose stretches are looked at; later rows have the line of the last of them.
    floor : float
        The least score worth a flag.

    Returns
    -------
    score, line : ndarray (n,)
        The smoothed scores, and the line of each stretch.
    flagged : ndarray of bool (n,)
    reason : str

    Notes
    -----
    O(n log n).

    References
    ----------
    Hundman, Constantinou, Laporte, Colwell & Soderstrom (2018), Detecting spacecraft anomalies
    using LSTMs and nonparametric dynamic thresholding, doi:10.1145/3219819.3219845.
    """
    window = reference.window
    smooth = scores.copy()
    smooth[window - 1 :] = window_sums(scores, window) / window
    known = smooth[learn]
    size = min(len(known), max(_LEAST_STRETCH, _WINDOWS_OF_STRETCH * window))
    apart = max(window, reference.gap)
    usual = max(oddest(known), floor)
    line = np.full(len(scores), LARGEST)
    for first in range(0, len(known), size):
        # The last stretch looks back as far as the others look.
        stretch = known[max(0, min(first, len(known) - size)) : first + size]
        line[learn.start + first :] = max(_line(stretch, threshold, apart), usual)
    ahead = line_ahead(known, max(reference.gap, window - 1))
    line[learn.stop :] = np.maximum(line[learn.stop :], ahead)
    flagged = smooth > line
    reason = (
        f"Contextual-Anomaly: means of {window} rows above the line of their stretch of {size} rows, "
        f"{100 * _STEP:.0f} % above the rest"
    )
    return smooth, line, flagged, reason


def _line(stretch: Floats, most: float, apart: int) -> float:
    """Hundman's line of a stretch, raised above the runs that are pruned."""
    largest = float(stretch.max())
    scaled = stretch / largest if largest > 0 else stretch
    mean, std = float(scaled.mean()), float(scaled.std())
    chosen = best_multiple(scaled, (scaled - mean) / max(std, 1e-12), most, apart)
    if chosen is None:
        return LARGEST
    heights = scaled[find_peaks(scaled, apart)]
    above = heights > mean + chosen * std
    # What is no candidate ends the order: the highest of it is the first to be normal.
    order = np.append(heights[above], heights[~above][:1] if not above.all() else mean) - mean
    steps = np.flatnonzero(order[1:] < (1.0 - _STEP) * order[:-1])
    kept = int(steps[-1]) + 1 if len(steps) else 0
    return largest * max(mean + chosen * std, mean + float(order[kept]))
