"""DeepAD: several forecasters, of different kinds, and the mean of their errors."""

from __future__ import annotations

from oddline.pipelines.forecasting import ForecastingPipeline

__all__ = ["DeepAD"]


class DeepAD(ForecastingPipeline):
    """A row is odd when several good forecasters did not see it coming.

    Explores as :class:`oddline.pipelines.predad.PredAD` does, and a small neural net besides. Keeps
    up to five members: the one that PredAD would take, then the best of each other transform, windowing and
    regressor, as long as its error is at most twice the lowest, then the next best. The error of a row
    is the mean of theirs, each in its usual size.

    Parameters
    ----------
    lookback : int or "auto", default "auto"
    smoothing : int or "auto", default "auto"
    causal : bool, default False
    contamination : float in (0, 0.5], default 0.01
    random_state : int, default 0
        As in PredAD; also of the net.

    Notes
    -----
    Finds, misses and costs what PredAD does; scoring takes five forecasters instead of one. The net
    needs numpy only, so that a job need not wait for torch.

    References
    ----------
    Rumelhart, Hinton & Williams (1986), doi:10.1038/323533a0. Bates & Granger (1969), The combination
    of forecasts, doi:10.1057/jors.1969.103.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(600) / 5)[:, None]
    >>> x[300] += 1
    >>> int(DeepAD(smoothing=1).fit(x).anomaly_score(x).argmax())
    300
    """

    _members = 5
    _deep = True
