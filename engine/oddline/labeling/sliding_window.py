"""Sliding-Window: a score far above the scores of the rows before it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from oddline.labeling.tail import LARGEST, everyday, oddest, offset
from oddline.labeling.trailing import Answer, Reference, follow
from oddline.operators.windows import window_sums

__all__ = ["Distance", "sliding_window"]

Floats = NDArray[np.float64]

_UPPER = 0.98
_LEAST_SPREAD = 0.1
_YARDSTICK_ROWS = 20_000


def sliding_window(
    scores: Floats, threshold: float, reference: Reference, learn: slice, floor: float = 0.0
) -> Answer:
    """Hold √score to mean + θ·std of √score over the ``window`` rows before.

    The row itself is never in its window: with it inside, its distance could not exceed
    √(W − 1) standard deviations. Flagged rows enter the later windows clipped at the line.
    Scores are counted from their 1 % quantile, so that a score that is never small has its full
    range. Where they jump more than those of white noise do, θ grows in proportion (by the 98 %
    quantile of the distances), and no line is drawn below the oddest 1.5 % of the rows: a
    heavy-tailed series does not flag its everyday. It finds single peaks, and misses what rises
    slowly.

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
    distance = Distance(scores, reference, learn, floor)
    _, _, seen = distance.follow(threshold)
    # The first round measures jumps in windows where spikes still hide what follows them.
    distance.measure(seen)
    line, flagged, _ = distance.follow(threshold)
    reason = (
        f"Sliding-Window: flagged beyond {distance.jump * threshold:.3g} standard deviations over the "
        f"mean of the {reference.window} rows before, on square roots of the scores"
    )
    return scores, line, flagged, reason


class Distance:
    """How many standard deviations √score lies above the mean of the rows before.

    Attributes
    ----------
    roots : ndarray (n,)
        Square roots of the scores, counted from their 1 % quantile.
    here : slice
        The learnt rows among the judged ones.
    jump : float
        How much farther the scores jump than white noise, at least 1.
    """

    def __init__(self, scores: Floats, reference: Reference, learn: slice, floor: float) -> None:
        self._base = offset(scores[learn])
        self._reference = reference
        self.roots = np.sqrt(np.maximum(scores - self._base, 0.0))
        squares = self.roots[learn] ** 2
        least = max(everyday(squares), oddest(squares), floor - self._base)
        self._usual = float(np.sqrt(least))
        self._spread = _LEAST_SPREAD * self._usual
        self.here = slice(max(0, learn.start - reference.start), max(0, learn.stop - reference.start))
        self.jump = 1.0
        self.measure(self.roots)

    def measure(self, seen: Floats) -> None:
        """Learn ``jump`` from windows of ``seen``."""
        away, _ = self.measured(seen)
        away = away[self.here]
        wide = float(np.quantile(away, _UPPER)) if len(away) >= 50 else 0.0
        self.jump = max(1.0, wide / _white_noise_jump(self._reference.window))

    def measured(self, seen: Floats) -> tuple[Floats, Floats]:
        """The distances of the judged rows from windows of ``seen``, in jumps, and the deviations."""
        rows = len(self.roots) - self._reference.start
        moments = _moments(self._reference.past(seen), self._reference.window, self._spread)
        mean, std = (self._reference.repeat_first(moment, rows) for moment in moments)
        return (self.roots[self._reference.start :] - mean) / (std * self.jump), std

    def follow(self, multiple: float) -> tuple[Floats, NDArray[np.bool_], Floats]:
        """Lines in units of the score, flagged rows, and the roots clipped at their lines."""
        reach = multiple * self.jump

        def line(past: Floats) -> Floats:
            mean, std = _moments(past, self._reference.window, self._spread)
            return np.maximum(mean + reach * std, self._usual)

        lines, flagged = follow(self.roots, self._reference, line)
        in_scores = self._base + np.minimum(lines, np.sqrt(LARGEST) / 2) ** 2
        return in_scores, flagged, np.minimum(self.roots, lines)


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
