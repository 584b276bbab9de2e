"""What pipelines on windows share: windows as points, a detector of odd ones, and back to rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddline.errors import ParameterError, did_you_mean
from oddline.operators.neighbors import Compression, compress
from oddline.operators.scaling import Scale, fit_scale
from oddline.operators.stationarity import difference, wandering
from oddline.operators.windows import around, blocks, coarsen, flatten, pad_head, spread, take
from oddline.pipelines.base import Pipeline
from oddline.pipelines.detectors import Detector
from oddline.progress import Progress

__all__ = ["WindowedPipeline"]

Floats = NDArray[np.float64]

_CHANNELS = 12


class WindowedPipeline(Pipeline):
    """Scales the columns, cuts windows of ``lookback`` rows and lets a detector judge them.

    The score of a row is the mean over all windows that cover it; with ``causal`` it is that of
    the window that ends at the row. A pipeline names its detectors and makes the one asked for.
    """

    estimator: str
    _detectors: ClassVar[Mapping[str, type[Detector]]]
    _stationarize: ClassVar[bool] = True
    """Judge steps instead of levels where most columns keep a unit root."""

    def _fit(self, values: Floats, progress: Progress) -> None:
        known = self._detectors
        if self.estimator not in known:
            raise ParameterError(
                f"estimator={self.estimator!r}; {type(self).__name__} takes {', '.join(known)}."
                + did_you_mean(str(self.estimator), known),
                parameter="estimator",
            )
        window = self.lookback_
        self.warm_up_ = self.overlap_ = window - 1
        self.context_, self.delay_ = window - 1, 0 if self.causal else window - 1
        self.num_pipelines_explored_ = 1
        # All columns or none: steps beside levels would hardly count in one window.
        keeps = wandering(values) if self._stationarize else np.zeros(values.shape[1], bool)
        self._steps = bool(keeps.mean() > 0.5)
        self.context_ += self._steps
        # Scale before stepping: a step counts by what its column usually spans.
        self._scale: Scale = fit_scale(values)
        channels = self._ready(values)
        self._channels: Compression | None = None
        if channels.shape[1] > _CHANNELS:
            self._channels = compress(channels[:: max(1, len(channels) // 20_000)], _CHANNELS)
            channels = self._channels.apply(channels)
        view = flatten(*coarsen(channels, window), window)
        self._detector = self._make(known[self.estimator])
        self._detector.fit(view)
        if keeps.any():
            self.reasons_ += (
                f"{int(keeps.sum())} of {len(keeps)} columns keep a unit root (augmented "
                f"Dickey–Fuller, 5 %): {'steps' if self._steps else 'levels'} are judged",
            )
        self.model_summary_ = self._summary(values.shape[1])
        progress(1.0, "fit")

    @abstractmethod
    def _make(self, kind: type[Detector]) -> Detector:
        """A detector of this kind, not yet fitted, with the parameters of the pipeline."""

    def _summary(self, columns: int) -> str:
        numbers = ",".join(str(c + 1) for c in range(columns))
        first = "('DataStationarizer',Difference())" if self._steps else "('SkipTransformer',NoOp())"
        flat = f"Flatten(feature_columns=[{numbers}],lookback_win={self.lookback_})"
        return f"[{first},('Flatten',{flat}),('{self.estimator}',{self._detector}),]"

    def _ready(self, values: Floats) -> Floats:
        scaled = self._scale.apply(values)
        return difference(scaled) if self._steps else scaled

    def _windows(self, values: Floats) -> tuple[NDArray[np.float64], int]:
        """The windows of values as a view, and how many rows were put in front to have one."""
        ready = self._ready(values)
        if self._channels is not None:
            ready = self._channels.apply(ready)
        padded = pad_head(ready, len(ready) + self.lookback_ - 1 if self.causal else self.lookback_)
        return flatten(*coarsen(padded, self.lookback_), self.lookback_), len(padded) - len(ready)

    def _walk(
        self, view: NDArray[np.float64], padded: int, learnt: int, places: NDArray[np.intp]
    ) -> Iterator[tuple[slice, Floats, NDArray[np.intp] | None]]:
        """Blocks of the windows at some places of the view.

        The third value are their places in the series, where they were learnt from.
        """
        own = int(np.searchsorted(places, learnt - self.lookback_ + 1 + padded)) if learnt else 0
        width = view.shape[1] * view.shape[2]
        for start, stop, known in ((0, own, True), (own, len(places), False)):
            for piece in blocks(stop - start, width):
                rows = slice(start + piece.start, start + piece.stop)
                yield rows, take(view, places[rows]), places[rows] - padded if known else None

    def _score(self, values: Floats, learnt: int, progress: Progress) -> Floats:
        view, padded = self._windows(values)
        scores = np.empty(len(view))
        for rows, windows, places in self._walk(view, padded, learnt, np.arange(len(view))):
            scores[rows] = self._detector.scores(windows, places)
            progress(rows.stop / len(view), "score")
        return scores if self.causal else spread(scores, self.lookback_)[padded:]

    def _parts(self, values: Floats, learnt: int, rows: NDArray[np.intp], progress: Progress) -> Floats:
        view, padded = self._windows(values)
        window = self.lookback_
        near = rows if self.causal else around(rows + padded, window - 1, 0, len(view))
        parts = np.empty((len(near), view.shape[1]))
        for part, windows, places in self._walk(view, padded, learnt, near):
            parts[part] = self._detector.parts(windows, view.shape[1], places)
            progress(part.stop / len(near), "score")
        if self._channels is not None:
            # The columns share a channel's part by the squares of their loads on it.
            parts = parts @ (self._channels.axes**2).T
        if self.causal:
            return parts
        # Stretches of windows stand side by side; those that cover a wanted row are neighbours.
        rows = rows + padded
        first = np.searchsorted(near, np.maximum(rows - window + 1, 0))
        return spread(parts, window)[np.where(rows < window, rows, first + window - 1)]
