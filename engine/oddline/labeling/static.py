"""Lines for all rows from the spread of the scores: MAD, Q-Function and Otsu."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from oddline.labeling.tail import bulk_line, line_ahead, oddest, offset
from oddline.labeling.trailing import Answer, Reference

__all__ = ["mad", "otsu", "q_function"]

Floats = NDArray[np.float64]

TAIL = 1e-5
"""ε where the threshold is not between 0 and 1."""

_BINS = 256
_BULK = 1e-3


def mad(scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0) -> Answer:
    """Median + θ·MAD of the square roots of the scores; no more than the oddest 1.5 % of the rows.

    Scores are counted from their 1 % quantile. It finds single peaks of any size; a score with a
    long everyday tail needs a larger θ.

    Parameters
    ----------
    scores : ndarray (n,)
    threshold : float
        θ in median absolute deviations.
    reference
        Unused.
    learn : slice
        The rows the line is learnt from.
    floor : float
        The least score worth a flag.

    Returns
    -------
    score, line : ndarray (n,)
    flagged : ndarray of bool (n,)
    reason : str

    References
    ----------
    Leys, Ley, Klein, Bernard & Licata (2013), Detecting outliers: do not use standard deviation
    around the mean, use absolute deviation around the median, doi:10.1016/j.jesp.2013.03.013.
    """
    known = scores[learn]
    base = offset(known)
    roots = np.sqrt(np.maximum(known - base, 0.0))
    middle = float(np.median(roots))
    away = middle + threshold * float(np.median(np.abs(roots - middle)))
    return _flag(scores, _least(base + min(away, 1e150) ** 2, known, floor), f"MAD: {threshold:g} deviations")


def q_function(
    scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0
) -> Answer:
    """Where Q of the standardised score, its upper tail under a normal, falls below ε.

    The cube roots of squared errors are all but normal (Wilson & Hilferty 1931). Scores are
    counted from their 1 % quantile, and no more than the oddest 1.5 % of the rows are flagged.

    Parameters
    ----------
    scores : ndarray (n,)
    threshold : float
        ε where it is between 0 and 1; 1e-5 otherwise.
    reference
        Unused.
    learn : slice
        The rows the line is learnt from.
    floor : float
        The least score worth a flag.

    Returns
    -------
    score, line : ndarray (n,)
    flagged : ndarray of bool (n,)
    reason : str
    """
    known = scores[learn]
    tail = threshold if 0 < threshold < 1 else TAIL
    base = offset(known)
    cubes = np.cbrt(np.maximum(known - base, 0.0))
    line = base + (float(cubes.mean()) - float(special.ndtri(tail)) * float(cubes.std())) ** 3
    return _flag(scores, _least(line, known, floor), f"Q-Function: an upper tail of {tail:.2g}")


def otsu(scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0) -> Answer:
    """The line that best parts the scores into two classes, among those above the bulk.

    The variance between two classes of logarithms is largest there. Clean scores part best in
    their middle, so only lines that normal scores hardly reach come into question: above what
    the bulk of the scores suggests for 0.1 % of the rows and above all but the oddest 1.5 %. Where
    other rows are judged than were learnt from, and neighbours' scores share windows, also above a
    prediction interval (:func:`~oddline.labeling.tail.line_ahead`).

    Parameters
    ----------
    scores : ndarray (n,)
    threshold
        Unused: the method has no parameter.
    reference : Reference
        Scores of rows within its gap belong together.
    learn : slice
        The rows the line is learnt from.
    floor : float
        The least score worth a flag.

    Returns
    -------
    score, line : ndarray (n,)
    flagged : ndarray of bool (n,)
    reason : str

    References
    ----------
    Otsu (1979), A threshold selection method from gray-level histograms,
    doi:10.1109/TSMC.1979.4310076.
    """
    known = scores[learn]
    least = _least(bulk_line(known, _BULK), known, floor)
    if learn.stop < len(scores):
        least = max(least, line_ahead(known, reference.gap))
    above = np.sort(known[known > least])
    if not len(above) or least <= 0:
        return _flag(scores, least, "Otsu: no second class")
    logs = np.log(np.maximum(known, 1e-6 * least))
    mean = float(logs.mean())
    edges = np.unique(np.r_[least, np.quantile(above, np.linspace(0, 1, _BINS), method="lower")[:-1]])
    tops = np.cumsum(np.log(above[::-1]))[::-1]
    places = np.searchsorted(above, edges, side="right")
    inside = places < len(above)
    edges, places = edges[inside], places[inside]
    share = (len(above) - places) / len(known)
    upper = tops[places] / (len(above) - places)
    between = share / np.maximum(1.0 - share, 1e-12) * (upper - mean) ** 2
    return _flag(scores, float(edges[np.argmax(between)]), "Otsu: two classes")


def _least(line: float, known: Floats, floor: float) -> float:
    return max(line, oddest(known), floor)


def _flag(scores: Floats, line: float, reason: str) -> Answer:
    return scores, np.full(len(scores), line), scores > line, f"{reason}; the line is at {line:.4g}"
