"""Adaptive-Sliding-Window: a Sliding-Window that chooses its own number of deviations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.labeling.drop import best_multiple
from oddline.labeling.sliding_window import Distance
from oddline.labeling.tail import LARGEST, line_ahead
from oddline.labeling.trailing import Answer, Reference

__all__ = ["adaptive_sliding_window"]

Floats = NDArray[np.float64]


def adaptive_sliding_window(
    scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0
) -> Answer:
    """Hold √score to mean + z·std over the rows before, with the z that pays most.

    The mean and the deviation are those of Sliding-Window; z, from 2 to θ, is chosen by Hundman's
    criterion (:func:`~oddline.labeling.drop.best_multiple`): the fewer rows and runs it takes to
    make the others alike, the better. Nothing is flagged where no z helps. It flags fewer rows
    than Sliding-Window where there are few events, and more where events are small. Rows that were
    not learnt from are not flagged below a prediction interval
    (:func:`~oddline.labeling.tail.line_ahead`) where neighbours' scores share windows.

    Parameters
    ----------
    scores : ndarray (n,)
    threshold : float
        The largest z in standard deviations.
    reference : Reference
        The rows each row is compared with.
    learn : slice
        The rows z is chosen on.
    floor : float
        The least score worth a flag.

    Returns
    -------
    score, line : ndarray (n,)
        In units of the score.
    flagged : ndarray of bool (n,)
    reason : str
    """
    distance = Distance(scores, reference, learn, floor)
    # Windows in which nothing is clipped hide what follows a spike: z is chosen without it.
    away, _ = distance.measured(distance.follow(max(threshold, 1.0))[2])
    chosen = best_multiple(distance.roots[learn] ** 2, away[distance.here], threshold, reference.gap)
    if chosen is None:
        line = np.full(len(scores), LARGEST)
        return scores, line, scores > line, "Adaptive-Sliding-Window: no multiple of the deviation helps"
    line, _, _ = distance.follow(chosen)
    line[learn.stop :] = np.maximum(line[learn.stop :], line_ahead(scores[learn], reference.gap))
    reason = (
        f"Adaptive-Sliding-Window: flagged beyond {distance.jump * chosen:.3g} standard deviations over "
        f"the mean of the {reference.window} rows before, the multiple that pays most"
    )
    return scores, line, scores > line, reason
