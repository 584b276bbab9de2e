"""Rows far from the bulk of the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv

from oddline.operators.scatter import Scatter, fit_scatter
from oddline.progress import Progress
from oddline.rows.base import RowDetector

__all__ = ["RowScatter"]

Floats = NDArray[np.float64]

_PARTS = 5
_SURE = 0.999
_USUAL, _TAIL = 50.0, 99.0
_BEYOND, _MARGIN = 3.0, 1.01
_NARROWEST, _MOST = 1e-300, 690.0


class RowScatter(RowDetector):
    """Rows far from the bulk of the others, by how the columns spread and move together.

    The distance is Mahalanobis', by a center and a covariance that a few far rows do not rule
    (:func:`oddline.operators.scatter.fit_scatter`). The score is -s with s = D²/(D² + line): one half
    on the line.

    Finds rows far out in any direction, also those whose values are usual, each by itself, but not
    together. Misses what lies between two kinds of normal rows.

    Parameters
    ----------
    contamination : float in [0, 0.5], default 0.01
        Share of the learnt rows beyond the line. With 0 the rows are known to be clean, and the line
        is one that they hardly ever cross (see Notes).
    random_state : int, default 0
        Which rows are left out together.

    Attributes
    ----------
    scatter_ : Scatter
    farther_ : float
        By so much the squared distance of a row is larger that was not learnt from; at least 1.
    line_ : float
        A squared distance.
    offset_ : float
        -0.5.

    Notes
    -----
    The line of clean rows is a hundredth beyond the farthest, and ``farther_`` times that: measured by
    leaving out a fifth of the rows, five times. So a new row of the same kind lies beyond with a chance
    of about 1/n. It is at least the 99.9 % point of χ²(d), for there may be few rows. It is at most as
    far beyond the 99th percentile as three times the way to there from the median, by logarithms: rows
    beyond that are strays, whatever they were said to be.

    Cost O(n·d·min(n, d)) to learn and O(n·d·min(d, 128)) to score.

    References
    ----------
    Lange, Little & Taylor (1989), doi:10.1080/01621459.1989.10478852.
    Chen, Wiesel, Eldar & Hero (2010), doi:10.1109/TSP.2010.2053029.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(500, 3))
    >>> clean = RowScatter(contamination=0).fit(rows)
    >>> int(clean.predict(rows).min()), clean.predict([[0.0, 6.0, 0.0]]).tolist()
    (1, [-1])
    """

    def __init__(self, *, contamination: float = 0.01, random_state: int = 0) -> None:
        self.contamination = contamination
        self.random_state = random_state

    def draw_line(self, oddness: Floats) -> None:
        if self.contamination:
            line = float(np.percentile(oddness, 100.0 * (1.0 - self.contamination)))
        else:
            usual, tail = np.log(np.maximum(np.percentile(oddness, [_USUAL, _TAIL]), _NARROWEST))
            end = float(np.exp(min(tail + _BEYOND * (tail - usual), _MOST)))
            free = len(self.scatter_.center)
            least = 2.0 * float(gammaincinv(free / 2.0, _SURE))
            line = max(least, self.farther_ * min(end, _MARGIN * float(oddness.max())))
        self.line_ = max(line, _NARROWEST)
        self.offset_ = -0.5

    def scores(self, oddness: Floats) -> Floats:
        return -oddness / (oddness + self.line_)

    def _learn(self, points: Floats, progress: Progress) -> None:
        progress(0.0, "learning")
        self.scatter_: Scatter = fit_scatter(points)
        self.farther_ = 1.0
        if not self.contamination and len(points) > _PARTS:
            part = np.random.default_rng(self.random_state).permutation(len(points)) % _PARTS
            left = np.empty(len(points))
            for one in range(_PARTS):
                progress((1.0 + one) / (1.0 + _PARTS), "learning")
                left[part == one] = fit_scatter(points[part != one]).squares(points[part == one])
            seen = np.percentile(self.scatter_.squares(points), _TAIL)
            if seen > 0:
                self.farther_ = max(1.0, float(np.percentile(left, _TAIL) / seen))

    def _oddness(self, points: Floats) -> Floats:
        return self.scatter_.squares(points)

    def _check(self, X: ArrayLike, reset: bool) -> Floats:
        if not 0 <= self.contamination <= 0.5:
            self._refuse("contamination", "a share from 0 to 0.5")
        return super()._check(X, reset)
