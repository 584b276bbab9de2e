"""Columns that say little or nothing new, found without labels: by variance, inflation, correlation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from oddline.errors import ParameterError, did_you_mean
from oddline.operators.covariance import alike, sampled

__all__ = ["METHODS", "FeatureSelector"]

Floats = NDArray[np.float64]
Tags = NDArray[np.bool_]

METHODS = ("variance", "inflation", "correlation", "vote")

_GROUP = 256  # columns compared with one another; more are divided into groups that move together
_SINGULAR = 1e-9
_LISTED = 5


class FeatureSelector(TransformerMixin, BaseEstimator):
    """Drops columns that vary hardly or that other columns tell already.

    Three selectors tag columns. *variance*: brought to the range from 0 to 1, the column has less
    variance than ``least_variance``. *inflation*: its variance inflation factor 1/(1 − R²), R² by
    regression on the other columns, is above ``most_inflation``. *correlation*: it correlates with
    an earlier column by more than ``most_correlation``. Inflation and correlation keep the earlier
    columns: the last goes first, and the others are then judged without it. A constant column is
    tagged by all three.

    Parameters
    ----------
    method : {"vote", "variance", "inflation", "correlation"}, default "vote"
        The selector to follow, or their vote.
    votes : int from 1 to 3, default 2
        So many selectors must tag a column that a vote drops.
    least_variance : float, default 1e-6
    most_inflation : float of at least 1, default 10.0
    most_correlation : float from 0 to 1, default 0.95
        Of the absolute correlation.
    least_columns : int, default 1
        So many are kept whatever the tags: those with the fewest, the first of them.

    Attributes
    ----------
    tags_ : ndarray of bool (3, d)
        What variance, inflation and correlation tag.
    support_ : ndarray of bool (d,)
        The columns kept.
    n_features_in_ : int

    Notes
    -----
    One inverse gives the inflation of all columns, and a rank-one update takes a column out:
    O(n·d² + d³) on a sample of at most 20,000 rows; beyond 256 columns within groups of those that move
    together.

    References
    ----------
    Marquardt (1970), doi:10.1080/00401706.1970.10488699.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 200))
    >>> X = np.column_stack([a, b, a * 2 + 1, np.ones(200)])
    >>> selector = FeatureSelector().fit(X)
    >>> selector.get_support()
    array([ True,  True, False, False])
    >>> selector.explain(["a", "b", "copy", "one"])
    "feature selection by vote keeps 2 of 4 columns, not 'copy' (inflation, correlation), 'one' (constant)"
    """

    def __init__(
        self,
        *,
        method: str = "vote",
        votes: int = 2,
        least_variance: float = 1e-6,
        most_inflation: float = 10.0,
        most_correlation: float = 0.95,
        least_columns: int = 1,
    ) -> None:
        self.method = method
        self.votes = votes
        self.least_variance = least_variance
        self.most_inflation = most_inflation
        self.most_correlation = most_correlation
        self.least_columns = least_columns

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Tag the columns of X (n, d)."""
        self._check()
        values: Floats = validate_data(self, X, dtype=np.float64)
        low, span = values.min(axis=0), np.ptp(values, axis=0)
        self._constant = span <= 1e-12 * np.abs(low)
        shares = (values - low) / np.where(self._constant, 1.0, span)
        variance = shares.var(axis=0)
        self.tags_ = np.vstack([variance < self.least_variance, *self._repeated(shares)])
        self.tags_ |= self._constant
        counts = self.tags_.sum(axis=0)
        needed = self.votes
        if self.method != "vote":
            counts, needed = self.tags_[METHODS.index(self.method)].astype(np.intp), 1
        self.support_ = counts < needed
        if self.support_.sum() < self.least_columns:
            # Constant columns come last: the others at least say something.
            order = np.argsort(counts + 4 * self._constant, kind="stable")
            self.support_[order[: self.least_columns]] = True
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """The columns kept, (n, k)."""
        check_is_fitted(self)
        values: Floats = validate_data(self, X, reset=False, dtype=np.float64)
        return values[:, self.support_]

    def get_support(self, indices: bool = False) -> NDArray[np.bool_] | NDArray[np.intp]:
        """Which columns are kept, as a mask (d,) or as numbers."""
        check_is_fitted(self)
        return np.flatnonzero(self.support_) if indices else self.support_

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray[np.object_]:
        """The names of the columns kept."""
        check_is_fitted(self)
        if input_features is None:
            input_features = getattr(self, "feature_names_in_", [f"x{c}" for c in range(self.n_features_in_)])
        return np.asarray(input_features, dtype=object)[self.support_]

    def explain(self, names: Sequence[str]) -> str:
        """What was kept and why the others were not, in words."""
        check_is_fitted(self)
        dropped = np.flatnonzero(~self.support_)
        text = f"feature selection by {self.method} keeps {int(self.support_.sum())} of {len(names)} columns"
        if not len(dropped):
            return text
        listed = ", ".join(f"{names[c]!r} ({self._tagged(c)})" for c in dropped[:_LISTED])
        more = f" and {len(dropped) - _LISTED} more" if len(dropped) > _LISTED else ""
        return f"{text}, not {listed}{more}"

    def _tagged(self, column: np.intp) -> str:
        if self._constant[column]:
            return "constant"
        return ", ".join(m for m, tag in zip(METHODS, self.tags_[:, column], strict=False) if tag)

    def _repeated(self, shares: Floats) -> tuple[Tags, Tags]:
        """The tags by inflation and by correlation."""
        inflated = np.zeros(shares.shape[1], dtype=bool)
        correlated = inflated.copy()
        moving = np.flatnonzero(~self._constant)
        if len(moving) > 1 and len(shares) > 2:
            away = sampled(shares[:, moving])
            away = away - away.mean(axis=0)
            away /= np.maximum(away.std(axis=0), np.finfo(float).tiny)
            for group in alike(away, _GROUP):
                correlation = away[:, group].T @ away[:, group] / len(away)
                inflated[moving[group]] = _inflated(correlation, self.most_inflation)
                correlated[moving[group]] = _correlated(correlation, self.most_correlation)
        return inflated, correlated

    def _check(self) -> None:
        if self.method not in METHODS:
            raise ParameterError(
                f"method={self.method!r}; expected one of {', '.join(METHODS)}."
                + did_you_mean(str(self.method), METHODS),
                parameter="method",
            )
        legal: Mapping[str, tuple[Callable[[float], bool], str]] = {
            "votes": (lambda v: v in (1, 2, 3), "1, 2 or 3"),
            "least_variance": (lambda v: v >= 0, "a number of at least 0"),
            "most_inflation": (lambda v: v >= 1, "a number of at least 1"),
            "most_correlation": (lambda v: 0 <= v <= 1, "a number from 0 to 1"),
            "least_columns": (lambda v: v >= 1, "a whole number of at least 1"),
        }
        for name, (holds, expected) in legal.items():
            if not holds(getattr(self, name)):
                raise ParameterError(f"{name}={getattr(self, name)!r}; expected {expected}", parameter=name)


def _inflated(correlation: Floats, most: float) -> Tags:
    """From the last column to the first: whether the columns not yet tagged tell it."""
    tags = np.zeros(len(correlation), dtype=bool)
    inverse = np.linalg.inv(correlation + _SINGULAR * np.eye(len(correlation)))
    for column in range(len(correlation) - 1, -1, -1):
        if inverse[column, column] > most:
            tags[column] = True
            # The inverse for the columns that are left.
            link = inverse[column] / np.sqrt(inverse[column, column])
            inverse -= link[:, None] * link
    return tags


def _correlated(correlation: Floats, most: float) -> Tags:
    """From the first column to the last: whether it correlates with one not tagged before it."""
    close = np.abs(correlation) > most
    tags = np.zeros(len(correlation), dtype=bool)
    for column in range(1, len(correlation)):
        tags[column] = bool((close[column, :column] & ~tags[:column]).any())
    return tags
