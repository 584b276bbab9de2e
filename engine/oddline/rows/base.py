"""What every detector of odd rows promises: scikit-learn's outlier detector, for rows in any order."""

from __future__ import annotations

from abc import abstractmethod
from typing import NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from oddline.errors import DataError, ParameterError
from oddline.operators.threads import one_thread
from oddline.progress import Progress, silent

__all__ = ["RowDetector"]

Floats = NDArray[np.float64]

_FAR = 1e100


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

    def learn(self, points: Floats, progress: Progress = silent) -> None:
        """All of :meth:`fit` but the line, from points (m, d) that need no check."""
        with one_thread():
            self._learn(points, progress)

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
    def _learn(self, points: Floats, progress: Progress) -> None: ...

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
