"""Rows that few random cuts have alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oddline.operators.isolation import SAMPLE, grow_isolation, isolation_scores
from oddline.operators.trees import Trees
from oddline.progress import Progress
from oddline.rows.base import RowDetector

__all__ = ["RowForest"]

Floats = NDArray[np.float64]

_ALIKE = 0.01  # so far above the line are rows that are all alike


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

    def _learn(self, points: Floats, progress: Progress) -> None:
        progress(0.0, "learning")
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
