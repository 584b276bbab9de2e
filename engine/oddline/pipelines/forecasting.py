"""What PredAD and DeepAD share: explore forecasters by held-out error, score by squared errors."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddline.operators.exploration import (
    PLAIN,
    POWER,
    Member,
    candidates,
    fit_column,
    held_out_errors,
    powers,
)
from oddline.operators.scaling import fit_scale
from oddline.operators.smoothing import smooth_at
from oddline.operators.windows import around
from oddline.pipelines.base import Pipeline
from oddline.progress import Progress

__all__ = ["ForecastingPipeline"]

Floats = NDArray[np.float64]

MOST_LAGS = 512
SMOOTHING = 64
_EXPLORED_COLUMNS = 4
_LEAST_ROWS = 24


class ForecastingPipeline(Pipeline):
    """Explores forecasters, keeps the best ``_members``; a row is odd when it was not predicted."""

    _members: int
    static_smoothing: ClassVar[int] = SMOOTHING
    _whole_numbers: ClassVar[dict[str, bool]] = {"lookback": True, "smoothing": True}

    def __init__(
        self,
        *,
        lookback: int | str = "auto",
        smoothing: int | str = "auto",
        contamination: float = 0.01,
        random_state: int = 0,
    ) -> None:
        self.lookback = lookback
        self.smoothing = smoothing
        self.contamination = contamination
        self.random_state = random_state

    def _fit(self, values: Floats, progress: Progress) -> None:
        if self.lookback_ > MOST_LAGS:
            self.reasons_ += (f"forecasters look back {MOST_LAGS} rows at most, not {self.lookback_}",)
            self.lookback_ = MOST_LAGS
        self.warm_up_, self.overlap_ = self.lookback_, 0
        if values.shape[1] == 1:
            # Squared errors below a millionth of the variance are rounding.
            self.floor_ = 1e-6 * float(values.var())
        self._widths = fit_scale(values).width
        self._explore(values)
        progress(0.5, "fit")
        columns = values.shape[1]
        self._columns = []
        for place, series in enumerate(values.T):
            self._columns.append(fit_column(series, self._chosen))
            progress(0.5 + 0.5 * (place + 1) / columns, "fit")
        shown = [f"[{member.summary(columns)}]" for member in self._chosen]
        self.model_summary_ = shown[0] if len(shown) == 1 else f"[{','.join(shown)}]"

    def _explore(self, values: Floats) -> None:
        rows, columns = values.shape
        picked = np.unique(np.linspace(0, columns - 1, _EXPLORED_COLUMNS).astype(int))
        picked = np.array([c for c in picked if np.ptp(values[:, c]) > 0], dtype=int)
        if rows < _LEAST_ROWS or not len(picked):
            everything = candidates(self.lookback_, [PLAIN])
            self._chosen = [next(m for m in everything if m.forecaster.alpha == 1e-2)]
            self.num_pipelines_explored_ = 1
            self.reasons_ += ("too little to explore: one ridge forecaster",)
            return
        transforms = [PLAIN]
        if any(powers(values[:, c]) for c in picked):
            transforms.append(POWER)
        everything = candidates(self.lookback_, transforms)
        errors = np.mean([held_out_errors(values[:, c], everything) for c in picked], axis=0)
        order = np.argsort(errors, kind="stable")
        self._chosen = self._keep([everything[i] for i in order])
        self.num_pipelines_explored_ = len(everything)
        best = everything[order[0]]
        self.reasons_ += (
            f"{len(everything)} forecasters compared on the last quarter; the best, {best.transform} "
            f"{best.forecaster.windowing} over {best.forecaster.lookback} rows with ridge "
            f"{best.forecaster.alpha:g}, leaves {errors[order[0]]:.3g} of the variance",
        )

    def _keep(self, ranked: list[Member]) -> list[Member]:
        """The best of each kind first, then the next best, so that the members differ."""
        kinds: dict[tuple[str, str], Member] = {}
        for member in ranked:
            kinds.setdefault((member.transform, member.forecaster.windowing), member)
        first = list(kinds.values())
        return (first + [m for m in ranked if m not in first])[: self._members]

    def _errors(self, values: Floats, rows: NDArray[np.intp], progress: Progress) -> Floats:
        """Squared residuals (k, d) of some rows, the median over the members.

        In squared units of a lone column; several are first brought to variance 1 by what was
        learnt, so that a column with large numbers does not rule the mean.
        """
        count, columns = values.shape

        def squares(rows: NDArray[np.intp]) -> Floats:
            near = self._behind(rows, count)
            at = np.searchsorted(near, rows)
            out = np.empty((len(rows), columns))
            for place, model in enumerate(self._columns):
                width = 1.0 if columns == 1 else self._widths[place]
                residuals = model.residuals(values[near, place])[at]
                out[:, place] = np.median((residuals / width) ** 2, axis=1)
                progress((place + 1) / columns, "score")
            return out

        return smooth_at(squares, rows, count, SMOOTHING if self.smoothing == "auto" else int(self.smoothing))

    def _behind(self, rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
        """What the forecasts of some rows look at; stretches of it may stand side by side."""
        reach = self._columns[0].reach
        if rows[0] < reach:  # the head is forecast backwards, from the rows after it
            rows = np.union1d(rows, np.arange(min(2 * reach, count)))
        return around(rows, reach, 0, count)

    def _score(self, values: Floats, learnt: int, progress: Progress) -> Floats:
        return np.asarray(self._errors(values, np.arange(len(values)), progress).mean(axis=1))

    def _parts(self, values: Floats, learnt: int, rows: NDArray[np.intp], progress: Progress) -> Floats:
        return self._errors(values, rows, progress)
