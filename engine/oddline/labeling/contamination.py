"""Contamination: a share of the rows; Adaptive-Contamination: the events that stand out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.labeling.peaks import find_peaks, standing_out
from oddline.labeling.tail import LARGEST, line_ahead
from oddline.labeling.trailing import Answer, Reference

__all__ = ["adaptive_contamination", "contamination"]

Floats = NDArray[np.float64]

_SHARE = 0.003
_LEAST_HEIGHT = 0.5


def _share(threshold: float) -> float:
    return threshold if 0 < threshold < 1 else _SHARE


def contamination(
    scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0
) -> Answer:
    """One line that a given share of the learnt rows exceeds.

    Where other rows are judged than were learnt from, and neighbours' scores share windows, it is
    not lower than a prediction interval (:func:`~oddline.labeling.tail.line_ahead`).

    Parameters
    ----------
    scores : ndarray (n,)
    threshold : float
        The share where it is between 0 and 1; 0.3 % of the rows otherwise. One row at least.
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
    """
    share = _share(threshold)
    known = scores[learn]
    most = min(max(1, int(share * len(known))), len(known) - 1)
    at = max(float(np.partition(known, -most - 1)[-most - 1]), floor)
    percent = f"{100 * share:.3g} %"
    reason = f"Contamination: the line {at:.4g} is exceeded by the oddest {percent} of the rows"
    if learn.stop < len(scores):
        reason += " learnt from"
        ahead = line_ahead(known, reference.gap, share)
        if ahead > at:
            at, reason = ahead, f"Contamination: the line {ahead:.4g} is for {percent} of new rows at most"
    return scores, np.full(len(scores), at), scores > at, reason


def adaptive_contamination(
    scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0
) -> Answer:
    """The events that stand out from the others, each flagged around its peak.

    How many events there are is read from the scores: their peaks are cut at the widest gap
    (:func:`~oddline.labeling.peaks.standing_out`). Each event has its own line, at the same
    relative height between the highest peak that does not stand out and its own: half-way, or
    higher where more rows than the share would be flagged. So a huge event neither hides a
    smaller one nor uses up the share. A row is held to the line of the nearest event. Rows that
    were not learnt from have the lowest of the lines; where neighbours' scores share windows, one
    not lower than a prediction interval (:func:`~oddline.labeling.tail.line_ahead`).

    It finds events of any length and number, whatever the scale of the scores, and always
    points at the oddest of them: a series without any gets a few rows flagged all the same.

    Parameters
    ----------
    scores : ndarray (n,)
    threshold : float
        The largest share of rows to flag where it is between 0 and 1; 0.3 % otherwise.
    reference : Reference
        Rows within its gap belong to one event.
    learn : slice
        The rows the events are counted in.
    floor : float
        The least score worth a flag.

    Returns
    -------
    score, line : ndarray (n,)
    flagged : ndarray of bool (n,)
    reason : str

    Notes
    -----
    O(n log n).
    """
    known = scores[learn]
    peaks = find_peaks(known, reference.gap)
    count = standing_out(known[peaks], len(known))
    ahead = line_ahead(known, reference.gap, _share(threshold)) if learn.stop < len(scores) else 0.0
    if count == 0:
        line = np.full(len(scores), LARGEST)
        return scores, line, scores > line, "Adaptive-Contamination: no event stands out from the others"
    rest, least = known[peaks[count]], known[peaks[count - 1]]
    events = np.sort(peaks[:count])
    borders = (events[:-1] + events[1:] + 1) // 2
    top = np.repeat(known[events], np.diff(np.r_[0, borders, len(known)]))
    # Halves first: the difference of two huge scores must stay finite.
    relative = (known / 2 - rest / 2) / (top / 2 - rest / 2)
    most = int(_share(threshold) * len(known))
    height = max(_LEAST_HEIGHT, float(np.partition(relative, -most - 1)[-most - 1]))
    # Where even the peaks are more than the share, they alone are flagged.
    line = np.full(len(scores), max(float(_between(rest, least, min(height, 1.0))), ahead))
    line[learn] = np.minimum(_between(rest, top, height), np.nextafter(top, 0.0))
    line = np.maximum(line, floor)
    reason = (
        f"Adaptive-Contamination: {count} event{'s' * (count > 1)} stand{'s' * (count == 1)} out, "
        f"at {least:.4g} or more against {rest:.4g} of the next"
    )
    return scores, line, scores > line, reason


def _between(low: float, high: Floats | float, height: float) -> Floats:
    return np.asarray(low * (1.0 - height) + high * height)
