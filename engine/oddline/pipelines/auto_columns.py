"""What ``auto`` looks at in several columns: each column by itself, and all of them together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.spectra import information
from oddline.pipelines.detectors import ColumnEnergy, JointNeighbors
from oddline.pipelines.views import View

__all__ = ["column_views", "column_weights"]

Floats = NDArray[np.float64]

_SHORT, _LONG = 32, 128
_MOST_RELATED = 512
_RIDGE = 0.01


def unexplained(series: Floats) -> Floats | None:
    """The matrix (d, d) that takes a scaled row to what the other columns do not say of each.

    Column j of the result is proportional to the residual of column j in a ridge regression on
    all the others; one inverse solves all regressions. None for less than 2 or more than 512
    columns, or without ten rows for each.

    References
    ----------
    Hoerl & Kennard (1970), Ridge regression, doi:10.1080/00401706.1970.10488634.
    """
    rows, columns = series.shape
    if not 2 <= columns <= min(_MOST_RELATED, rows // 10):
        return None
    away = series - series.mean(axis=0)
    precision = np.linalg.inv(away.T @ away / rows + _RIDGE * np.eye(columns))
    return np.asarray(precision / np.diagonal(precision))


def column_weights(series: Floats) -> Floats:
    """How much each column of a scaled series (n, d) counts: the bits that one of its values tells.

    Command flags and states that hardly ever change would otherwise be most of a machine's columns,
    and each of their rare changes an anomaly. All alike where no column tells anything.
    """
    bits = information(series)
    return bits if bits.any() else np.ones_like(bits)


def column_views(series: Floats, causal: bool, seed: int) -> list[View]:
    """The views of a scaled series (n, d), not yet fitted.

    Single columns over 32 and over 128 rows, what the other columns do not explain of each over
    32, and all columns together over 128; windows never take more than a tenth of the rows.
    """
    weights = column_weights(series)
    columns = np.flatnonzero(weights)
    weights = weights[columns]
    most = max(1, len(series) // 10)
    short, long = min(_SHORT, most), min(_LONG, most)
    views = [View(ColumnEnergy(window, seed, weights), causal, columns) for window in sorted({short, long})]
    mix = unexplained(series[:, columns])
    if mix is not None:
        views.append(View(ColumnEnergy(short, seed, weights), causal, columns, mix))
    views.append(View(JointNeighbors(long, seed, weights), causal, columns))
    return views
