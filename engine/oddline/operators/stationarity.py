"""Does a series wander off, and if so, its steps instead of its level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["UnitRootTest", "dickey_fuller", "difference", "wandering"]

Floats = NDArray[np.float64]

_MOST_ROWS = 10_000
# MacKinnon (2010), table 2: 5 % critical value with a constant, as a function of 1/T.
_CRITICAL = (-2.86154, -2.8903, -4.234, -40.040)


@dataclass(frozen=True)
class UnitRootTest:
    """Statistic and 5 % critical value; the unit root stays unless statistic < critical."""

    statistic: float
    critical: float
    lags: int

    @property
    def unit_root(self) -> bool:
        """Whether the series may wander: the unit root is not refused at 5 %."""
        return not self.statistic < self.critical


def dickey_fuller(series: Floats, lags: int | None = None) -> UnitRootTest:
    """Augmented Dickey–Fuller test with a constant.

    Regresses the step on the level before it, a constant and ``lags`` steps before. A random walk
    and a linear trend keep the unit root; a mean-reverting or seasonal series loses it.

    Parameters
    ----------
    series : ndarray (n,)
    lags : int, optional
        Default: the whole part of (n − 1)^(1/3) (Said & Dickey 1984).

    Returns
    -------
    UnitRootTest
        For fewer than 12 rows or a constant series a statistic of −inf: nothing to difference.

    Notes
    -----
    Cost O(n·lags²).

    References
    ----------
    Dickey & Fuller (1979), doi:10.1080/01621459.1979.10482531.
    MacKinnon (2010), Critical values for cointegration tests, Queen's Economics Paper 1227.
    """
    rows = len(series)
    steps = np.diff(series)
    if lags is None:
        lags = max(0, min(int((rows - 1) ** (1 / 3)) if rows > 1 else 0, rows // 4 - 2))
    if rows < 12 or np.ptp(series) == 0 or np.ptp(steps) == 0:
        constant = rows < 12 or np.ptp(series) == 0
        return UnitRootTest(-np.inf if constant else np.inf, _CRITICAL[0], lags)
    target = steps[lags:]
    level = series[lags:-1] - series.mean()
    before = [steps[lags - k : len(steps) - k] for k in range(1, lags + 1)]
    design = np.column_stack([level, np.ones_like(level), *before])
    width = np.sqrt((design**2).mean(axis=0))
    design /= np.where(width > 0, width, 1.0)
    inverse = np.linalg.pinv(design.T @ design, hermitian=True)
    weights = inverse @ (design.T @ target)
    residual = target - design @ weights
    variance = residual @ residual / max(1, len(target) - design.shape[1])
    error = np.sqrt(max(variance * inverse[0, 0], 0.0))
    statistic = float(weights[0] / error) if error > 0 else -np.inf
    critical = float(np.polynomial.polynomial.polyval(1 / len(target), _CRITICAL))
    return UnitRootTest(statistic, critical, lags)


def wandering(values: Floats) -> NDArray[np.bool_]:
    """Which columns of ``values`` (n, d) keep a unit root, judged by their first 10,000 rows."""
    return np.array([dickey_fuller(column).unit_root for column in values[:_MOST_ROWS].T], dtype=bool)


def difference(values: Floats) -> Floats:
    """The steps of ``values`` (n, d), one for each row; the first is 0.

    >>> difference(np.array([[1.0], [4.0], [2.0]])).ravel()
    array([ 0.,  3., -2.])
    """
    steps = np.zeros_like(values)
    steps[1:] = np.diff(values, axis=0)
    return steps
