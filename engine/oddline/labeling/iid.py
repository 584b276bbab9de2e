"""IID: one line for all rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from oddline.labeling.tail import CAUTION, SHORT, bulk_line, line_ahead, oddest, pareto_line
from oddline.labeling.trailing import Answer, Reference

__all__ = ["iid"]

Floats = NDArray[np.float64]


def iid(scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0) -> Answer:
    """One line that so many normal rows exceed as χ²(1) exceeds ``threshold``.

    Two lines are drawn and the lower is taken. One comes from the bulk of the scores, which
    anomalies hardly move, but it has to guess the tail: it is drawn for a tenth of the rate, and
    may flag no more than the oddest 1.5 % of the rows. The other, from 500 rows on, comes from a
    generalised Pareto fit of the tail; it knows heavy tails, but takes many anomalies for one.
    Where other rows are judged than were learnt from, and neighbours' scores share windows, the line
    is not lower than a prediction interval (:func:`~oddline.labeling.tail.line_ahead`).

    Parameters
    ----------
    scores : ndarray (n,)
    threshold : float
        Critical value of χ²(1): 10 stands for a false-alarm rate of 0.16 %.
    reference : Reference
        Scores of rows within its gap belong together.
    floor
        Unused.
    learn : slice
        The rows the line is learnt from.

    Returns
    -------
    score, line : ndarray (n,)
    flagged : ndarray of bool (n,)
    reason : str
        Which of the lines it is.
    """
    known = scores[learn]
    probability = float(special.chdtrc(1.0, threshold))
    at, origin = _line(known, probability)
    if learn.stop < len(scores):
        ahead = line_ahead(known, reference.gap, probability)
        if ahead > at:
            at, origin = ahead, "how far new scores may reach, the learnt ones being few and alike"
    reason = (
        f"IID: the line {at:.4g} comes from {origin}, for a false-alarm rate of {100 * probability:.2g} %"
    )
    return scores, np.full(len(scores), at), scores > at, reason


def _line(scores: Floats, probability: float) -> tuple[float, str]:
    bulk = max(bulk_line(scores, CAUTION * probability), oddest(scores))
    if len(scores) >= SHORT:
        tail = pareto_line(scores, probability)
        if tail <= bulk:
            return tail, "a Pareto fit of the tail"
    return bulk, "the bulk of the scores"
