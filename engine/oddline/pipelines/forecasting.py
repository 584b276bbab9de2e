"""What PredAD and DeepAD share: explore forecasters by held-out error, score by squared errors."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddline.lookback import dominant_period
from oddline.operators.exploration import (
    PLAIN,
    POWER,
    ColumnModel,
    Member,
    fit_column,
    held_out_errors,
    powers,
    quick,
    slow,
)
from oddline.operators.forecasters import Forecaster
from oddline.operators.regressors import Ridge
from oddline.operators.scaling import fit_scale, robust_scale
from oddline.operators.smoothing import cover_mean
from oddline.operators.windows import around
from oddline.pipelines.auto_columns import column_weights
from oddline.pipelines.base import Pipeline
from oddline.progress import Progress, silent

__all__ = ["ForecastingPipeline"]

Floats = NDArray[np.float64]

MOST_LAGS = 512
SMOOTHING = 64
HORIZONS = (48,)
_FEW_COLUMNS = 4
_LEAST_ROWS = 24
_NEAR, _FAR = 1.1, 2.0  # of the lowest held-out error: as good as the best
_BULK = 0.8  # the share of rows that tell what errors are usual
_STRETCHES, _STRETCH = 32, 512
_TAILS = 6.0  # robust widths from the median, as in what forecasters learn from
_TINY = np.finfo(float).tiny


class ForecastingPipeline(Pipeline):
    """Explores forecasters, keeps the best ``_members``; a row is odd when it was not predicted."""

    _members: ClassVar[int]
    _deep: ClassVar[bool]
    _whole_numbers: ClassVar[dict[str, bool]] = {"lookback": True, "smoothing": True}

    def __init__(
        self,
        *,
        lookback: int | str = "auto",
        smoothing: int | str = "auto",
        causal: bool = False,
        contamination: float = 0.01,
        random_state: int = 0,
    ) -> None:
        self.lookback = lookback
        self.smoothing = smoothing
        self.causal = causal
        self.contamination = contamination
        self.random_state = random_state

    def _fit(self, values: Floats, progress: Progress) -> None:
        rows, columns = values.shape
        if self.lookback_ > MOST_LAGS:
            self.reasons_ += (f"forecasters look back {MOST_LAGS} rows at most, not {self.lookback_}",)
            self.lookback_ = MOST_LAGS
        self.warm_up_ = self.lookback_
        if columns == 1:
            # Squared errors below a millionth of the variance are rounding.
            self.floor_ = 1e-6 * float(values.var())
        self._width = max(1, min(SMOOTHING if self.smoothing == "auto" else int(self.smoothing), rows // 10))
        chosen = self._explore(values)
        progress(0.5, "fit")
        self.overlap_, self.smooths_ = self._width - 1, self._width > 1
        # Single errors stay those of the next row: further ahead, one spike would spoil many rows.
        horizons = HORIZONS if self._width > 1 else ()
        line = next((m for m in chosen if m.forecaster.linear), chosen[0])
        further = [line.ahead(horizon) for horizon in horizons]
        self._units = fit_scale(values).width if columns > 1 else np.ones(1)
        weights = column_weights(values) if columns > 1 else np.ones(1)
        self._shares = weights / weights.sum()
        self._single_shares = self._shares.copy()
        self._kept = len(chosen)
        self._factors = np.ones((columns, len(chosen) + len(further)))
        self._columns: list[ColumnModel] = []
        self._columns_ahead: list[ColumnModel] = []
        self._reaches = np.array([member.forecaster.reach for member in chosen + further])
        self._usual, self._limits = np.zeros(columns), np.zeros((columns, 2))
        some = _stretches(rows, int(self._reaches.max()))
        for place, series in enumerate(values.T):
            self._columns.append(fit_column(series, chosen))
            if further:
                center, width = robust_scale(series)
                self._limits[place] = center - _TAILS * width, center + _TAILS * width
                self._columns_ahead.append(fit_column(series, further))
            squares = self._squares(values, place, some)
            bulk = np.sort(squares, axis=0)[: max(1, int(_BULK * len(squares)))].mean(axis=0)
            # A tenth of the mean at least: a switch that hardly ever moves is no miracle when it does.
            usual = np.maximum(bulk, 0.1 * squares.mean(axis=0)) + _TINY
            usual = np.maximum(usual, 1e-6 * usual.max())  # a member without any error is no measure
            factors = usual[0] / usual
            # The less can be known so far ahead, the less it says that something was not.
            factors[self._kept :] *= np.sqrt(np.minimum(1.0, factors[self._kept :]))
            self._factors[place], self._usual[place] = factors, bulk[0]
            if columns > 1:
                self._shares[place] /= max(usual[0], 1e-9)
                # Of single rows a small twitch of a quiet column shall not outdo a jump of another.
                self._single_shares[place] /= max(usual[0], 1e-9) ** 0.5
            progress(0.5 + 0.5 * (place + 1) / columns, "fit")
        self.blind_ = int(self._reaches.max())
        self.context_ = int(self._reaches.max()) + self._width - 1
        self.delay_ = 0 if self.causal else self._width - 1
        shown = [f"[{member.summary(columns)}]" for member in chosen]
        self.model_summary_ = shown[0] if len(shown) == 1 else f"[{','.join(shown)}]"

    def _explore(self, values: Floats) -> list[Member]:
        """The members to keep, the best first."""
        rows, columns = values.shape
        picked = np.unique(np.linspace(0, columns - 1, _FEW_COLUMNS).astype(int))
        picked = np.array([c for c in picked if np.ptp(values[:, c]) > 0], dtype=int)
        if rows < _LEAST_ROWS or not len(picked):
            self.num_pipelines_explored_ = 1
            self.reasons_ += ("too little to explore: one ridge forecaster",)
            return [Member(PLAIN, Forecaster("Flatten", Ridge(1e-2), self.lookback_))]
        transforms = [PLAIN]
        if any(powers(values[:, c]) for c in picked):
            transforms.append(POWER)
        period = dominant_period(values)
        if period is not None and period > rows // 4:
            period = None

        def compare(members: list[Member]) -> Floats:
            return np.asarray(np.mean([held_out_errors(values[:, c], members) for c in picked], axis=0))

        members = quick(self.lookback_, transforms, period)
        errors = compare(members)
        if columns <= _FEW_COLUMNS:
            more = slow(members[int(errors.argmin())], self.lookback_, self.random_state, self._deep)
            members, errors = members + more, np.concatenate([errors, compare(more)])
        order = np.argsort(errors, kind="stable")
        least = float(errors[order[0]])
        near = [i for i in order if errors[i] <= _NEAR * least]
        best = min(near, key=lambda i: members[i].plainness)
        ranked = [members[best]] + [members[i] for i in order if i != best and errors[i] <= _FAR * least]
        self.num_pipelines_explored_ = len(members)
        f = members[best].forecaster
        self.reasons_ += (
            f"{len(members)} forecasters compared on the last quarter; the simplest within "
            f"{_NEAR - 1:.0%} of the best, {members[best].transform} {f.windowing} over {f.lookback} "
            f"rows with {f.regressor}, leaves {errors[best]:.3g} of the variance",
        )
        return self._keep(ranked)

    def _keep(self, ranked: list[Member]) -> list[Member]:
        """The best of each kind first, then the next best, so that the members differ."""
        kinds: dict[object, Member] = {}
        for member in ranked:
            kinds.setdefault(member.kind, member)
        first = list(kinds.values())
        return (first + [m for m in ranked if m not in first])[: self._members]

    def _squares(self, values: Floats, place: int, rows: NDArray[np.intp], ahead: bool = True) -> Floats:
        """Squared residuals (k, members) of some rows of a column, in its units."""
        models = [self._columns[place], *(self._columns_ahead[place : place + 1] if ahead else [])]
        near = around(rows, max(model.reach for model in models), 0, len(values))
        series, at = values[near, place], np.searchsorted(near, rows)
        residuals = models[0].residuals(series)
        for further in models[1:]:
            # An event shall not spoil what is foreseen of the rows behind it: it enters cut to size.
            cut = np.clip(series, *self._limits[place])
            residuals = np.column_stack([residuals, further.residuals(cut) + (series - cut)[:, None]])
        return np.asarray((residuals[at] / self._units[place]) ** 2)

    def _errors(
        self, values: Floats, rows: NDArray[np.intp], progress: Progress, single: bool = False
    ) -> Floats:
        """The parts (k, d) of the scores of some rows: the mean over the members, smoothed or not.

        Where scores are smoothed, errors of further horizons stand in for it where they are larger.
        A lone column's are in its squared units; those of several are brought to mean 1 by what
        was learnt and weighted by what the column can tell, so that they sum to the score.
        """
        width, columns = 1 if single else self._width, values.shape[1]
        shares = self._single_shares if width == 1 else self._shares
        members = self._kept if width == 1 else self._factors.shape[1]
        near = around(rows, width - 1, 0 if self.causal else width - 1, len(values))
        at = np.searchsorted(near, rows)
        out = np.empty((len(rows), columns))
        for place in range(columns):
            squares = self._squares(values, place, near, ahead=width > 1) * self._factors[place, :members]
            # Nobody knows whether a row without a full look-back is odd: it gets the usual error.
            squares[near[:, None] < self._reaches[:members]] = self._usual[place]
            kept = squares[:, : self._kept].mean(axis=1)
            score = cover_mean(np.column_stack([kept, squares[:, self._kept :]]), width, self.causal)
            out[:, place] = score[at].max(axis=1) * shares[place]
            progress((place + 1) / columns, "score")
        return out

    def _score(self, values: Floats, learnt: int, progress: Progress) -> Floats:
        return np.asarray(self._errors(values, np.arange(len(values)), progress).sum(axis=1))

    def _single(self, values: Floats, learnt: int) -> Floats:
        return np.asarray(self._errors(values, np.arange(len(values)), silent, single=True).sum(axis=1))

    def _parts(self, values: Floats, learnt: int, rows: NDArray[np.intp], progress: Progress) -> Floats:
        return self._errors(values, rows, progress)


def _stretches(rows: int, first: int) -> NDArray[np.intp]:
    """All rows of a short series that have a full look-back, else 32 stretches of 512 from all over it."""
    first = min(first, rows - 1)
    if rows - first <= 2 * _STRETCHES * _STRETCH:
        return np.arange(first, rows)
    starts = np.linspace(first, rows - _STRETCH, _STRETCHES).astype(np.intp)
    return (starts[:, None] + np.arange(_STRETCH)).ravel()
