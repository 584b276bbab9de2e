"""What pipelines on windows share: windows as points, a detector of odd ones, and back to rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddline.errors import ParameterError, did_you_mean
from oddline.operators.neighbors import Compression, compress
from oddline.operators.scaling import Scale, fit_scale
from oddline.operators.spectra import information
from oddline.operators.stationarizers import DifferenceIfUnitRoot
from oddline.pipelines.base import Pipeline
from oddline.pipelines.detectors import Detector
from oddline.pipelines.views import View
from oddline.progress import Progress

__all__ = ["WindowedPipeline"]

Floats = NDArray[np.float64]

_CHANNELS = 12
_LEAST_BITS = 0.1  # so that a column that never moved is still seen when it does


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
        # Scale before stepping: a step counts by what its column usually spans.
        scale = fit_scale(values)
        # A switch or a flag must not count like a measurement: columns weigh by what a value tells.
        told = np.maximum(information(values), _LEAST_BITS)
        self._scale = Scale(scale.center, scale.width * (told.max() / told))
        self._steps: DifferenceIfUnitRoot | None = None
        if self._stationarize:
            self._steps = DifferenceIfUnitRoot(together=True).fit(values)
            self.context_ += bool(self._steps.differenced_.any())
        self._channels: Compression | None = None
        channels = self._ready(values)
        if channels.shape[1] > _CHANNELS:
            self._channels = compress(channels[:: max(1, len(channels) // 20_000)], _CHANNELS)
            channels = self._channels.apply(channels)
        self._view = View(self._make(known[self.estimator]), self.causal)
        self._view.fit(channels)
        if self._steps is not None and self._steps.unit_root_.any():
            keeps, steps = self._steps.unit_root_, self._steps.differenced_.any()
            self.reasons_ += (
                f"{int(keeps.sum())} of {len(keeps)} columns keep a unit root (augmented "
                f"Dickey–Fuller, 5 %): {'steps' if steps else 'levels'} are judged",
            )
        self.model_summary_ = self._summary(values.shape[1])
        progress(1.0, "fit")

    @abstractmethod
    def _make(self, kind: type[Detector]) -> Detector:
        """A detector of this kind, not yet fitted, with the parameters of the pipeline."""

    def _summary(self, columns: int) -> str:
        numbers = ",".join(str(c + 1) for c in range(columns))
        steps = self._steps is not None and self._steps.differenced_.any()
        first = "('DataStationarizer',Difference())" if steps else "('SkipTransformer',NoOp())"
        flat = f"Flatten(feature_columns=[{numbers}],lookback_win={self.lookback_})"
        return f"[{first},('Flatten',{flat}),('{self.estimator}',{self._view}),]"

    def _ready(self, values: Floats) -> Floats:
        """What is cut in windows: scaled columns, or their steps, or their principal channels."""
        ready = self._scale.apply(values)
        if self._steps is not None:
            ready = self._steps.transform(ready)
        return ready if self._channels is None else self._channels.apply(ready)

    def _score(self, values: Floats, learnt: int, progress: Progress) -> Floats:
        return self._view.scores(self._ready(values), learnt, progress)

    def _parts(self, values: Floats, learnt: int, rows: NDArray[np.intp], progress: Progress) -> Floats:
        parts = self._view.parts(self._ready(values), learnt, rows, progress)
        # The columns share a channel's part by the squares of their loads on it.
        return parts if self._channels is None else parts @ (self._channels.axes**2).T
