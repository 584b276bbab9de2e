"""Stage 3: how many rows back a window or forecaster looks, given or found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oddline.operators.lags import NestedRidge, lag_gram
from oddline.operators.scaling import clip_tails

__all__ = ["Lookback", "choose_lookback", "dominant_period"]

Floats = NDArray[np.float64]

MAX_WINDOW = 96
_MOST_ROWS = 20_000
_MOST_COLUMNS = 8
_FOLDS = 5
_T_CRITICAL = 2.576  # two-sided 1 %: up to 96 lags are tried, 5 % would always find one
_SHORT = 48


@dataclass(frozen=True)
class Lookback:
    """The chosen look-back in rows, what each rule proposed, and why this one was taken."""

    window: int
    candidates: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""


def choose_lookback(
    values: Floats, requested: int | Literal["auto"] | str = "auto", *, max_window: int = MAX_WINDOW
) -> Lookback:
    """The look-back window of a series.

    Parameters
    ----------
    values : ndarray (n, d)
        Finite.
    requested : int or "auto"
        A number is taken as it is, as long as twice as many rows are there; a longer one shrinks.
    max_window : int, default 96
        The most that "auto" chooses; it also never chooses more than n/10, nor less than 2.

    Returns
    -------
    Lookback

    Notes
    -----
    "auto" asks five rules: the autoregressive order by AIC, by BIC, by the general-to-specific
    t-test and by forward-chaining error, and the dominant period. One matrix of lagged products
    serves all orders and folds, at O(n·max_window + max_window³) for at most 20,000 rows and 8
    columns. A clear period wins; without one the median of the four orders. The choice stays
    between 48 and 96 rows where the series has them: over series of many domains such windows find
    most, a handful of rows shows no shape and a long window blurs a short event.

    References
    ----------
    Ng & Perron (1995), doi:10.1080/01621459.1995.10476510.

    Examples
    --------
    >>> wave = np.sin(np.arange(1000) * 2 * np.pi / 25)[:, None]
    >>> choose_lookback(wave).window
    48
    """
    rows = len(values)
    most = max(1, (rows - 1) // 2)
    if requested != "auto":
        window = int(requested)
        if window > most:
            return Lookback(
                most,
                {"requested": window},
                f"a look-back of {window} rows needs {2 * window + 1} rows, {rows} are there: "
                f"shortened to {most}",
            )
        return Lookback(window, {"requested": window}, f"a look-back of {window} rows, as asked for")
    top = max(min(max_window, rows // 10), min(2, most))
    series = _standard(values)
    if not series or rows < 40:
        what = "the series is constant" if not series else f"only {rows} rows are there"
        window = min(top, _SHORT)
        return Lookback(window, {}, f"look-back {window}: {what}, nothing to measure")
    candidates = _orders(series, top)
    period = dominant_period(values)
    if period is None:
        wish = int(np.median(list(candidates.values())))
        why = "the median of the orders"
    else:
        candidates["period"] = wish = period
        why = "the dominant period"
    least = min(_SHORT, top)
    window = min(max(wish, least), top)
    if window > wish:
        why = f"the least that shows a shape; {why} is {wish}"
    elif window < wish:
        why = f"the most that is looked back; {why} is {wish}"
    said = ", ".join(f"{name} {value}" for name, value in candidates.items())
    return Lookback(window, candidates, f"look-back {window}, {why} ({said})")


def dominant_period(values: Floats, *, shortest: int = 3, longest: int = 300) -> int | None:
    """The lag of the highest peak of the autocorrelation, or None without a clear one.

    The first 20,000 rows, by one fast Fourier transform; several columns are averaged.

    Examples
    --------
    >>> dominant_period(np.sin(np.arange(500) * 2 * np.pi / 20))
    20
    """
    series = _standard(values if values.ndim == 2 else values[:, None])
    longest = min(longest, len(values[:_MOST_ROWS]) // 3)
    if not series or longest <= shortest:
        return None
    size = 1 << (2 * len(series[0]) - 1).bit_length()
    power = np.mean([np.abs(np.fft.rfft(s, size)) ** 2 for s in series], axis=0)
    product = np.fft.irfft(power)[: longest + 2]
    # Not corrected for the fewer products of long lags: of equal peaks the shortest shall win.
    correlation = product / product[0]
    inner = correlation[1:-1]
    peak = (inner > correlation[:-2]) & (inner >= correlation[2:])
    lags = np.flatnonzero(peak) + 1
    lags = lags[(lags >= shortest) & (lags <= longest)]
    if not len(lags):
        return None
    best = int(lags[np.argmax(correlation[lags])])
    # A peak of noise: the largest of so many draws of N(0, 1/n) stays below 4 deviations, and a
    # peak without a valley before it is a shoulder of slow drift.
    valley = float(correlation[:best].min())
    clear = correlation[best] > max(0.1, 4 / np.sqrt(len(series[0])))
    return best if clear and correlation[best] - valley > 0.1 else None


def _standard(values: Floats) -> list[Floats]:
    """Up to 8 of the columns, clipped, centred, with variance 1; constant ones are left out."""
    picked = np.unique(np.linspace(0, values.shape[1] - 1, _MOST_COLUMNS).astype(int))
    out = []
    for column in values[:_MOST_ROWS, picked].T:
        clipped = clip_tails(column)
        clipped = clipped - clipped.mean()
        width = float(clipped.std())
        if width > 1e-12 * max(1.0, float(np.abs(column).max())):
            out.append(clipped / width)
    return out


def _orders(series: list[Floats], top: int) -> dict[str, int]:
    """The order by each rule; all from the products of the folds and their sum."""
    rows = len(series[0])
    edges = np.linspace(top, rows, _FOLDS + 1).astype(int)
    folds = [
        np.sum([lag_gram(s[start - top : stop], top) for s in series], axis=0)
        for start, stop in pairwise(edges)
    ]
    total = np.sum(folds, axis=0)
    count = (rows - top) * len(series)
    ridge = NestedRidge(total[1:, 1:], 1e-9)
    projected = ridge.project(total[1:, 0])
    orders = np.arange(1, top + 1)
    left = np.maximum(total[0, 0] - np.cumsum(projected**2), 1e-12 * total[0, 0])
    fit = count * np.log(left / count)
    t_value = np.abs(projected) / np.sqrt(left / np.maximum(1, count - orders))
    significant = orders[t_value > _T_CRITICAL]
    return {
        "AIC": int(orders[np.argmin(fit + 2 * orders)]),
        "BIC": int(orders[np.argmin(fit + np.log(count) * orders)]),
        "t-test": int(significant[-1]) if len(significant) else 1,
        "forward error": _forward(folds, top),
    }


def _forward(folds: list[Floats], top: int) -> int:
    """The shortest order within 1 % of the lowest error on each next fold, learnt from those before."""
    orders = np.unique(np.round(np.geomspace(1, top, 16)).astype(int))
    error = np.zeros(len(orders))
    past = np.zeros_like(folds[0])
    for fold, coming in pairwise(folds):
        past = past + fold
        ridge = NestedRidge(past[1:, 1:], 1e-6)
        projected = ridge.project(past[1:, 0])
        for place, order in enumerate(orders):
            filter_ = np.concatenate([[1.0], -ridge.weights(projected, order)])
            error[place] += filter_ @ coming[: order + 1, : order + 1] @ filter_
    return int(orders[np.flatnonzero(error <= 1.01 * error.min())[0]])
