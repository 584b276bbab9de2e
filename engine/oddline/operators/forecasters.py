"""Linear forecasters: every windowing and ridge strength ends as one filter over past rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddline.operators.lags import NestedRidge, lag_gram
from oddline.operators.windows import blocks

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


def fit_forecasters(series: Floats, wanted: list[Forecaster]) -> Floats:
    """The filters of all wanted forecasters of one series.

    Parameters
    ----------
    series : ndarray (n,)
        Centred near zero, in units of about one.
    wanted : list of Forecaster

    Returns
    -------
    ndarray (len(wanted), largest look-back)
        ``filters[i] @ [series[t − 1], series[t − 2], …]`` forecasts row t.

    Notes
    -----
    * Flatten: ridge on the last rows. DifferenceFlatten: the same on steps. Both are solved for
      all look-backs from one matrix of lagged products and one factorisation a ridge strength.
    * NormalizedFlatten: each window minus its mean, over its deviation; the deviation cancels in
      the forecast and stays as a weight of the row, so that wild stretches count less. Learnt
      from 8,192 windows at most.
    """
    filters = np.zeros((len(wanted), max(f.lookback for f in wanted)))
    for windowing in WINDOWINGS:
        places = [i for i, f in enumerate(wanted) if f.windowing == windowing]
        if not places:
            continue
        if windowing == "NormalizedFlatten":
            for lookback in {wanted[i].lookback for i in places}:
                same = [i for i in places if wanted[i].lookback == lookback]
                _fit_normalised(series, wanted, same, lookback, filters)
        else:
            _fit_nested(series, wanted, places, filters, steps=windowing == "DifferenceFlatten")
    return filters


def _fit_nested(
    series: Floats, wanted: list[Forecaster], places: list[int], filters: Floats, steps: bool
) -> None:
    learnt = np.diff(series) if steps else series
    longest = min(max(wanted[i].lookback for i in places) - steps, len(learnt) - 1)
    if longest < 1:
        filters[places, 0] = float(steps)  # too short to learn: the last value, or the mean
        return
    gram = lag_gram(learnt, longest)
    for alpha in {wanted[i].alpha for i in places}:
        ridge = NestedRidge(gram[1:, 1:], alpha)
        projected = ridge.project(gram[1:, 0])
        for i in (i for i in places if wanted[i].alpha == alpha):
            weights = ridge.weights(projected, min(longest, wanted[i].lookback - steps))
            order = len(weights)
            filters[i, :order] = weights
            if steps:  # the last value plus weighted steps, written as weights of values
                filters[i, 0] += 1.0
                filters[i, 1 : order + 1] -= weights


def _fit_normalised(
    series: Floats, wanted: list[Forecaster], places: list[int], lookback: int, filters: Floats
) -> None:
    count = len(series) - lookback
    if count < 1:
        filters[places, :lookback] = 1.0 / lookback
        return
    starts = np.unique(np.linspace(0, count - 1, min(count, _MOST_WINDOWS)).astype(np.intp))
    view = np.lib.stride_tricks.sliding_window_view(series, lookback)
    windows = view[starts][:, ::-1]  # the nearest row first
    mean = windows.mean(axis=1)
    deviation = windows.std(axis=1)
    # A flat window would get an endless weight: a tenth of the usual deviation is the floor.
    deviation = np.maximum(deviation, 0.1 * np.median(deviation) + 1e-3)
    scaled = (windows - mean[:, None]) / deviation[:, None]
    products = scaled.T @ ((series[starts + lookback] - mean) / deviation)
    gram = scaled.T @ scaled
    for i in places:
        ridge = NestedRidge(gram, wanted[i].alpha)
        weights = ridge.weights(ridge.project(products), lookback)
        filters[i, :lookback] = weights + (1.0 - float(weights.sum())) / lookback


def forecast(series: Floats, filters: Floats) -> Floats:
    """Forecasts (n − reach, filters) of rows reach … n − 1, by filters (f, reach)."""
    reach = filters.shape[1]
    view = np.lib.stride_tricks.sliding_window_view(series[:-1], reach)
    backward = np.ascontiguousarray(filters[:, ::-1].T)
    out = np.empty((len(view), len(filters)))
    for rows in blocks(len(view), reach):
        out[rows] = np.ascontiguousarray(view[rows]) @ backward
    return out
