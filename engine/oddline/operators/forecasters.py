"""Forecasters: a window of past rows, framed, and a regressor. The linear ones end as filters."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddline.operators.lags import NestedRidge, lag_gram
from oddline.operators.regressors import LinearRegressor, Regressor, Ridge
from oddline.operators.windows import blocks

__all__ = ["WINDOWINGS", "Forecaster", "Learner", "fit_filters", "fit_learner", "forecast"]

Floats = NDArray[np.float64]

WINDOWINGS = ("Flatten", "NormalizedFlatten", "DifferenceFlatten")


@dataclass(frozen=True, eq=False)
class Forecaster:
    """What to learn: how the windows are framed, the regressor, the look-back and the horizon.

    Parameters
    ----------
    windowing : str
        Flatten: values as they are. NormalizedFlatten: minus the mean of the window, over its
        deviation. DifferenceFlatten: steps, the forecast counts from the last value.
    regressor : Regressor
        Not fitted; it is copied before it is.
    lookback : int
        Rows of a window.
    ahead : int, default 1
        The horizon: the window ends so many rows before the one that is forecast.
    """

    windowing: str
    regressor: Regressor
    lookback: int
    ahead: int = 1

    @property
    def linear(self) -> bool:
        """Does it end as a filter?"""
        return isinstance(self.regressor, LinearRegressor)

    @property
    def reach(self) -> int:
        """The oldest row that counts lies so many rows back."""
        return self.lookback + self.ahead - 1


@dataclass(frozen=True, eq=False)
class Framing:
    """A windowing that has seen what windows usually look like."""

    windowing: str
    floor: float
    """Least deviation: a flat window would otherwise get an endless weight."""

    def apart(self, windows: Floats) -> tuple[Floats, Floats, Floats]:
        """Windows (m, L) as features, and what to add to a forecast after a factor: both (m,)."""
        none, one = np.zeros(len(windows)), np.ones(len(windows))
        if self.windowing == "NormalizedFlatten":
            mean = windows.mean(axis=1)
            deviation = np.maximum(windows.std(axis=1), self.floor)
            return (windows - mean[:, None]) / deviation[:, None], mean, deviation
        if self.windowing == "DifferenceFlatten":
            return np.diff(windows, axis=1), windows[:, -1], one
        return windows, none, one

    def filter(self, weights: Floats, lookback: int) -> Floats:
        """Weights of the features as weights of the window, the nearest row first."""
        if self.windowing == "NormalizedFlatten":
            return (weights + (1.0 - weights.sum()) / lookback)[::-1]
        if self.windowing == "DifferenceFlatten":
            level = np.zeros(lookback)
            level[-1] = 1.0
            level[1:] += weights
            level[:-1] -= weights
            return level[::-1]
        return weights[::-1]


@dataclass(frozen=True, eq=False)
class Learner:
    """A fitted forecaster that is no filter."""

    framing: Framing
    regressor: Regressor
    lookback: int
    ahead: int = 1

    def forecast(self, series: Floats) -> Floats:
        """Forecasts (n − reach,) of rows reach … n − 1, as :func:`forecast` gives them."""
        view = np.lib.stride_tricks.sliding_window_view(series[: len(series) - self.ahead], self.lookback)
        out = np.empty(len(view))
        for rows in blocks(len(view), self.lookback):
            features, center, width = self.framing.apart(view[rows])
            out[rows] = center + width * self.regressor.predict(features)
        return out


def fit_filters(series: Floats, wanted: list[Forecaster]) -> Floats:
    """The filters of all wanted linear forecasters of one series.

    Parameters
    ----------
    series : ndarray (n,)
        Centred near zero, in units of about one.
    wanted : list of Forecaster

    Returns
    -------
    ndarray (len(wanted), largest reach)
        ``filters[i] @ [series[t − 1], series[t − 2], …]`` forecasts row t.

    Notes
    -----
    Ridge on plain windows or on steps is solved for all look-backs from one matrix of lagged
    products and one factorisation a ridge strength: O(n·L + L³). On normalised windows the
    deviation cancels in the forecast and stays as a weight of the row, so that wild stretches
    count less; one matrix of products a look-back, from 8,192 windows at most.
    """
    filters = np.zeros((len(wanted), max(f.reach for f in wanted)))
    families: dict[tuple[object, ...], list[int]] = {}
    for i, f in enumerate(wanted):
        nested = isinstance(f.regressor, Ridge) and f.windowing != "NormalizedFlatten"
        shared = (f.windowing, f.ahead) if nested else (f.windowing, f.ahead, f.lookback, type(f.regressor))
        families.setdefault(shared, []).append(i)
    for family, places in families.items():
        if len(family) == 2:
            _fit_nested(series, wanted, places, filters)
        else:
            _fit_framed(series, wanted, places, filters)
    return filters


def _fit_nested(series: Floats, wanted: list[Forecaster], places: list[int], filters: Floats) -> None:
    ahead, steps = wanted[places[0]].ahead, wanted[places[0]].windowing == "DifferenceFlatten"
    learnt = np.diff(series) if steps else series
    longest = min(max(wanted[i].lookback for i in places) - steps, len(learnt) - ahead)
    if longest < 1:
        filters[places, ahead - 1] = float(steps)  # too short to learn: the last value, or the mean
        return
    gram = lag_gram(learnt, longest + ahead - 1)
    # The target of steps is how far the series goes until then: the sum of as many steps.
    products = (gram[:ahead, ahead:] if steps else gram[:1, ahead:]).sum(axis=0)
    strengths = {i: float(wanted[i].regressor.alpha) for i in places}  # type: ignore[attr-defined]
    for alpha in set(strengths.values()):
        ridge = NestedRidge(gram[ahead:, ahead:], alpha)
        projected = ridge.project(products)
        for i in (i for i in places if strengths[i] == alpha):
            weights = ridge.weights(projected, min(longest, wanted[i].lookback - steps))
            here, order = filters[i, ahead - 1 :], len(weights)
            here[:order] = weights
            if steps:  # the last value plus weighted steps, written as weights of values
                here[0] += 1.0
                here[1 : order + 1] -= weights


def _fit_framed(series: Floats, wanted: list[Forecaster], places: list[int], filters: Floats) -> None:
    first = wanted[places[0]]
    lookback = min(first.lookback, max(1, len(series) - first.ahead))
    framing, features, targets = _examples(series, first, lookback)
    gram, products = features.T @ features, features.T @ targets
    for i in places:
        regressor = copy.copy(wanted[i].regressor)
        if isinstance(regressor, Ridge):  # all strengths from the same products
            ridge = NestedRidge(gram, regressor.alpha)
            weights = ridge.weights(ridge.project(products), features.shape[1])
        elif features.size:
            weights = regressor.fit(features, targets).weights_  # type: ignore[attr-defined]
        else:
            weights = np.zeros(features.shape[1])
        start = first.ahead - 1
        filters[i, start : start + lookback] = framing.filter(weights, lookback)


def fit_learner(series: Floats, wanted: Forecaster) -> Learner | None:
    """A forecaster that is no filter, fitted; None where the series has too few rows for one."""
    if len(series) < wanted.reach + 2 or (wanted.lookback == 1 and wanted.windowing == "DifferenceFlatten"):
        return None
    framing, features, targets = _examples(series, wanted, wanted.lookback)
    regressor = copy.copy(wanted.regressor).fit(features, targets)
    return Learner(framing, regressor, wanted.lookback, wanted.ahead)


def _examples(series: Floats, wanted: Forecaster, lookback: int) -> tuple[Framing, Floats, Floats]:
    """Features and targets of as many windows as the regressor takes, evenly from the series."""
    count = max(0, len(series) - lookback - wanted.ahead + 1)
    starts = np.unique(
        np.linspace(0, max(0, count - 1), min(count, wanted.regressor.most_rows)).astype(np.intp)
    )
    if not count:
        return Framing(wanted.windowing, 1.0), *_nothing(wanted, lookback)
    windows = np.lib.stride_tricks.sliding_window_view(series, lookback)[starts]
    floor = 0.1 * float(np.median(windows.std(axis=1))) + 1e-3
    framing = Framing(wanted.windowing, floor)
    features, center, width = framing.apart(windows)
    return framing, features, (series[starts + lookback + wanted.ahead - 1] - center) / width


def _nothing(wanted: Forecaster, lookback: int) -> tuple[Floats, Floats]:
    steps = wanted.windowing == "DifferenceFlatten"
    return np.zeros((0, lookback - steps)), np.zeros(0)


def forecast(series: Floats, filters: Floats) -> Floats:
    """Forecasts (n − reach, filters) of rows reach … n − 1, by filters (f, reach)."""
    reach = filters.shape[1]
    view = np.lib.stride_tricks.sliding_window_view(series[:-1], reach)
    backward = np.ascontiguousarray(filters[:, ::-1].T)
    out = np.empty((len(view), len(filters)))
    for rows in blocks(len(view), reach):
        out[rows] = np.ascontiguousarray(view[rows]) @ backward
    return out
