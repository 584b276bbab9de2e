"""DeepAD: several forecasters, and the median of their errors."""

from __future__ import annotations

from oddline.pipelines.forecasting import ForecastingPipeline

__all__ = ["DeepAD"]


class DeepAD(ForecastingPipeline):
    """A row is odd when none of several good forecasters saw it coming."""

    _members = 5
