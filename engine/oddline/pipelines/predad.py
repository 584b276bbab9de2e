"""PredAD: one forecaster, the best on held-out rows."""

from __future__ import annotations

from oddline.pipelines.forecasting import ForecastingPipeline

__all__ = ["PredAD"]


class PredAD(ForecastingPipeline):
    """A row is odd when the best forecaster did not see it coming.

    Explores value transforms (none; Yeo–Johnson where a column is skewed) × windowing (plain,
    each window normalised, differenced) × regressors: ridge of five strengths over five look-backs,
    the zero model, the value one period ago and, for up to 4 columns, linear support vectors and
    randomised trees in the transform and windowing of the best ridge. The simplest of those within
    10 % of the lowest error on the last quarter is learnt again on all rows: as good a forecast by a
    simpler rule adapts less to what it should find odd.

    Finds spikes, breaks and bursts that the past does not explain. Misses slow drifts, which a
    forecaster follows, and odd shapes that are smooth.

    Parameters
    ----------
    lookback : int or "auto", default "auto"
        At most 512 rows are used.
    smoothing : int or "auto", default "auto"
        The score of a row is the mean, over all windows of so many rows that cover it, of the
        window's mean squared error: 64 rows, or a tenth of a short series. The error of a forecast
        48 rows ahead stands in for it where it is larger for what can be known so far ahead: an
        event longer than a few rows soon is the past that explains the rest of it. 1 gives each row
        its own squared error of one step, which label methods with a moving line need.
    causal : bool, default False
        Smooth over the window that ends at the row.
    contamination : float in (0, 0.5], default 0.01
    random_state : int, default 0
        Of the trees.

    Notes
    -----
    Errors are squared residuals in squared units of a lone column. Several columns are summed after
    each is divided by its usual error (the root of it, for single rows) and weighted by the bits that
    one of its values tells, so that flags count little. Rows without a full look-back get the usual
    error. A score depends on ``context_`` rows before it and ``delay_`` after it. Time
    O(n·lookback·d) and linear in rows; at most 4 columns are explored, all are fitted.

    References
    ----------
    Yeo & Johnson (2000), doi:10.1093/biomet/87.4.954. Hoerl & Kennard (1970),
    doi:10.1080/00401706.1970.10488634. Vapnik (1995), doi:10.1007/978-1-4757-2440-0. Geurts, Ernst &
    Wehenkel (2006), doi:10.1007/s10994-006-6226-1.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(600) / 5)[:, None]
    >>> x[300] += 1
    >>> int(PredAD(smoothing=1).fit(x).anomaly_score(x).argmax())
    300
    """

    _members = 1
    _deep = False
