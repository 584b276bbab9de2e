"""What every pipeline promises: scikit-learn's outlier detector, for rows in time order."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from oddline.errors import DataError, ParameterError
from oddline.lookback import Lookback, choose_lookback
from oddline.operators.threads import one_thread
from oddline.progress import Progress, part, silent

__all__ = ["Pipeline"]

Floats = NDArray[np.float64]

_FAR = 1e100


class Pipeline(OutlierMixin, BaseEstimator):
    """Rows in time order in, one score a row out.

    ``fit`` and the public answers are final; a pipeline writes ``_fit``, ``_score`` and ``_parts``.

    Parameters
    ----------
    lookback : int or "auto", default "auto"
        Rows a window or forecaster looks back; "auto" measures the series (see
        :func:`oddline.lookback.choose_lookback`).
    causal : bool, default False
        Score each row by what lies at and before it only, so that its score is final at once.
    contamination : float in (0, 0.5], default 0.01
        Share of the learnt rows that :meth:`predict` calls anomalous. It moves ``offset_`` only;
        scores do not depend on it. The label methods of ``oddline.labeling`` judge better.
    random_state : int, default 0
        Seed of everything random inside.

    Attributes
    ----------
    lookback_ : int
        The look-back in use.
    warm_up_ : int
        So many rows at the head have no full look-back behind them. They are scored all the
        same, from what there is.
    context_, delay_ : int
        The score of a row depends on so many rows before it and after it, and on no others.
        With ``causal`` the delay is 0.
    offset_ : float
        The line: ``decision_function`` is ``score_samples - offset_``, below 0 exactly where
        ``predict`` says -1.
    model_summary_ : str
        The steps of the model, without blanks. Columns count from 1.
    floor_ : float
        Scores of this size are rounding, see :func:`oddline.labeling.label`.
    overlap_ : int
        The scores of rows so far apart, or less, are made from windows they share.
    smooths_ : bool
        Whether its scores are those of single rows smoothed; :meth:`single_scores` gives those.
    blind_ : int or None
        So many rows at the head of any series have a score that is only assumed; None for a
        pipeline on windows, see :meth:`unsure`.
    num_pipelines_explored_ : int
        How many whole pipelines were compared.
    reasons_ : tuple of str
        What was chosen, and why.
    """

    lookback: int | str
    causal: bool
    contamination: float
    random_state: int
    _whole_numbers: ClassVar[dict[str, bool]] = {"lookback": True}  # and whether "auto" is legal

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn what is normal from X (n, d): finite, rows in time order."""
        self.fit_score(X)
        return self

    def fit_score(self, X: ArrayLike, train_rows: int | None = None, progress: Progress = silent) -> Floats:
        """Learn from the first ``train_rows`` rows, or from all, and score every row.

        Returns
        -------
        ndarray (n,)
            ``anomaly_score(X)`` of the fitted pipeline, without doing the work twice.
        """
        values = self._check(X, reset=True)
        count = len(values) if train_rows is None else min(int(train_rows), len(values))
        if count < 1:
            raise ParameterError(
                f"train_rows={train_rows}: at least one row to learn from is needed",
                parameter="train_rows",
            )
        past = values[:count]
        with one_thread():
            choice: Lookback = choose_lookback(past, self.lookback)
        self.lookback_ = choice.window
        self.reasons_: tuple[str, ...] = (choice.reason,)
        self.floor_ = 0.0
        self.smooths_ = False
        self.blind_: int | None = None
        self._seen = _fingerprint(past)
        progress(0.0, "fit")
        with one_thread():
            known = self._fit(past, part(progress, 0.0, 0.5))
            scores = (
                self._score(values, count, part(progress, 0.5, 1.0))
                if known is None or count < len(values)
                else known
            )
        self.offset_ = float(np.percentile(-scores[:count], 100.0 * self.contamination))
        progress(1.0, "score")
        return scores

    def anomaly_score(self, X: ArrayLike, progress: Progress = silent) -> Floats:
        """Larger is odder; finite and at least 0, one for each row of X.

        The rows that were learnt from are recognised at the head of X: a window is then not
        its own neighbour.
        """
        check_is_fitted(self)
        values = self._check(X, reset=False)
        with one_thread():
            return self._score(values, self._learnt(values), progress)

    def single_scores(self, X: ArrayLike) -> Floats:
        """Scores of single rows, for label methods whose line moves with the last few.

        Those of :meth:`anomaly_score`, unless the pipeline smooths.
        """
        check_is_fitted(self)
        values = self._check(X, reset=False)
        with one_thread():
            return self._single(values, self._learnt(values))

    def unsure(self, count: int) -> int:
        """How many of the first of ``count`` rows have no sound score, for want of rows before.

        Windows are filled up with copies of the first row: all of them in a series shorter than
        a window, and those that end at the first rows where the pipeline is causal.
        """
        if self.blind_ is not None:
            return min(count, self.blind_)
        return self.context_ if self.causal else count * (count <= self.context_)

    def score_samples(self, X: ArrayLike) -> Floats:
        """Minus :meth:`anomaly_score`: low is odd, as everywhere in scikit-learn."""
        return -self.anomaly_score(X)

    def decision_function(self, X: ArrayLike) -> Floats:
        """``score_samples(X) - offset_``: below 0 is an anomaly."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """+1 for a normal row, -1 for an anomaly."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def column_scores(self, X: ArrayLike) -> Floats:
        """The score of each row, split over the columns: (n, d), each row sums to the score."""
        return self.column_shares(X) * self.anomaly_score(X)[:, None]

    def column_shares(
        self, X: ArrayLike, rows: NDArray[np.intp] | None = None, progress: Progress = silent
    ) -> Floats:
        """Each column's share of the score of some rows, or of all.

        Parameters
        ----------
        X : ndarray (n, d)
        rows : ndarray of int (k,), optional
            Ascending, each once. Only windows that cover them are looked at, so that the work
            grows with k, not with n.
        progress : callable, optional

        Returns
        -------
        ndarray (k, d)
            From 0 to 1; each row sums to 1.
        """
        check_is_fitted(self)
        values = self._check(X, reset=False)
        rows = np.arange(len(values)) if rows is None else rows
        if values.shape[1] == 1 or not len(rows):
            return np.ones((len(rows), values.shape[1]))
        with one_thread():
            parts = np.maximum(self._parts(values, self._learnt(values), rows, progress), 0.0)
        total = parts.sum(axis=1, keepdims=True)
        even = np.full_like(parts, 1.0 / parts.shape[1])
        return np.divide(parts, total, out=even, where=total > 0)

    def _check(self, X: ArrayLike, reset: bool) -> Floats:
        if not 0 < self.contamination <= 0.5:
            raise ParameterError(
                f"contamination={self.contamination!r}; expected a share above 0 and up to 0.5",
                parameter="contamination",
            )
        for name, auto in self._whole_numbers.items():
            value = getattr(self, name)
            if auto and value == "auto":
                continue
            choice = "'auto' or " if auto else ""
            if not isinstance(value, int | np.integer) or value < 1:
                raise ParameterError(
                    f"{name}={value!r}; expected {choice}a whole number of at least 1",
                    parameter=name,
                )
        values: Floats = validate_data(self, X, reset=reset, dtype=np.float64, order="C")
        if len(values) and max(values.max(), -values.min()) > _FAR:
            raise DataError(
                "X holds values beyond 1e100, whose squares overflow. Divide them or call oddline.detect: it "
                "judges such columns in other units."
            )
        return values

    def _learnt(self, values: Floats) -> int:
        """How many rows at the head of values are the ones learnt from: all of them, or none."""
        rows, digest = self._seen
        return rows if len(values) >= rows and _fingerprint(values[:rows])[1] == digest else 0

    @abstractmethod
    def _fit(self, values: Floats, progress: Progress) -> Floats | None:
        """Learn from values (n, d); return their scores (n,) where learning gave them already.

        Sets warm_up_, overlap_, context_, delay_, model_summary_ and num_pipelines_explored_.
        """

    @abstractmethod
    def _score(self, values: Floats, learnt: int, progress: Progress) -> Floats:
        """Scores (n,) of values (n, d), whose first ``learnt`` rows are those learnt from."""

    def _single(self, values: Floats, learnt: int) -> Floats:
        """Scores (n,) of single rows, where ``smooths_``."""
        return self._score(values, learnt, silent)

    @abstractmethod
    def _parts(self, values: Floats, learnt: int, rows: NDArray[np.intp], progress: Progress) -> Floats:
        """Non-negative parts (k, d) of the scores of some rows, on any scale; only for d > 1."""


def _fingerprint(values: Floats) -> tuple[int, str]:
    data = np.ascontiguousarray(values)
    return len(data), hashlib.blake2b(data.data, digest_size=16).hexdigest()
