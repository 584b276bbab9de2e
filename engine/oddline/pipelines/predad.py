"""PredAD: one forecaster, the best on held-out rows."""

from __future__ import annotations

from oddline.pipelines.forecasting import ForecastingPipeline

__all__ = ["PredAD"]


class PredAD(ForecastingPipeline):
    """A row is odd when the best forecaster did not see it coming.

    Explores value transforms (none; Yeo–Johnson where a column is skewed) × windowing (plain,
    each window normalised, differenced) × five look-backs × five ridge strengths, keeps the one
    with the lowest error on the last quarter, and learns it again on all rows.

    Finds spikes, breaks and bursts that the past does not explain. Misses slow drifts, which a
    forecaster follows, and odd shapes that are smooth.

    Parameters
    ----------
    lookback : int or "auto", default "auto"
        At most 512 rows are used.
    smoothing : int or "auto", default "auto"
        The score of a row is the mean, over all windows of so many rows that cover it, of the
        window's mean squared error: 64 rows, or a tenth of a short series. 1 gives each row its
        own squared error, which label methods with a moving line need.
    contamination : float in (0, 0.5], default 0.01
    random_state : int, default 0
        Unused: nothing here is random.

    Notes
    -----
    Errors are squared residuals in squared units of a lone column; several columns are brought to
    variance 1 first and averaged. Rows without a full look-back are forecast backwards. Time
    O(n·lookback·d) and linear in rows; at most 4 columns are explored, all are fitted.

    References
    ----------
    Yeo & Johnson (2000), doi:10.1093/biomet/87.4.954. Hoerl & Kennard (1970),
    doi:10.1080/00401706.1970.10488634.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(600) / 5)[:, None]
    >>> x[300] += 1
    >>> int(PredAD(smoothing=1).fit(x).anomaly_score(x).argmax())
    300
    """

    _members = 1
