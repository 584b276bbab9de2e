"""Chi-Square: a score too large for the variance of the rows before it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from oddline.labeling.tail import FTail, everyday, fit_f_tail
from oddline.labeling.trailing import Answer, Reference, follow
from oddline.operators.windows import window_sums

__all__ = ["chi_square"]

Floats = NDArray[np.float64]

_EXACT_ROWS, _KNOTS = 10_000, 4_000


def chi_square(
    scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0
) -> Answer:
    """Hold the ratio of each score to the mean of the ``window`` scores before it to an F tail.

    For squared Gaussian errors the ratio follows F(1, W); the tail is fitted to the series
    (:func:`~oddline.labeling.tail.fit_f_tail`), so that a heavy-tailed one does not flag its
    everyday. A row is flagged where the ratio is rarer than χ²(1) beyond ``threshold`` and the
    score is also above median + 2·MAD of the logarithms. A flagged row enters the later windows
    clipped at its line, so that a lasting change of level stops being flagged. It finds sudden
    peaks and the onset of longer events, and misses what rises slowly.

    Parameters
    ----------
    scores : ndarray (n,)
    threshold : float
        Critical value of χ²(1).
    reference : Reference
        The rows each row is compared with.
    learn : slice
        The rows the tail is learnt from.
    floor : float
        The least mean of a window, in units of the score.

    Returns
    -------
    score : ndarray (n,)
        The χ²(1) quantile of the same rarity, from ``start`` on.
    line : ndarray (n,)
        ``threshold``, or more where only more would be above the everyday.
    flagged : ndarray of bool (n,)
    reason : str
    """
    probability = float(special.chdtrc(1.0, threshold))
    window, start = reference.window, reference.start
    usual = everyday(scores[learn])
    least = max(floor, 1e-6 * float(scores[learn].mean()), 1e-300)

    def means(past: Floats) -> Floats:
        return np.maximum(window_sums(past, window) / window, least)

    # The first round learns from windows in which spikes still hide what follows them; the second
    # from windows in which they are clipped, which are the ones that judge.
    seen = scores
    for _ in range(2):
        mean = np.full(len(scores), np.inf)
        mean[start:] = reference.repeat_first(means(reference.past(seen)), len(scores) - start)
        tail = fit_f_tail((scores[start:] / mean[start:])[_from(learn, start)], window)
        ratio = tail.line(probability)

        def line(past: Floats, ratio: float = ratio) -> Floats:
            return np.maximum(ratio * means(past), usual)

        lines, flagged = follow(scores, reference, line)
        seen = np.minimum(scores, lines)
    mean[start:] = reference.repeat_first(means(reference.past(seen)), len(scores) - start)
    score = _rarity(tail, scores / mean)
    needed = np.maximum(threshold, _rarity(tail, usual / mean))
    reason = (
        f"Chi-Square: flagged beyond {ratio:.4g} times the mean of the {window} rows before, by an "
        f"F({tail.body:.3g}, {tail.tail:.3g}) tail fitted to the series"
    )
    return score, needed, flagged, reason


def _from(learn: slice, start: int) -> slice:
    return slice(max(0, learn.start - start), max(0, learn.stop - start))


def _rarity(tail: FTail, ratio: Floats) -> Floats:
    """The χ²(1) quantile that is as rare as each ratio."""
    logs = np.log(np.maximum(ratio, 1e-12 * tail.scale))
    if len(logs) <= _EXACT_ROWS:
        return _chi_square_quantile(tail.log_survival(np.exp(logs)))
    # Beta functions are slow and the curve is smooth: read off at knots where the ratios lie.
    knots = np.unique(
        np.concatenate(
            [np.quantile(logs, np.linspace(0, 1, _KNOTS)), np.linspace(logs.min(), logs.max(), _KNOTS)]
        )
    )
    curve: Floats = np.interp(logs, knots, _chi_square_quantile(tail.log_survival(np.exp(knots))))
    return curve


def _chi_square_quantile(log_survival: Floats) -> Floats:
    """The x with ln P(χ²₁ > x) = ``log_survival``."""
    with np.errstate(under="ignore"):
        x = np.asarray(special.chdtri(1.0, np.exp(np.maximum(log_survival, -690.0))), dtype=float)
    far = log_survival < -690.0
    if far.any():
        # P(χ²₁ > x) → √(2/πx)·exp(−x/2): solved by its own fixed point, which closes in at once.
        target = -2.0 * log_survival[far]
        root = target
        for _ in range(4):
            root = target + np.log(2.0 / (np.pi * root))
        x[far] = root
    return x
