"""A small ensemble of extremely randomised regression trees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from oddline.operators.regressors import Regressor
from oddline.operators.trees import Trees

__all__ = ["ExtraTrees"]

Floats = NDArray[np.float64]

_MOST = 1e30  # what float32 holds


@dataclass(eq=False)
class ExtraTrees(Regressor):
    """The mean of shallow trees whose cuts are the best of a few drawn at random.

    Parameters
    ----------
    n_estimators : int, default 20
    max_depth : int, default 6
    max_features : int, default 8
        Cuts drawn for each node: a random feature, at the value of a random row of the node. The one
        that lowers the squared error most is taken.
    random_state : int, default 0

    Notes
    -----
    All trees grow together, one level at a time, on the same rows: O(trees·m·cuts) a level. Never
    forecasts beyond what it has seen.

    References
    ----------
    Geurts, Ernst & Wehenkel (2006), doi:10.1007/s10994-006-6226-1.
    """

    n_estimators: int = 20
    max_depth: int = 6
    max_features: int = 8
    random_state: int = 0
    trees_: Trees = field(init=False, repr=False)
    most_rows: ClassVar[int] = 2_048

    def fit(self, features: Floats, targets: Floats) -> Self:
        rng = np.random.default_rng(self.random_state)
        data, trees = _singles(features), self.n_estimators
        row = np.tile(np.arange(len(data)), trees)
        goal = targets[row]
        key = np.repeat(np.arange(trees), len(data))  # which node of which tree a row is in
        axis = np.full((trees, 2**self.max_depth - 1), -1, dtype=np.int32)
        threshold = np.zeros(axis.shape, dtype=np.float32)
        for level in range(self.max_depth):
            groups = np.arange(trees << level)
            order = np.argsort(key, kind="stable")
            count = np.bincount(key, minlength=len(groups))
            total = np.bincount(key, goal, len(groups))
            first = np.cumsum(count) - count
            best = np.full(len(groups), 1e-9) + total**2 / np.maximum(count, 1)
            cut, at = np.full(len(groups), -1), np.zeros(len(groups), dtype=np.float32)
            for _ in range(self.max_features):
                drawn = rng.integers(data.shape[1], size=len(groups))
                member = first + (rng.random(len(groups)) * count).astype(np.intp)
                value = data[row[order[np.minimum(member, len(order) - 1)]], drawn]
                right = data[row, drawn[key]] > value[key]
                more = np.bincount(key, right, len(groups))
                above = np.bincount(key, goal * right, len(groups))
                # The squared error falls by as much as the sum of squared sums over counts rises.
                worth = above**2 / np.maximum(more, 1)
                worth += (total - above) ** 2 / np.maximum(count - more, 1)
                better = (worth > best) & (more > 0) & (more < count)
                best = np.where(better, worth, best)
                cut, at = np.where(better, drawn, cut), np.where(better, value, at)
            slot = (groups & ((1 << level) - 1)) + (1 << level) - 1
            axis[groups >> level, slot], threshold[groups >> level, slot] = cut, at
            key = 2 * key + ((cut[key] >= 0) & (data[row, cut[key]] > at[key]))
        count = np.bincount(key, minlength=trees << self.max_depth)
        value = np.bincount(key, goal, len(count)) / np.maximum(count, 1)
        self.trees_ = Trees(axis, threshold, value.reshape(trees, -1))
        return self

    def predict(self, features: Floats) -> Floats:
        return self.trees_.mean(_singles(features))


def _singles(features: Floats) -> NDArray[np.float32]:
    return np.clip(features, -_MOST, _MOST).astype(np.float32)
