"""How far the scores of normal rows reach: tails fitted to the series at hand.

Every fit reads quantiles up to the 98th, or excesses over it, so a few percent of anomalies
among the scores do not hide themselves by stretching the tail they are held against.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.optimize import brentq

__all__ = [
    "CAUTION",
    "LARGEST",
    "SHORT",
    "FTail",
    "bulk_line",
    "everyday",
    "fit_f_tail",
    "line_ahead",
    "oddest",
    "offset",
    "pareto_line",
]

Floats = NDArray[np.float64]

LARGEST = 1e300
"""Stands for a line that nothing reaches: finite, so that it can be written as JSON."""

SHORT = 500
"""Fewer scores have no tail to fit."""

CAUTION = 0.1
"""A line that has to guess the tail is drawn for so much of the rate."""

_UPPER = 0.98
_LOWEST, _MOST_ODD = 0.01, 0.015
_LEAST_ROWS = 50
_LEAST_ALONE = 12
_LEAST_RATIO = 1e-3  # smaller ones, zeros above all, are alike
_MOST_DEGREES, _LEAST_TAIL_DEGREES = 1e4, 0.3


class FTail(NamedTuple):
    """A scaled F distribution: ratio / ``scale`` follows F(``body``, ``tail``)."""

    body: float
    tail: float
    scale: float

    def log_survival(self, ratio: Floats) -> Floats:
        """ln P(R > ratio), also where the probability itself underflows."""
        a, b = self.tail / 2, self.body / 2
        with np.errstate(divide="ignore", over="ignore", under="ignore"):
            z = 1.0 / (1.0 + self.body / self.tail * (ratio / self.scale))
            probability = special.betainc(a, b, z)
            # Far out, where the function loses digits, its series is all but geometric.
            rest = np.log1p(-np.minimum(z * (a + b) / (a + 1.0), 0.999))
            far = a * np.log(np.maximum(z, 1e-300)) + b * np.log1p(-z) - np.log(a)
            far -= special.betaln(a, b) + rest
            result: Floats = np.where(probability > 1e-200, np.log(probability), far)
        return result

    def line(self, probability: float) -> float:
        """The ratio that is exceeded with the given probability."""
        z = float(special.betaincinv(self.tail / 2, self.body / 2, probability))
        if z <= 0:
            return LARGEST
        return float(min(LARGEST, self.scale * self.tail / self.body * (1.0 / z - 1.0)))


def fit_f_tail(ratios: Floats, window: int) -> FTail:
    """The F distribution of the ratio of a score to the mean of ``window`` scores before it.

    Squared Gaussian errors follow F(1, W). Real series have other bodies and heavier tails:
    the degrees of freedom of the numerator come from the lower spread (10 % to 50 %), those of
    the denominator, which rule the tail, from the upper spread (50 % to 98 %). They are never
    lighter than the Gaussian ones.

    Parameters
    ----------
    ratios : ndarray (m,)
    window : int

    Returns
    -------
    FTail
        F(1, W) unscaled where there are fewer than 50 ratios.
    """
    if len(ratios) < _LEAST_ROWS:
        return FTail(1.0, float(window), 1.0)
    low, middle, high = np.log(np.maximum(np.quantile(ratios, [0.1, 0.5, _UPPER]), _LEAST_RATIO))
    body = _solve(
        lambda k: _log_quantile(k, k * window, 0.5) - _log_quantile(k, k * window, 0.1),
        middle - low,
        1.0,
        _MOST_DEGREES,
    )
    tail = _solve(
        lambda k: _log_quantile(body, k, _UPPER) - _log_quantile(body, k, 0.5),
        high - middle,
        _LEAST_TAIL_DEGREES,
        body * window,
    )
    return FTail(body, tail, float(np.exp(middle - _log_quantile(body, tail, 0.5))))


def _log_quantile(body: float, tail: float, probability: float) -> float:
    return float(np.log(special.fdtri(body, tail, probability)))


def _solve(spread: Callable[[float], float], target: float, low: float, high: float) -> float:
    """The degrees of freedom whose spread is the target; spreads shrink as degrees grow."""
    if high <= low or spread(low) <= target:
        return low
    if spread(high) >= target:
        return high
    root = brentq(lambda u: spread(np.exp(u)) - target, np.log(low), np.log(high), xtol=1e-4)
    return float(np.exp(root))


def pareto_line(scores: Floats, probability: float) -> float:
    """The score exceeded with the given probability, by peaks over threshold.

    A generalised Pareto distribution is fitted to the excesses over the 98 % quantile by
    probability-weighted moments.

    Parameters
    ----------
    scores : ndarray (m,)
        At least 500, so that ten or more excesses are left.
    probability : float

    References
    ----------
    Siffer, Fouque, Termier & Largouët (2017), Anomaly detection in streams with extreme value
    theory, doi:10.1145/3097983.3098144. Hosking & Wallis (1987), Parameter and quantile
    estimation for the generalized Pareto distribution, doi:10.1080/00401706.1987.10488243.
    """
    start = float(np.quantile(scores, _UPPER))
    excess = np.sort(scores[scores > start] - start)
    count = len(excess)
    share = count / len(scores)
    if count < 5 or probability >= share:
        return float(np.quantile(scores, max(0.0, 1.0 - probability)))
    size = excess[-1]
    excess = excess / size
    mean = excess.mean()
    weighted = (excess * np.arange(count - 1, -1, -1) / (count - 1)).mean()
    apart = mean - 2.0 * weighted
    if apart < 1e-9:  # all at one level, such as scores of 0 and 1: no tail goes on beyond it
        return float(start + size)
    shape = 2.0 - mean / apart
    scale = 2.0 * mean * weighted / apart
    with np.errstate(over="ignore", divide="ignore"):
        growth = np.log(share) - np.log(probability)
        reach = growth if abs(shape) < 1e-9 else np.expm1(shape * growth) / shape
        line = start + size * scale * reach
    return float(line) if line < LARGEST else LARGEST


def everyday(scores: Floats) -> float:
    """The level that everyday scores stay under: median + 2·MAD of the logarithms, or more.

    All but the oddest 1.5 % of the rows are everyday too, up to median + 3·MAD: beyond that they
    may be one long event. Where most scores are equal they have no MAD. No dynamic rule flags
    below it, however calm the rows before were.
    """
    logs = _logs(scores)
    middle = np.median(logs)
    spread = np.median(np.abs(logs - middle))
    most = _exp(middle + 3.0 * spread) if spread > 0 else LARGEST
    return min(max(_exp(middle + 2.0 * spread), oddest(scores)), most)


def bulk_line(scores: Floats, probability: float) -> float:
    """The score exceeded with the given probability, by the bulk of the scores alone.

    median + z·(1.4826·MAD) of the logarithms, z the normal quantile, the deviations taken above the
    median only: the lower half of squared errors says nothing about their upper tail. In a short
    series one event can be a quarter of the rows and widen the upper side: there the lesser side
    counts.
    """
    logs = _logs(scores)
    middle = np.median(logs)
    sides = [logs[logs > middle] - middle]
    if len(scores) < SHORT:
        sides.append(middle - logs[logs < middle])
    spread = 1.4826 * min((float(np.median(side)) for side in sides if side.size), default=0.0)
    z = -float(special.ndtri(probability))
    return _exp(middle + z * spread if spread > 0 else middle)


def line_ahead(scores: Floats, gap: int, probability: float = 1e-3) -> float:
    """The least line to hold rows to that were not learnt from, drawn for a tenth of the rate.

    Scores of neighbours that share windows rise and fall together, and what was learnt from may
    have been a calm stretch: 1,500 rows of windows of 64 hold 23 values that know nothing of each
    other. Of so few the next may well exceed the largest. The logarithms are taken as normal above
    their median, by its distance to the 90 % quantile, and the line is where a prediction interval
    (Student's) for one more value ends. 500 values on their own say enough about their tail.

    Parameters
    ----------
    scores : ndarray (m,)
        Of rows that were learnt from.
    gap : int
        Scores of rows so far apart, or less, belong together. They count as 12 on their own at
        least, since the widest of the windows seldom rule.
    probability : float
        The most new rows that may be beyond the line.

    Returns
    -------
    float
        0 where the tail is known.

    References
    ----------
    Hahn (1970), Additional factors for calculating prediction intervals for samples from a normal
    distribution, doi:10.2307/2284349.
    """
    alone = max(float(_LEAST_ALONE), len(scores) / (gap + 1))
    if alone >= SHORT:
        return 0.0
    middle, high = np.quantile(_logs(scores), [0.5, 0.9])
    spread = float(high - middle) / -float(special.ndtri(0.1))
    reach = -float(special.stdtrit(alone - 1.0, CAUTION * probability)) * np.sqrt(1.0 + 1.0 / alone)
    return _exp(float(middle) + reach * spread) if spread > 0 else 0.0


def oddest(scores: Floats) -> float:
    """The score that only 1.5 % of the rows exceed, or five of them: anomalies are rare."""
    most = max(_MOST_ODD, 5.0 / len(scores))
    return float(np.quantile(scores, max(0.0, 1.0 - most)))


def offset(scores: Floats) -> float:
    """Where scores begin, their 1 % quantile: some pipelines give no row a score near 0."""
    return float(np.quantile(scores, _LOWEST))


def _logs(scores: Floats) -> Floats:
    least = 1e-12 * float(np.mean(scores))
    return np.log(np.maximum(scores, max(least, 1e-300)))


def _exp(value: float) -> float:
    return float(np.exp(np.clip(value, -690.0, np.log(LARGEST))))
