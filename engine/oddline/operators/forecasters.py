"""Linear forecasters: every windowing and ridge strength ends as one filter over past rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddline.operators.lags import NestedRidge, lag_gram

__all__ = ["WINDOWINGS", "Forecaster", "fit_forecasters", "forecast"]

Floats = NDArray[np.float64]

WINDOWINGS = ("Flatten", "NormalizedFlatten", "DifferenceFlatten")
_MOST_WINDOWS = 8_192


@dataclass(frozen=True)
class Forecaster:
    """What to learn: the windowing, the ridge strength and the look-back."""

    windowing: str
    alpha: float
    lookback: int


def fit_forecasters(
    series: Floats, wanted: list[Forecaster], horizons: tuple[int, ...] = (1,)
) -> NDArray[np.float64]:
    """The filters of all wanted forecasters of one series.

    Parameters
    ----------
    series : ndarray (n,)
        Centred near zero, in units of about one.
    wanted : list of Forecaster
    horizons : tuple of int
        How many rows ahead; 1 is the next row.

    Returns
    -------
    ndarray (len(wanted), len(horizons), reach)
        ``filters[i, j] @ series[t − 1], series[t − 2], …`` forecasts row t from rows up to
        t − horizons[j]; ``reach`` = largest look-back + largest horizon − 1.

    Notes
    -----
    * Flatten: ridge on the last rows. * DifferenceFlatten: the same on steps. Both are solved for
      all look-backs from one matrix of lagged products and one factorisation a ridge strength.
    * NormalizedFlatten: each window minus its mean, over its deviation; the deviation cancels in
      the forecast and stays as a weight of the row, so that wild stretches count less.
    """
    longest, furthest = max(f.lookback for f in wanted), max(horizons)
    filters = np.zeros((len(wanted), len(horizons), longest + furthest - 1))
    for windowing in WINDOWINGS:
        places = [i for i, f in enumerate(wanted) if f.windowing == windowing]
        if not places:
            continue
        if windowing == "NormalizedFlatten":
            for lookback in {wanted[i].lookback for i in places}:
                same = [i for i in places if wanted[i].lookback == lookback]
                _fit_normalised(series, wanted, same, lookback, horizons, filters)
        else:
            _fit_nested(series, wanted, places, horizons, filters, windowing == "DifferenceFlatten")
    return filters


def _fit_nested(
    series: Floats,
    wanted: list[Forecaster],
    places: list[int],
    horizons: tuple[int, ...],
    filters: Floats,
    steps: bool,
) -> None:
    learnt = np.diff(series) if steps else series
    longest = max(wanted[i].lookback for i in places) - steps
    order = min(longest + max(horizons) - 1, len(learnt) - 1)
    longest = min(longest, order - max(horizons) + 1)
    if longest < 1:
        for i in places:
            for j, ahead in enumerate(horizons):
                filters[i, j, ahead - 1] = float(steps)  # too short to learn: the last value, or the mean
        return
    gram = lag_gram(learnt, order)
    for alpha in {wanted[i].alpha for i in places}:
        ridge = NestedRidge(gram[1 : longest + 1, 1 : longest + 1], alpha)
        for j, ahead in enumerate(horizons):
            # Steps add up: the rise over `ahead` rows is the sum of its steps.
            lags = range(ahead) if steps else (0,)
            products = np.sum([gram[ahead : ahead + longest, lag] for lag in lags], axis=0)
            projected = ridge.project(products)
            for i in (i for i in places if wanted[i].alpha == alpha):
                weights = ridge.weights(projected, min(longest, wanted[i].lookback - steps))
                into = filters[i, j, ahead - 1 :]
                if steps:
                    into[0] += 1.0
                    into[: len(weights)] += weights
                    into[1 : len(weights) + 1] -= weights
                else:
                    into[: len(weights)] = weights


def _fit_normalised(
    series: Floats,
    wanted: list[Forecaster],
    places: list[int],
    lookback: int,
    horizons: tuple[int, ...],
    filters: Floats,
) -> None:
    furthest = max(horizons)
    count = len(series) - lookback - furthest + 1
    if count < 1:
        for i in places:
            for j, ahead in enumerate(horizons):
                filters[i, j, ahead - 1 : ahead - 1 + lookback] = 1.0 / lookback
        return
    starts = np.unique(np.linspace(0, count - 1, min(count, _MOST_WINDOWS)).astype(np.intp))
    view = np.lib.stride_tricks.sliding_window_view(series, lookback)
    windows = view[starts][:, ::-1]  # the nearest row first
    mean = windows.mean(axis=1, keepdims=True)
    deviation = windows.std(axis=1, keepdims=True)
    # A flat window would get an endless weight: a tenth of the usual deviation is the floor.
    deviation = np.maximum(deviation, 0.1 * np.median(deviation) + 1e-3)
    scaled = (windows - mean) / deviation
    gram = scaled.T @ scaled
    targets = np.stack([series[starts + lookback + ahead - 1] for ahead in horizons], axis=1)
    products = scaled.T @ ((targets - mean) / deviation)
    for alpha in {wanted[i].alpha for i in places}:
        ridge = NestedRidge(gram, alpha)
        weights = ridge.weights(ridge.project(products), lookback)
        for i in (i for i in places if wanted[i].alpha == alpha):
            for j, ahead in enumerate(horizons):
                total = float(weights[:, j].sum())
                filters[i, j, ahead - 1 : ahead - 1 + lookback] = weights[:, j] + (1.0 - total) / lookback


def forecast(series: Floats, filters: Floats) -> Floats:
    """Forecasts (n − reach, filters) of rows reach … n − 1, by filters (f, reach)."""
    reach = filters.shape[1]
    view = np.lib.stride_tricks.sliding_window_view(series[:-1], reach)
    backward = np.ascontiguousarray(filters[:, ::-1].T)
    out = np.empty((len(view), len(filters)))
    rows = max(64, 2**20 // reach)
    for start in range(0, len(view), rows):
        out[start : start + rows] = np.ascontiguousarray(view[start : start + rows]) @ backward
    return out
