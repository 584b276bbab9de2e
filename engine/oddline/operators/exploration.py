"""One column as forecasters see it: learnt, judged on a held-out block, and forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddline.operators.forecasters import WINDOWINGS, Forecaster, fit_forecasters, forecast
from oddline.operators.scaling import clip_tails, robust_scale
from oddline.operators.transforms import YeoJohnson, fit_yeo_johnson
from oddline.operators.windows import pad_head

__all__ = ["ColumnModel", "Member", "candidates", "fit_column", "held_out_errors", "powers"]

Floats = NDArray[np.float64]

ALPHAS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
PLAIN = "SkipTransformer"
POWER = "YeoJohnson"
_HELD_OUT = 4_096
_TRIM = 0.05


@dataclass(frozen=True)
class Member:
    """One forecasting pipeline: value transform, windowing and ridge regressor."""

    transform: str
    forecaster: Forecaster

    def summary(self, columns: int) -> str:
        """The three stages as named steps, without blanks."""
        f = self.forecaster
        numbers = ",".join(str(c + 1) for c in range(columns))
        first = "NoOp()" if self.transform == PLAIN else f"{self.transform}()"
        flat = f"feature_columns=[{numbers}],lookback_win={f.lookback},target_columns=[{numbers}]"
        return (
            f"('{self.transform}',{first}),('{f.windowing}',{f.windowing}({flat})),"
            f"('Ridge',Ridge(alpha={f.alpha:g})),"
        )


def candidates(lookback: int, transforms: Sequence[str]) -> list[Member]:
    """Every transform × windowing × ridge strength × look-back (the whole, 1/2, 1/4, 1/8, 1/16).

    >>> len(candidates(33, ["SkipTransformer"]))
    75
    """
    spans = sorted({max(1, lookback >> halvings) for halvings in range(5)}, reverse=True)
    return [
        Member(transform, Forecaster(windowing, alpha, span))
        for transform in transforms
        for windowing in WINDOWINGS
        for span in spans
        for alpha in ALPHAS
        if span > 1 or windowing == "Flatten"
    ]


@dataclass(frozen=True)
class Units:
    """From values to the units a forecaster learns in, and back."""

    center: float
    width: float
    power: YeoJohnson | None

    def apply(self, series: Floats) -> Floats:
        """Values in the units learnt in."""
        moved = series if self.power is None else self.power.apply(series)
        return (moved - self.center) / self.width

    def undo(self, forecasts: Floats) -> Floats:
        """Forecasts in the units of the series."""
        moved = forecasts * self.width + self.center
        return moved if self.power is None else self.power.undo(moved)


def _units(clipped: Floats, transform: str) -> Units:
    power = None
    if transform == POWER:
        center, width = robust_scale(clipped)
        power = fit_yeo_johnson(clipped, center, width or 1.0)
        clipped = power.apply(clipped)
    width = float(clipped.std())
    center = float(clipped.mean())
    return Units(center, width if width > 1e-12 * max(1.0, abs(center)) else 1.0, power)


def powers(series: Floats) -> bool:
    """Is the series so skewed that a power transform is worth a try?"""
    clipped = clip_tails(series)
    center, width = robust_scale(clipped)
    return width > 0 and abs(fit_yeo_johnson(clipped, center, width).power - 1.0) > 0.25


def held_out_errors(series: Floats, members: list[Member]) -> Floats:
    """Squared error of each member on the last quarter, learnt on what comes before.

    In units of the variance of the series; the worst 5 % of rows are left out, so that an
    anomaly in the block does not choose the model.
    """
    clipped = clip_tails(series)
    rows = len(clipped)
    first = rows - min(rows // 4, _HELD_OUT)
    variance = float(clipped.var()) or 1.0
    errors = np.empty(len(members))
    for transform in dict.fromkeys(m.transform for m in members):
        places = [i for i, m in enumerate(members) if m.transform == transform]
        units = _units(clipped[:first], transform)
        moved = units.apply(clipped)
        filters = fit_forecasters(moved[:first], [members[i].forecaster for i in places])
        block = moved[first - filters.shape[1] :]
        away = units.undo(forecast(block, filters)) - clipped[first:, None]
        keep = max(1, int(len(away) * (1 - _TRIM)))
        squares = np.partition(away**2, keep - 1, axis=0)[:keep]
        errors[places] = squares.mean(axis=0) / variance
    return np.where(np.isfinite(errors), errors, np.inf)


@dataclass(frozen=True, eq=False)
class ColumnModel:
    """The chosen members, fitted to one column.

    ``groups`` holds, for each transform, its units, the places of its members and their filters
    (members, reach).
    """

    groups: tuple[tuple[Units, list[int], NDArray[np.float64]], ...]
    members: int
    reach: int

    def residuals(self, series: Floats) -> Floats:
        """Value minus forecast, (n, members).

        The first rows, which no full look-back precedes, are forecast backwards from the rows
        after them: a stationary series looks alike in both directions.
        """
        rows, reach = len(series), self.reach
        out = np.empty((rows, self.members))
        for units, places, filters in self.groups:
            moved = units.apply(series)
            if rows >= 2 * reach:
                ahead = forecast(moved, filters)
                back = forecast(moved[: 2 * reach][::-1], filters)[::-1]
                guess = np.concatenate([back, ahead])
            else:
                guess = forecast(pad_head(moved[:, None], rows + reach)[:, 0], filters)
            out[:, places] = series[:, None] - units.undo(guess)
        return out


def fit_column(series: Floats, members: list[Member]) -> ColumnModel:
    """Fit the members to a clipped copy of the whole column."""
    clipped = clip_tails(series)
    groups = []
    reach = max(m.forecaster.lookback for m in members)
    for transform in dict.fromkeys(m.transform for m in members):
        places = [i for i, m in enumerate(members) if m.transform == transform]
        units = _units(clipped, transform)
        short = fit_forecasters(units.apply(clipped), [members[i].forecaster for i in places])
        filters = np.zeros((len(places), reach))
        filters[:, : short.shape[1]] = short
        groups.append((units, places, filters))
    return ColumnModel(tuple(groups), len(members), reach)
