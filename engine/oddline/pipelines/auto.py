"""AutoAD: several views of the series, each in units of its own everyday, and the loudest heard."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddline.operators.scaling import Scale, fit_scale
from oddline.pipelines.auto_columns import column_views
from oddline.pipelines.auto_series import series_views
from oddline.pipelines.base import Pipeline
from oddline.progress import Progress, part

__all__ = ["AutoAD"]

Floats = NDArray[np.float64]

_SHARPNESS = 2.0
_SPREAD = 0.25
_BULK = 0.05, 0.95
_LEAST = 1e-3
_ROUNDING = 1e-6  # columns are in standard deviations, and so are the scores of the views


class AutoAD(Pipeline):
    """The strongest combination we know for the data at hand.

    Views of the series at several scales run side by side. The scores of each are counted from
    their median, in units of their everyday spread, and joined by a soft maximum: an event needs
    only one view that sees it far beyond its everyday, and views that see nothing do not dilute it.

    One column is judged by its distance to the nearest windows, short, middle and long, and by
    the energy of its windows (:func:`oddline.pipelines.auto_series.series_views`); several columns
    each by themselves and all together (:func:`oddline.pipelines.auto_columns.column_views`).

    Finds single spikes, odd shapes, levels and missing beats up to a few hundred rows. Misses what
    recurs every few windows, and changes slower than the longest window.

    Parameters
    ----------
    lookback : int or "auto", default "auto"
        Sets ``lookback_`` and ``warm_up_``, and no score: the views have windows of their own.
    causal : bool, default False
    contamination : float in (0, 0.5], default 0.01
    random_state : int, default 0

    Notes
    -----
    Time linear in rows, some hundred thousand multiplications for each and column; memory a few
    copies of the input and blocks of some megabytes.

    References
    ----------
    Ramaswamy, Rastogi & Shim (2000), doi:10.1145/342009.335437.
    Angiulli & Pizzuti (2002), doi:10.1007/3-540-45681-3_2.
    Hotelling (1931), doi:10.1214/aoms/1177732979.

    Examples
    --------
    >>> x = np.sin(np.arange(900) / 5)[:, None]
    >>> x[400:406] = 0.0
    >>> int(AutoAD().fit(x).anomaly_score(x).argmax()) in range(390, 416)
    True
    """

    _whole_numbers: ClassVar[dict[str, bool]] = {"lookback": True}

    def __init__(
        self,
        *,
        lookback: int | str = "auto",
        causal: bool = False,
        contamination: float = 0.01,
        random_state: int = 0,
    ) -> None:
        self.lookback = lookback
        self.causal = causal
        self.contamination = contamination
        self.random_state = random_state

    def _fit(self, values: Floats, progress: Progress) -> Floats:
        self._scale: Scale = fit_scale(values)
        series = self._scale.apply(values)
        if values.shape[1] == 1:
            self._views = series_views(series, self.causal, self.random_state)
        else:
            self._views = column_views(series, self.causal, self.random_state)
        reach = max(view.reach for view in self._views)
        self.context_ = self.overlap_ = reach
        self.delay_ = 0 if self.causal else reach
        self.warm_up_ = self.lookback_ - 1
        self.num_pipelines_explored_ = 1  # the views are parts of it; none is chosen
        for place, view in enumerate(self._views):
            view.fit(series)
            progress(0.2 * (place + 1) / len(self._views), "fit")
        each = self._each(values, len(values), part(progress, 0.2, 1.0))
        self._median: Floats = np.median(each, axis=1)
        low, high = np.quantile(each, _BULK, axis=1)
        self._unit: Floats = (high - low) / 2 + _SPREAD * each.std(axis=1)
        # What hardly differs from row to row, or only by rounding, says nothing.
        self._unit[self._unit <= np.maximum(_LEAST * self._median, _ROUNDING)] = np.inf
        steps = "".join(f"('View',{view})," for view in self._views)
        self.model_summary_ = f"[{steps}('SoftMaximum',LogSumExp(sharpness={_SHARPNESS:g})),]"
        loud = self._loudness(each)
        self.reasons_ += (self._reason(loud),)
        return _joined(loud)

    def _reason(self, loud: Floats) -> str:
        """Which views the oddest hundredth of the rows is due to."""
        odd = loud[:, np.argsort(-loud.max(axis=0), kind="stable")[: max(1, loud.shape[1] // 100)]]
        share = _weights(odd).mean(axis=1)
        said = ", ".join(f"{view} {part:.0%}" for view, part in zip(self._views, share, strict=True))
        return (
            f"{len(self._views)} views with windows of their own, whatever the look-back; each in units "
            "of its own everyday, joined by a soft maximum; the oddest hundredth of the rows is due to "
            f"{said}"
        )

    def _each(
        self, values: Floats, learnt: int, progress: Progress, rows: NDArray[np.intp] | None = None
    ) -> Floats:
        """The scores that every view gives some rows, or all: (views, k)."""
        series = self._scale.apply(values)
        each = np.empty((len(self._views), len(values) if rows is None else len(rows)))
        for place, view in enumerate(self._views):
            inner = part(progress, place / len(each), (place + 1) / len(each))
            each[place] = view.scores(series, learnt, inner, rows)
        return each

    def _loudness(self, each: Floats) -> Floats:
        """Scores of views (views, n) from their median, in units of their everyday rise."""
        return (each - self._median[:, None]) * (_SHARPNESS / self._unit[:, None])

    def _score(self, values: Floats, learnt: int, progress: Progress) -> Floats:
        return _joined(self._loudness(self._each(values, learnt, progress)))

    def _parts(self, values: Floats, learnt: int, rows: NDArray[np.intp], progress: Progress) -> Floats:
        weights = _weights(self._loudness(self._each(values, learnt, part(progress, 0.0, 0.5), rows)))
        series = self._scale.apply(values)
        parts = np.zeros((len(rows), values.shape[1]))
        for view, weight in zip(self._views, weights, strict=True):
            own = view.parts(series, learnt, rows)
            total = own.sum(axis=1, keepdims=True)
            parts += weight[:, None] * np.divide(own, total, out=np.zeros_like(own), where=total > 0)
        return parts


def _joined(loud: Floats) -> Floats:
    """The soft maximum (n,) of views (views, n) and of 0, in units of the everyday rise."""
    top = np.maximum(loud.max(axis=0), 0.0)
    scores: Floats = top + np.log(np.exp(-top) + np.exp(loud - top).sum(axis=0))
    return scores / _SHARPNESS


def _weights(loud: Floats) -> Floats:
    """The share of each view (views, n) in the soft maximum of a row."""
    weights = np.exp(loud - loud.max(axis=0))
    return np.asarray(weights / weights.sum(axis=0))
