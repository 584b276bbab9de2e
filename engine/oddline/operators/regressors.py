"""Regressors: rows of features in, one number each out. The linear ones and the naive ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from oddline.operators.lags import NestedRidge

__all__ = ["LinearRegressor", "LinearSVR", "Regressor", "Ridge", "SeasonalNaive", "ZeroModel"]

Floats = NDArray[np.float64]


class Regressor(ABC):
    """Learns a number from a row of features, (m, p), each centred near zero and about one wide.

    In a forecaster the features are a window of past values, the oldest first, and the number is
    the next value.
    """

    most_rows: ClassVar[int] = 8_192
    """A forecaster hands it so many rows at most, evenly from the whole series."""

    @abstractmethod
    def fit(self, features: Floats, targets: Floats) -> Self:
        """Learn from features (m, p) and targets (m,), m ≥ 1 and p ≥ 1."""

    @abstractmethod
    def predict(self, features: Floats) -> Floats:
        """One number for each row of features."""


@dataclass(eq=False)
class LinearRegressor(Regressor):
    """A regressor that is one weight a feature, ``weights_`` (p,), and no constant."""

    weights_: Floats = field(init=False, repr=False)

    def predict(self, features: Floats) -> Floats:
        return np.asarray(features @ self.weights_)


@dataclass(eq=False)
class ZeroModel(LinearRegressor):
    """Always zero: the mean, the mean of the window or the last value, as the windows are framed.

    >>> ZeroModel().fit(np.ones((5, 3)), np.ones(5)).predict(np.ones((2, 3))).tolist()
    [0.0, 0.0]
    """

    def fit(self, features: Floats, targets: Floats) -> Self:
        self.weights_ = np.zeros(features.shape[1])
        return self


@dataclass(eq=False)
class SeasonalNaive(LinearRegressor):
    """The value one period ago.

    Parameters
    ----------
    period : int
        Up to the width of a window.
    """

    period: int

    def fit(self, features: Floats, targets: Floats) -> Self:
        self.weights_ = np.zeros(features.shape[1])
        self.weights_[-self.period] = 1.0
        return self


@dataclass(eq=False)
class Ridge(LinearRegressor):
    """Least squares with a lid on the weights (Hoerl & Kennard 1970).

    Parameters
    ----------
    alpha : float
        Strength, relative to the mean square of the features.

    Notes
    -----
    O(m·p² + p³). Forecasters of one series share this work, see
    :func:`oddline.operators.forecasters.fit_filters`.

    References
    ----------
    Hoerl & Kennard (1970), doi:10.1080/00401706.1970.10488634.
    """

    alpha: float

    def fit(self, features: Floats, targets: Floats) -> Self:
        ridge = NestedRidge(features.T @ features, self.alpha)
        self.weights_ = ridge.weights(ridge.project(features.T @ targets), features.shape[1])
        return self


@dataclass(eq=False)
class LinearSVR(LinearRegressor):
    """Linear support vector regression: absolute errors beyond a margin, so that wild rows pull less.

    Makes ½‖w‖² + C·Σ max(0, |y − w·x| − ε) small.

    Parameters
    ----------
    C : float, default 1.0
    epsilon : float, default 0.0
    random_state : int, default 0
        Unused, nothing here is random; part of the name that the hosted service showed.

    Notes
    -----
    By iteratively reweighted least squares: each absolute error is bounded by a parabola that
    touches it where the last step left it. At most 25 steps of O(m·p²).

    References
    ----------
    Vapnik (1995), doi:10.1007/978-1-4757-2440-0.
    Pérez-Cruz, Navia-Vázquez, Alarcón-Diana & Artés-Rodríguez (2000), An IRWLS procedure for SVR,
    EUSIPCO.
    """

    C: float = 1.0
    epsilon: float = 0.0
    random_state: int = 0
    most_rows: ClassVar[int] = 2_048
    _steps: ClassVar[int] = 25

    def fit(self, features: Floats, targets: Floats) -> Self:
        weights: Floats = np.zeros(features.shape[1])
        unit = np.eye(len(weights))
        # A parabola in zero would be endlessly steep.
        least = 1e-3 * float(np.median(np.abs(targets))) + 1e-9
        for _ in range(self._steps):
            away = np.abs(targets - features @ weights)
            beyond = away - self.epsilon
            pull = np.where(beyond > 0, self.C / np.maximum(away, least), 0.0)
            pulled = features * pull[:, None]
            before = weights
            weights = np.asarray(np.linalg.solve(unit + pulled.T @ features, pulled.T @ targets))
            if np.abs(weights - before).max() < 1e-4:
                break
        self.weights_ = weights
        return self
