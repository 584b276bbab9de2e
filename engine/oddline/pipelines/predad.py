"""PredAD: one forecaster, the best on held-out rows."""

from __future__ import annotations

from oddline.pipelines.forecasting import ForecastingPipeline

__all__ = ["PredAD"]


class PredAD(ForecastingPipeline):
    """A row is odd when the best forecaster did not see it coming."""

    _members = 1
