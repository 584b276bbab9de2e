"""Q-Score: the anomaly likelihood of recent scores against a long past."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from oddline.labeling.static import TAIL
from oddline.labeling.tail import everyday, offset
from oddline.labeling.trailing import Answer, Reference, follow
from oddline.operators.windows import window_sums

__all__ = ["q_score"]

Floats = NDArray[np.float64]

_LEAST_PAST, _WINDOWS_OF_PAST = 1_000, 20
_UPPER, _CALM = 0.98, 0.98
_LEAST_SPREAD = 0.1


def q_score(
    scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0
) -> Answer:
    """Hold the mean of the last ``window`` scores to the mean and deviation of a long past.

    The likelihood of an anomaly is 1 − Q((μ̃ − μ)/σ), where μ̃ is the mean of the last W scores,
    μ and σ the mean and deviation of such means over the 20·W rows (1,000 at least) that end where
    the first of the W began, and Q the upper tail of the normal. A row is flagged where it is
    1 − ε or more. Where the means jump more than normal ones do, they have to be farther away in
    proportion (by the 98 % quantile of the distances). It finds events of W rows and more, and
    bursts of small errors; a row stays flagged while the event is among the last W.

    Parameters
    ----------
    scores : ndarray (n,)
    threshold : float
        ε where it is between 0 and 1; 1e-5 otherwise.
    reference : Reference
        Its window is W.
    learn : slice
        The rows from which restlessness is learnt.
    floor : float
        The least mean worth a flag.

    Returns
    -------
    score, line : ndarray (n,)
        The mean of the last W scores, in units of the score.
    flagged : ndarray of bool (n,)
    reason : str

    References
    ----------
    Ahmad, Lavin, Purdy & Agha (2017), Unsupervised real-time anomaly detection for streaming
    data, doi:10.1016/j.neucom.2017.04.070.
    """
    window, start = reference.window, reference.start
    tail = threshold if 0 < threshold < 1 else TAIL
    reach = -float(special.ndtri(tail))
    # Scaled, so that squares of huge scores stay finite.
    base, size = offset(scores[learn]), max(float(scores.max()), 1e-300)
    recent = (window_sums(np.maximum(scores - base, 0.0) / size, window) / window)[start - window + 1 :]
    here = recent[: max(0, learn.stop - start)]
    long = min(max(_LEAST_PAST, _WINDOWS_OF_PAST * window), len(here))
    usual = max(everyday(here), (floor - base) / size)
    least = max(_LEAST_SPREAD * usual / np.sqrt(window), 1e-100)
    # The first rows have no long past: they are held to the rows after them, events cut off.
    head = np.minimum(here[:long], float(np.quantile(here, _CALM)))
    values = np.concatenate([head[::-1], recent])
    past = Reference(long, long, window + reference.gap)

    def moments(seen: Floats) -> tuple[Floats, Floats]:
        mean = window_sums(seen, long) / long
        variance = window_sums(seen * seen, long) / long - mean * mean
        return mean, np.maximum(np.sqrt(np.maximum(variance, 0.0)), least)

    seen = values
    for _ in range(2):
        mean, std = (past.repeat_first(m, len(recent)) for m in moments(past.past(seen)))
        wide = float(np.quantile(((recent - mean) / std)[: len(here)], _UPPER)) if len(here) >= 50 else 0.0
        multiple = reach * max(1.0, wide / -float(special.ndtri(1.0 - _UPPER)))

        def line(before: Floats, multiple: float = multiple) -> Floats:
            mean, std = moments(before)
            return np.maximum(mean + multiple * std, usual)

        lines, over = follow(values, past, line)
        seen = np.minimum(values, lines)
    mean, needed = (base + size * np.r_[np.full(start, x[0]), x] for x in (recent, lines[long:]))
    reason = (
        f"Q-Score: the mean of {window} rows against {long} before, flagged at a likelihood of 1 − {tail:.2g}"
    )
    return mean, needed, np.r_[np.zeros(start, bool), over[long:]], reason
