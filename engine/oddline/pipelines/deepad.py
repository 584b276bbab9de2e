"""DeepAD: several forecasters, and the median of their errors."""

from __future__ import annotations

from oddline.pipelines.forecasting import ForecastingPipeline

__all__ = ["DeepAD"]


class DeepAD(ForecastingPipeline):
    """A row is odd when none of several good forecasters saw it coming.

    Explores as :class:`oddline.pipelines.predad.PredAD` does and keeps five members: the best of
    each transform and windowing first, so that they differ, then the next best. The error of a
    row is the median of theirs, so that one member's mistake makes no anomaly.

    Parameters
    ----------
    lookback : int or "auto", default "auto"
    smoothing : int or "auto", default "auto"
    contamination : float in (0, 0.5], default 0.01
    random_state : int, default 0
        As in PredAD.

    Notes
    -----
    Finds, misses and costs what PredAD does; scoring takes five filters instead of one.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(600) / 5)[:, None]
    >>> x[300] += 1
    >>> int(DeepAD(smoothing=1).fit(x).anomaly_score(x).argmax())
    300
    """

    _members = 5
