"""Sliding-Window: a score far above the scores of the rows before it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from oddline.labeling.tail import LARGEST, everyday
from oddline.labeling.trailing import Reference, follow
from oddline.operators.windows import window_sums

__all__ = ["sliding_window"]

Floats = NDArray[np.float64]

_UPPER = 0.98
_LEAST_SPREAD = 0.1
_YARDSTICK_ROWS = 20_000


def sliding_window(
    scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0
) -> tuple[Floats, Floats, NDArray[np.bool_], str]:
    """Hold √score to mean + θ·std of √score over the ``window`` rows before.

    The row itself is never in its window: with it inside, its distance could not exceed
    √(W − 1) standard deviations. Flagged rows enter the later windows clipped at the line.
    Where the scores of a series jump more than those of white noise do, θ grows in proportion
    (by the 98 % quantile of the distances), and no line is drawn below median + 2·MAD of the
    logarithms: a heavy-tailed series does not flag its everyday. It finds single peaks, and
    misses what rises slowly.

    Parameters
    ----------
    scores : ndarray (n,)
    threshold : float
        θ in standard deviations.
    reference : Reference
        The rows each row is compared with.
    learn : slice
        The rows from which the size of everyday jumps is learnt.
    floor : float
        The least score worth a flag.

    Returns
    -------
    score, line : ndarray (n,)
        In units of the score.
    flagged : ndarray of bool (n,)
    reason : str
    """
    window, start = reference.window, reference.start
    roots = np.sqrt(scores)
    usual = float(np.sqrt(max(everyday(scores[learn]), floor)))
    spread = _LEAST_SPREAD * usual
    here = slice(max(0, learn.start - start), max(0, learn.stop - start))
    seen = roots
    for _ in range(2):
        moments = _moments(reference.past(seen), window, spread)
        mean, std = (reference.repeat_first(moment, len(roots) - start) for moment in moments)
        distance = ((roots[start:] - mean) / std)[here]
        wide = float(np.quantile(distance, _UPPER)) if len(distance) >= 50 else 0.0
        reach = threshold * max(1.0, wide / _white_noise_jump(window))

        def line(past: Floats, reach: float = reach) -> Floats:
            mean, std = _moments(past, window, spread)
            return np.maximum(mean + reach * std, usual)

        lines, flagged = follow(roots, reference, line)
        seen = np.minimum(roots, lines)
    reason = (
        f"Sliding-Window: flagged beyond {reach:.3g} standard deviations over the mean of the "
        f"{window} rows before, on square roots of the scores"
    )
    return scores, np.minimum(lines, np.sqrt(LARGEST)) ** 2, flagged, reason


def _moments(past: Floats, window: int, least: float) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each window."""
    # Taken about the middle of the stretch: a variance is the difference of two sums.
    centre = float(past.mean())
    past = past - centre
    mean = window_sums(past, window) / window
    variance = window_sums(past * past, window) / window - mean * mean
    return mean + centre, np.maximum(np.sqrt(np.maximum(variance, 0.0)), max(least, 1e-150))


@cache
def _white_noise_jump(window: int) -> float:
    """The 98 % quantile of the distances that the rule sees on Gaussian white noise."""
    roots = np.abs(np.random.default_rng(0).standard_normal(_YARDSTICK_ROWS + window))
    least = _LEAST_SPREAD * float(np.sqrt(everyday(roots**2)))
    mean, std = _moments(roots[:-1], window, least)
    return float(np.quantile((roots[window:] - mean) / std, _UPPER))
