"""Which rows of a table of numbers are odd: two scikit-learn estimators."""

from __future__ import annotations

from abc import abstractmethod
from typing import NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from oddline.errors import DataError, ParameterError
from oddline.operators.isolation import SAMPLE, grow_isolation, isolation_scores
from oddline.operators.scatter import Scatter, fit_scatter
from oddline.operators.threads import one_thread
from oddline.operators.trees import Trees

__all__ = ["RowDetector", "RowForest", "RowScatter"]

Floats = NDArray[np.float64]

_FAR = 1e100
_ALIKE = 0.01  # so far above the line are rows that are all alike
_PARTS = 5
_SURE = 0.999
_USUAL, _TAIL = 50.0, 99.0
_BEYOND, _MARGIN = 3.0, 1.01
_NARROWEST, _MOST = 1e-300, 690.0


class RowDetector(OutlierMixin, BaseEstimator):
    """Rows in any order in, one score a row out: low is odd.

    Parameters
    ----------
    contamination : float
        Share of the learnt rows that :meth:`predict` calls anomalous.
    random_state : int

    Attributes
    ----------
    offset_ : float
        The line: ``decision_function`` is ``score_samples - offset_``, below 0 exactly where
        ``predict`` says -1.
    """

    contamination: float
    random_state: int

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn from X (n, d), finite and up to 1e100."""
        values = self._check(X, reset=True)
        self.learn(values)
        self.draw_line(self.oddness(values))
        return self

    def score_samples(self, X: ArrayLike) -> Floats:
        """Scores (n,) from -1, odd, to 0 of X (n, d); each depends on its row alone."""
        check_is_fitted(self)
        return self.scores(self.oddness(self._check(X, reset=False)))

    def decision_function(self, X: ArrayLike) -> Floats:
        """``score_samples(X) - offset_``: below 0 is an anomaly."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """+1 for a normal row, -1 for an anomaly."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def learn(self, points: Floats) -> None:
        """All of :meth:`fit` but the line, from points (m, d) that need no check."""
        with one_thread():
            self._learn(points)

    def oddness(self, points: Floats) -> Floats:
        """How odd each of some points (m, d) is that need no check: (m,), at least 0."""
        with one_thread():
            return self._oddness(points)

    @abstractmethod
    def draw_line(self, oddness: Floats) -> None:
        """Where the line is, by the oddness (n,) of all rows that were to be learnt from."""

    @abstractmethod
    def scores(self, oddness: Floats) -> Floats:
        """What :meth:`score_samples` says of rows so odd."""

    @abstractmethod
    def _learn(self, points: Floats) -> None: ...

    @abstractmethod
    def _oddness(self, points: Floats) -> Floats: ...

    def _check(self, X: ArrayLike, reset: bool) -> Floats:
        values: Floats = validate_data(self, X, reset=reset, dtype=np.float64)
        if len(values) and max(values.max(), -values.min()) > _FAR:
            raise DataError(
                "X holds values beyond 1e100, whose squares overflow. Divide them, or call "
                "oddline.rows.fit_rows: it holds them at a bound."
            )
        return values

    def _refuse(self, name: str, expected: str) -> NoReturn:
        raise ParameterError(f"{name}={getattr(self, name)!r}; expected {expected}", parameter=name)


class RowForest(RowDetector):
    """Isolation forest: rows that few random cuts have alone.

    Each tree takes 256 rows at random and cuts a random column at a random height, again and
    again, until each row is alone or eight cuts are made. Odd rows are alone early. The score is -s,
    with s = 2^(-E[h]/c(256)) of the mean number of cuts E[h].

    Finds rows with values far from others, in one column or several, in tables of mixed rows that
    hold anomalies themselves. Misses rows whose values are usual, each by itself, but not together.

    Parameters
    ----------
    n_estimators : int of at least 1, default 100
        Trees.
    max_samples : int of at least 1, default 256
        Rows that a tree sees, or all where there are fewer.
    contamination : float in (0, 0.5], default 0.1
        Share of the learnt rows below the line: it is their quantile, by linear interpolation. Where that
        is the score of many like rows, so that twice the share would lie on the line or below it, or no
        row above it, the line is moved below them.
    random_state : int, default 0

    Attributes
    ----------
    trees_ : Trees
    offset_ : float

    Notes
    -----
    Cost O(n_estimators·max_samples·d) to learn, whatever the rows, and O(n·n_estimators) to score.
    Columns are compared in single precision.

    References
    ----------
    Liu, Ting & Zhou (2008), Isolation forest, doi:10.1109/ICDM.2008.17.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(500, 3))
    >>> rows[7] = 6.0
    >>> forest = RowForest().fit(rows)
    >>> int(forest.score_samples(rows).argmin()), int((forest.predict(rows) == -1).sum())
    (7, 50)
    """

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        max_samples: int = SAMPLE,
        contamination: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.contamination = contamination
        self.random_state = random_state

    def draw_line(self, oddness: Floats) -> None:
        scores = self.scores(oddness)
        line = float(np.percentile(scores, 100.0 * self.contamination))
        below, on = scores[scores < line], int((scores == line).sum())
        if line == scores.max() or (on > 1 and on + len(below) > 2.0 * self.contamination * len(scores)):
            line = (line + float(below.max())) / 2.0 if len(below) else line - _ALIKE
        self.offset_ = line

    def scores(self, oddness: Floats) -> Floats:
        return -oddness

    def _learn(self, points: Floats) -> None:
        rng = np.random.default_rng(self.random_state)
        self.trees_: Trees = grow_isolation(points, self.n_estimators, rng, self.max_samples)

    def _oddness(self, points: Floats) -> Floats:
        return isolation_scores(self.trees_, points)

    def _check(self, X: ArrayLike, reset: bool) -> Floats:
        for name in ("n_estimators", "max_samples"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                self._refuse(name, "a whole number of at least 1")
        if not 0 < self.contamination <= 0.5:
            self._refuse("contamination", "a share above 0 and up to 0.5")
        return super()._check(X, reset)


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

    def _learn(self, points: Floats) -> None:
        self.scatter_: Scatter = fit_scatter(points)
        self.farther_ = 1.0
        if not self.contamination and len(points) > _PARTS:
            part = np.random.default_rng(self.random_state).permutation(len(points)) % _PARTS
            left = np.concatenate(
                [fit_scatter(points[part != one]).squares(points[part == one]) for one in range(_PARTS)]
            )
            seen = np.percentile(self.scatter_.squares(points), _TAIL)
            if seen > 0:
                self.farther_ = max(1.0, float(np.percentile(left, _TAIL) / seen))

    def _oddness(self, points: Floats) -> Floats:
        return self.scatter_.squares(points)

    def _check(self, X: ArrayLike, reset: bool) -> Floats:
        if not 0 <= self.contamination <= 0.5:
            self._refuse("contamination", "a share from 0 to 0.5")
        return super()._check(X, reset)
