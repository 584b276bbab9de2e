"""Detectors that are made of trees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.isolation import grow_isolation, isolation_scores
from oddline.operators.synthetic import grow_synthetic
from oddline.operators.trees import Trees
from oddline.pipelines.detectors.base import OnAxes

__all__ = ["Contrast", "Forest"]

Floats = NDArray[np.float64]

_TREES = 64
_HALF_TREES = 25
_STRETCHES = 8


class Forest(OnAxes):
    """Windows that few random cuts along the principal axes isolate."""

    def _learn(
        self,
        view: NDArray[np.float64],
        sample: Floats,
        positions: NDArray[np.intp],
        rng: np.random.Generator,
    ) -> None:
        self._trees: Trees = grow_isolation(sample, _TREES, rng)

    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        return isolation_scores(self._trees, self._axes.apply(windows))

    def __str__(self) -> str:
        return f"IsolationForest(n_estimators={_TREES},random_state={self.seed})"


class Contrast(OnAxes):
    """Windows that trees take for made up: they part the seen from uniform draws around it.

    The series is cut in eight stretches, and the trees of one half know the even ones, those of
    the other half the odd ones. A learnt window is judged by the trees that did not see its
    stretch (out of bag), any other window by all.
    """

    def _learn(
        self,
        view: NDArray[np.float64],
        sample: Floats,
        positions: NDArray[np.intp],
        rng: np.random.Generator,
    ) -> None:
        self._count = len(view)
        odd = self._odd(positions)
        # One stretch alone is what there is: both halves know it.
        known = [sample[odd == side] if (odd == side).any() else sample for side in (False, True)]
        self._halves: list[Trees] = [grow_synthetic(points, _HALF_TREES, rng) for points in known]

    def _odd(self, places: NDArray[np.intp]) -> NDArray[np.bool_]:
        return places * _STRETCHES // self._count % 2 == 1

    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        points = self._axes.apply(windows)
        even, odd = self._halves
        if places is None:
            return (even.mean(points) + odd.mean(points)) / 2
        scores = np.empty(len(points))
        seen = self._odd(places)
        scores[seen] = even.mean(points[seen])
        scores[~seen] = odd.mean(points[~seen])
        return scores

    def __str__(self) -> str:
        return f"SyntheticRandomForestTrainer(n_estimators={2 * _HALF_TREES},random_state={self.seed})"
