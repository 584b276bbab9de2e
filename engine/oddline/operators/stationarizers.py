"""Series without what wanders, rises or repeats, as scikit-learn transformers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.stationarity import difference, wandering
from oddline.operators.transformers import Transformer, whole

__all__ = ["Detrend", "DifferenceIfUnitRoot", "SeasonalDifference"]

Floats = NDArray[np.float64]


class DifferenceIfUnitRoot(Transformer):
    """The steps of a series instead of its levels, where an augmented Dickey–Fuller test says so.

    Parameters
    ----------
    together : bool, default False
        All columns or none, as most of them need it: steps beside levels would hardly count in
        one window.

    Attributes
    ----------
    unit_root_ : ndarray of bool (d,)
        Whether a column keeps its unit root at 5 %.
    differenced_ : ndarray of bool (d,)
        Whether it is replaced by its steps, of which the first is 0.

    References
    ----------
    Dickey & Fuller (1979), doi:10.1080/01621459.1979.10482531.

    Examples
    --------
    >>> DifferenceIfUnitRoot().fit_transform(np.arange(40.0)[:, None])[:3].ravel()
    array([0., 1., 1.])
    """

    def __init__(self, *, together: bool = False) -> None:
        self.together = together

    def _learn(self, values: Floats) -> None:
        self.unit_root_ = wandering(values)
        most = np.full(len(self.unit_root_), self.unit_root_.mean() > 0.5)
        self.differenced_ = most if self.together else self.unit_root_

    def _apply(self, values: Floats) -> Floats:
        if not self.differenced_.any():
            return values
        return np.where(self.differenced_, difference(values), values)


class Detrend(Transformer):
    """Each column without its least-squares line.

    Attributes
    ----------
    slope_, start_ : ndarray (d,)
        The line. The first row of whatever is transformed lies at its start.

    Examples
    --------
    >>> Detrend().fit_transform(np.arange(5.0)[:, None]).round(9).ravel().tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0]
    """

    def _learn(self, values: Floats) -> None:
        time = np.arange(len(values)) - (len(values) - 1) / 2
        center = values.mean(axis=0)
        self.slope_: Floats = time @ (values - center) / max(float(time @ time), 1.0)
        self.start_: Floats = center + time[0] * self.slope_

    def _apply(self, values: Floats) -> Floats:
        return values - self.start_ - np.arange(len(values))[:, None] * self.slope_


class SeasonalDifference(Transformer):
    """Each row less the row one period before; 0 where there is none.

    Parameters
    ----------
    period : int, default 1
        In rows.

    Examples
    --------
    >>> SeasonalDifference(period=2).fit_transform([[1.0], [5.0], [1.0], [6.0]]).ravel()
    array([0., 0., 0., 1.])
    """

    def __init__(self, *, period: int = 1) -> None:
        self.period = period

    def _learn(self, values: Floats) -> None:
        whole("period", self.period, 1)

    def _apply(self, values: Floats) -> Floats:
        steps = np.zeros_like(values)
        steps[self.period :] = values[self.period :] - values[: -self.period]
        return steps
