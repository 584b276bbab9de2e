"""IID: one line for all rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from oddline.labeling.tail import SHORT, bulk_line, oddest, pareto_line
from oddline.labeling.trailing import Reference

__all__ = ["iid"]

Floats = NDArray[np.float64]

_CAUTION = 0.1


def iid(
    scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0
) -> tuple[Floats, Floats, NDArray[np.bool_], str]:
    """One line that so many normal rows exceed as χ²(1) exceeds ``threshold``.

    Two lines are drawn and the lower is taken. One comes from the bulk of the scores, which
    anomalies hardly move, but it has to guess the tail: it is drawn for a tenth of the rate, and
    may flag no more than the oddest 1.5 % of the rows. The other, from 500 rows on, comes from a
    generalised Pareto fit of the tail; it knows heavy tails, but takes many anomalies for one.

    Parameters
    ----------
    scores : ndarray (n,)
    threshold : float
        Critical value of χ²(1): 10 stands for a false-alarm rate of 0.16 %.
    reference, floor
        Of methods whose line moves; unused.
    learn : slice
        The rows the line is learnt from.

    Returns
    -------
    score, line : ndarray (n,)
    flagged : ndarray of bool (n,)
    reason : str
        Which of the two lines it is.
    """
    at, reason = _line(scores[learn], threshold)
    return scores, np.full(len(scores), at), scores > at, reason


def _line(scores: Floats, threshold: float) -> tuple[float, str]:
    probability = float(special.chdtrc(1.0, threshold))
    bulk = max(bulk_line(scores, _CAUTION * probability), oddest(scores))
    rate = f"a false-alarm rate of {100 * probability:.2g} %"
    if len(scores) >= SHORT:
        tail = pareto_line(scores, probability)
        if tail <= bulk:
            return tail, f"IID: the line {tail:.4g} comes from a Pareto fit of the tail, for {rate}"
    return bulk, f"IID: the line {bulk:.4g} comes from the bulk of the scores, for {rate}"
