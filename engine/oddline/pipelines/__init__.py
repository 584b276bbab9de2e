"""Stage 4 and 5: the pipelines, one public class a file, and how a spec becomes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oddline.catalog import LABELINGS
from oddline.pipelines.base import Pipeline
from oddline.pipelines.deepad import DeepAD
from oddline.pipelines.predad import PredAD
from oddline.pipelines.windowad import WindowAD

if TYPE_CHECKING:
    from oddline.catalog import Spec

__all__ = ["DeepAD", "Pipeline", "PredAD", "WindowAD", "build"]


def build(spec: Spec, lookback: int | str) -> Pipeline:
    """The pipeline a checked spec asks for, not yet fitted.

    ``lookback`` is the window already chosen for the series, or ``"auto"``. The algorithm
    ``auto`` is, for now, nearest neighbours on windows.

    >>> from oddline.catalog import check
    >>> build(check({"algorithm_type": "DeepAD"}), 24)
    DeepAD(lookback=24)
    """
    if spec.algorithm_type in ("DeepAD", "PredAD"):
        forecasting = DeepAD if spec.algorithm_type == "DeepAD" else PredAD
        # A line that moves with the last few scores needs each row's own error, not a mean.
        dynamic = any(m.dynamic for m in LABELINGS if m.name == spec.labeling_method)
        smoothing = 1 if dynamic else "auto"
        return forecasting(lookback=lookback, smoothing=smoothing, random_state=spec.random_state)
    estimator = "NearestNeighbor" if spec.algorithm_type == "auto" else spec.anomaly_estimator
    return WindowAD(estimator=estimator, lookback=lookback, random_state=spec.random_state)
