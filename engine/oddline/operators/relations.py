"""Relations between columns: learnt from normal rows, and how far other rows are from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from oddline.operators.covariance import alike, fit_covariance_distance, shrunk_covariance
from oddline.operators.graphical import (
    constrained_precision,
    partial_correlations,
    sparse_precision,
    variable_scores,
)
from oddline.operators.windows import moving_mean

__all__ = [
    "RELATIONS",
    "Covariance",
    "LassoGraph",
    "Linear",
    "Relation",
    "SelectedGraph",
    "Translation",
]

Floats = NDArray[np.float64]

_GROUP = 64  # columns that are related to one another; more are divided
_PENALTY = 0.02  # of the graphical lasso, on correlations
_LEAST_LINK = 0.05  # a smaller partial correlation is none
_NOISE = 0.5  # of a column's variance is forgiven: the tightest links shall not rule


class Relation(ABC):
    """What columns have to do with each other.

    Rows are less the mean and in units of the standard deviation of their column.
    """

    @abstractmethod
    def fit(self, away: Floats) -> Self:
        """Learn from rows (n, d)."""

    @abstractmethod
    def parts(self, away: Floats, window: int) -> Floats:
        """Each column's part (n - window + 1, d) of the oddity of every window of so many rows."""

    def scores(self, away: Floats, window: int) -> Floats:
        """The oddity of every window, (n - window + 1,), at least 0."""
        scores: Floats = self.parts(away, window).mean(axis=1)
        return scores

    def describe(self) -> str:
        """What was learnt, in words."""
        return ""

    @abstractmethod
    def __str__(self) -> str:
        """The step of the model's summary, without blanks."""


class Covariance(Relation):
    """The covariance and the mean of a window against those of all rows."""

    def fit(self, away: Floats) -> Self:
        self._distance = fit_covariance_distance(away)
        return self

    def parts(self, away: Floats, window: int) -> Floats:
        return self._distance.shares(away, window)

    def scores(self, away: Floats, window: int) -> Floats:
        return self._distance.distances(away, window)

    def describe(self) -> str:
        columns, axes = self._distance.axes.shape
        return f"covariances are compared along {axes} principal axes of {columns} columns"

    def __str__(self) -> str:
        return f"ShrunkCovariance(shrinkage=0.1,axes={self._distance.axes.shape[1]})"


class Linear(Relation):
    """Columns in groups, each with a precision matrix Θ of its own."""

    def fit(self, away: Floats) -> Self:
        self._groups = alike(away, _GROUP)
        self._precisions = []
        for group in self._groups:
            covariance = shrunk_covariance(away[:, group])
            self._precisions.append(self._precision(covariance, len(away)))
        return self

    @abstractmethod
    def _precision(self, covariance: Floats, rows: int) -> Floats:
        """Θ of a shrunk covariance (d, d) of so many rows."""

    def parts(self, away: Floats, window: int) -> Floats:
        parts = np.empty_like(away)
        for group, precision in zip(self._groups, self._precisions, strict=True):
            parts[:, group] = variable_scores(away[:, group], precision, _NOISE)
        return moving_mean(parts, window)

    def _links(self) -> tuple[int, int]:
        """How many pairs of columns are linked, and of how many."""
        links = sum(int((p != 0).sum()) - len(p) for p in self._precisions) // 2
        return links, sum(len(p) * (len(p) - 1) for p in self._precisions) // 2

    def describe(self) -> str:
        links, pairs = self._links()
        text = f"{links:,} of {pairs:,} pairs of columns are linked"
        if len(self._groups) > 1:
            text += f" within {len(self._groups)} groups of at most {_GROUP} columns that move together"
        return text


class LassoGraph(Linear):
    """A Gaussian graphical model by the graphical lasso (GMM_L1)."""

    def _precision(self, covariance: Floats, rows: int) -> Floats:
        return sparse_precision(covariance, _PENALTY)

    def __str__(self) -> str:
        return f"GraphicalLasso(alpha={_PENALTY})"


class SelectedGraph(Linear):
    """A Gaussian graphical model on the pairs whose partial correlation stands out (GMM_L0)."""

    def _precision(self, covariance: Floats, rows: int) -> Floats:
        inverse: Floats = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
        partial = partial_correlations(inverse)
        # Twice the deviation of a correlation of so many rows by chance.
        return constrained_precision(covariance, np.abs(partial) > max(_LEAST_LINK, 2.0 / np.sqrt(rows)))

    def __str__(self) -> str:
        return f"CovarianceSelection(links={self._links()[0]})"


class Translation(Linear):
    """Each column predicted from the others of its group by ridge regression.

    One inverse solves all regressions: the residual of column j is (Θ·x)_j/Θ_jj.
    """

    def fit(self, away: Floats) -> Self:
        super().fit(away)
        self._quality = np.zeros(away.shape[1])
        for group, precision in zip(self._groups, self._precisions, strict=True):
            covariance = away[:, group].T @ away[:, group] / len(away)
            variance = np.diagonal(covariance)
            # The mean squares of the residuals, without making them.
            errors = ((precision @ covariance) * precision).sum(axis=1) / np.diagonal(precision) ** 2
            ratio = np.divide(errors, variance, out=np.ones_like(errors), where=variance > 0)
            self._quality[group] = np.clip(1.0 - ratio, 0.0, 1.0)
        # A column that no other explains still counts by half.
        self._weights = (1.0 + self._quality) / 2.0
        return self

    def _precision(self, covariance: Floats, rows: int) -> Floats:
        inverse: Floats = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
        return inverse

    def parts(self, away: Floats, window: int) -> Floats:
        squares = np.empty_like(away)
        for group, precision in zip(self._groups, self._precisions, strict=True):
            squares[:, group] = (away[:, group] @ precision / np.diagonal(precision)) ** 2
        return moving_mean(squares * self._weights, window)

    def describe(self) -> str:
        return f"the other columns explain {self._quality.mean():.0%} of a column's variance on average"

    def __str__(self) -> str:
        return "RidgeTranslation(shrinkage=0.1)"


RELATIONS: Mapping[str, type[Relation]] = {
    "Covariance": Covariance,
    "GMM_L0": SelectedGraph,
    "GMM_L1": LassoGraph,
    "MachineTranslation": Translation,
}
"""The code of each estimator of RelationshipAD in :data:`oddline.catalog.ALGORITHMS`."""
