"""Isolation forest: how many random cuts it takes to have a point alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from oddline.operators.trees import Trees, single

__all__ = ["SAMPLE", "average_path", "grow_isolation", "isolation_scores"]

Floats = NDArray[np.float64]

SAMPLE = 256
"""Points of a tree: more of them hide what is odd among what is usual (Liu, Ting & Zhou 2008)."""

_CELLS = 4_000_000
_SORTED = 2_000


def average_path(count: NDArray[np.int64] | int) -> Floats:
    """c(m) = 2H(m − 1) − 2(m − 1)/m: the mean length of a search that fails among m points.

    >>> average_path(np.array([1, 2, 256])).round(3).tolist()
    [0.0, 1.0, 10.249]
    """
    m = np.maximum(np.asarray(count, dtype=float), 1.0)
    paths: Floats = 2.0 * (digamma(m) + np.euler_gamma) - 2.0 * (m - 1.0) / m
    return paths


def grow_isolation(points: Floats, trees: int, rng: np.random.Generator, sample: int = SAMPLE) -> Trees:
    """Isolation trees, each grown on up to ``sample`` of the ``points`` (m, axes), without repeats.

    A node cuts a random axis on which its points differ, uniformly between the least and the
    largest; growth ends at depth log₂ of the sample. A leaf's value is its path length, plus
    what a full tree of its points would add, as a share of the mean path c(sample).

    Notes
    -----
    Trees grow together, one level at a time, as many as fit some megabytes: O(trees·sample·axes) a
    level, whatever m is.

    References
    ----------
    Liu, Ting & Zhou (2008), Isolation forest, doi:10.1109/ICDM.2008.17.
    """
    size = min(sample, len(points))
    most = max(1, _CELLS // (size * points.shape[1]))
    if trees > most:
        groups = [min(most, trees - first) for first in range(0, trees, most)]
        grown = [grow_isolation(points, group, rng, sample) for group in groups]
        parts = ([getattr(one, name) for one in grown] for name in ("axis", "threshold", "value"))
        return Trees(*map(np.concatenate, parts))
    depth = max(1, int(np.ceil(np.log2(max(size, 2)))))
    data = single(points[_chosen(len(points), size, trees, rng)])
    tree = np.repeat(np.arange(trees), size)
    node = np.zeros(len(data), dtype=np.intp)
    length = np.zeros(len(data))
    axis = np.full((trees, 2**depth - 1), -1, dtype=np.int32)
    threshold = np.zeros(axis.shape, dtype=np.float32)
    for level in range(depth):
        key = (tree << level) + node
        order = np.argsort(key, kind="stable")
        found, starts, group = np.unique(key[order], return_index=True, return_inverse=True)
        ordered = data[order]
        low, high = np.minimum.reduceat(ordered, starts), np.maximum.reduceat(ordered, starts)
        differ = high > low
        among = np.cumsum(differ, axis=1)
        cut = (among > (rng.random(len(found)) * among[:, -1])[:, None]).argmax(axis=1)
        here = np.arange(len(found))
        low, high = low[here, cut], high[here, cut]
        at = low + rng.random(len(found), dtype=np.float32) * (high - low)
        at = np.where(at < high, at, low)
        live = among[:, -1] > 0
        slot = (found & ((1 << level) - 1)) + (1 << level) - 1
        axis[found >> level, slot] = np.where(live, cut, -1)
        threshold[found >> level, slot] = at
        right = live[group] & (ordered[np.arange(len(group)), cut[group]] > at[group])
        length[order] += live[group]
        node[order] = 2 * node[order] + right
    leaf = (tree << depth) + node
    count = np.bincount(leaf, minlength=trees << depth)
    total = np.bincount(leaf, length, minlength=trees << depth)
    value = total / np.maximum(count, 1) + average_path(count)
    scale = float(average_path(size)) or 1.0
    return Trees(axis, threshold, (value / scale).reshape(trees, -1))


def _chosen(count: int, size: int, trees: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """So many places of ``count`` for each tree, none twice in one: (trees·size,)."""
    if count <= _SORTED:  # as WindowAD has always drawn: the same seed gives the same scores
        return np.argsort(rng.random((trees, count)), axis=1)[:, :size].ravel()
    return np.concatenate([rng.choice(count, size, replace=False) for _ in range(trees)])


def isolation_scores(forest: Trees, points: Floats) -> Floats:
    """s = 2^(−E[h]/c(m)) of each point, in (0, 1): near 1 is isolated, 0.5 and less is not."""
    scores: Floats = np.exp2(-forest.mean(points))
    return scores
