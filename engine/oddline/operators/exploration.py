"""One column as forecasters see it: learnt, judged on a held-out block, and forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oddline.operators.forecasters import (
    WINDOWINGS,
    Forecaster,
    Learner,
    fit_filters,
    fit_learner,
    forecast,
)
from oddline.operators.perceptron import Perceptron
from oddline.operators.regression_trees import ExtraTrees
from oddline.operators.regressors import LinearSVR, Regressor, Ridge, SeasonalNaive, ZeroModel
from oddline.operators.scaling import clip_tails, robust_scale
from oddline.operators.transforms import YeoJohnson, fit_yeo_johnson
from oddline.operators.windows import pad_head

__all__ = ["ColumnModel", "Member", "fit_column", "held_out_errors", "powers", "quick", "slow"]

Floats = NDArray[np.float64]

ALPHAS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
PLAIN = "SkipTransformer"
POWER = "YeoJohnson"
_HELD_OUT = 4_096
_TRIM = 0.05


@dataclass(frozen=True, eq=False)
class Member:
    """One forecasting pipeline: value transform, windowing and regressor."""

    transform: str
    forecaster: Forecaster

    @property
    def kind(self) -> tuple[str, str, type[Regressor]]:
        """Members of one kind differ in numbers only."""
        return self.transform, self.forecaster.windowing, type(self.forecaster.regressor)

    @property
    def plainness(self) -> tuple[bool, bool, int]:
        """Sorts the simpler members first: untouched values, lines, windows as they are."""
        windowing = WINDOWINGS.index(self.forecaster.windowing)
        return not self.forecaster.linear, self.transform != PLAIN, (0, 2, 1)[windowing]

    def ahead(self, horizon: int) -> Member:
        """The same, further ahead."""
        return replace(self, forecaster=replace(self.forecaster, ahead=horizon))

    def summary(self, columns: int) -> str:
        """The three stages as named steps, without blanks."""
        f = self.forecaster
        numbers = ",".join(str(c + 1) for c in range(columns))
        first = "NoOp()" if self.transform == PLAIN else f"{self.transform}()"
        flat = f"feature_columns=[{numbers}],lookback_win={f.lookback},target_columns=[{numbers}]"
        name = type(f.regressor).__name__
        return (
            f"('{self.transform}',{first}),('{f.windowing}',{f.windowing}({flat})),"
            f"('{name}',{str(f.regressor).replace(' ', '')}),"
        )


def quick(lookback: int, transforms: Sequence[str], period: int | None = None) -> list[Member]:
    """The members that cost next to nothing to compare.

    Every transform × windowing × ridge strength × look-back (the whole, 1/2, 1/4, 1/8, 1/16), the
    zero model of each windowing and, where there is a period, the value one period ago.

    >>> len(quick(33, ["SkipTransformer"], 24))
    79
    """
    spans = sorted({max(1, lookback >> halvings) for halvings in range(5)}, reverse=True)
    members = [
        Member(transform, Forecaster(windowing, Ridge(alpha), span))
        for transform in transforms
        for windowing in WINDOWINGS
        for span in spans
        for alpha in ALPHAS
        if span > 1 or windowing == "Flatten"
    ]
    members += [Member(PLAIN, Forecaster(windowing, ZeroModel(), lookback)) for windowing in WINDOWINGS]
    if period is not None:
        members.append(Member(PLAIN, Forecaster("Flatten", SeasonalNaive(period), period)))
    return members


def slow(best: Member, lookback: int, seed: int, deep: bool) -> list[Member]:
    """The members that are worth their time only in the transform and windowing of the best ridge."""
    regressors: list[Regressor] = [LinearSVR(random_state=seed), ExtraTrees(random_state=seed)]
    if deep:
        regressors.append(Perceptron(random_state=seed))
    windowing = best.forecaster.windowing
    return [Member(best.transform, Forecaster(windowing, r, max(2, lookback))) for r in regressors]


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
    anomaly in the block does not choose the model. At most 4,096 rows are held out.
    """
    clipped = clip_tails(series)
    rows = len(clipped)
    first = rows - min(rows // 4, _HELD_OUT)
    variance = float(clipped.var()) or 1.0
    model = _fit(clipped[:first], members)
    reach = min(model.reach, first)
    away = model.residuals(clipped[first - reach :])[reach:]
    keep = max(1, int(len(away) * (1 - _TRIM)))
    squares = np.partition(away**2, keep - 1, axis=0)[:keep]
    errors = squares.mean(axis=0) / variance
    return np.where(np.isfinite(errors), errors, np.inf)


@dataclass(frozen=True, eq=False)
class Group:
    """Members that share a transform: the places of the linear ones and their filters, then the others."""

    units: Units
    places: tuple[int, ...]
    filters: NDArray[np.float64]
    learners: tuple[tuple[int, Learner], ...]


@dataclass(frozen=True, eq=False)
class ColumnModel:
    """Members fitted to one column; ``reach`` rows before a row count for its forecasts."""

    groups: tuple[Group, ...]
    members: int
    reach: int

    def residuals(self, series: Floats) -> Floats:
        """Value minus forecast, (n, members); before the first row it is taken to repeat itself."""
        out = np.empty((len(series), self.members))
        for group in self.groups:
            moved = pad_head(group.units.apply(series)[:, None], len(series) + self.reach)[:, 0]
            if group.places:
                short = moved[self.reach - group.filters.shape[1] :]
                out[:, group.places] = series[:, None] - group.units.undo(forecast(short, group.filters))
            for place, learner in group.learners:
                short = moved[self.reach - learner.lookback - learner.ahead + 1 :]
                out[:, place] = series - group.units.undo(learner.forecast(short))
        return out


def fit_column(series: Floats, members: list[Member]) -> ColumnModel:
    """Fit the members to a clipped copy of the whole column."""
    return _fit(clip_tails(series), members)


def _fit(clipped: Floats, members: list[Member]) -> ColumnModel:
    groups = []
    for transform in dict.fromkeys(m.transform for m in members):
        units = _units(clipped, transform)
        moved = units.apply(clipped)
        places, learners = [], []
        for i, member in enumerate(members):
            if member.transform == transform:
                learner = None if member.forecaster.linear else fit_learner(moved, member.forecaster)
                if learner is None:
                    places.append(i)
                else:
                    learners.append((i, learner))
        wanted = [_as_line(members[i].forecaster) for i in places]
        filters = fit_filters(moved, wanted) if wanted else np.zeros((0, 1))
        groups.append(Group(units, tuple(places), filters, tuple(learners)))
    return ColumnModel(tuple(groups), len(members), max(m.forecaster.reach for m in members))


def _as_line(wanted: Forecaster) -> Forecaster:
    """A column too short to learn more from gets a ridge."""
    return wanted if wanted.linear else replace(wanted, regressor=Ridge(1e-2))
