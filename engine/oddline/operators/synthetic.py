"""A forest that tells what was seen from what was made up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.trees import Trees, single

__all__ = ["grow_synthetic"]

Floats = NDArray[np.float64]

_DEPTH = 8
_BINS = 64
_MARGIN = 0.05


def grow_synthetic(points: Floats, trees: int, rng: np.random.Generator) -> Trees:
    """Trees that part ``points`` (m, axes) from as many uniform draws of a box around them.

    The box is wider than the points by 5 % on each side. Every tree sees a bootstrap sample of
    both kinds; a node cuts a random axis where that lowers the Gini impurity most. A leaf's
    value is its share of synthetic rows.

    Notes
    -----
    Cuts lie on 64 quantiles of each axis, so that counts replace sorting and all trees grow
    together, one level at a time: O(trees·m) a level, and 8 levels.

    References
    ----------
    Breiman (2001), Random forests, doi:10.1023/A:1010933404324.
    Shi & Horvath (2006), doi:10.1198/106186006X94072.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    margin = _MARGIN * (high - low)
    drawn = rng.uniform(low - margin, high + margin, points.shape)
    data = single(np.concatenate([points, drawn]))
    made_up = np.arange(len(data)) >= len(points)
    edges = np.quantile(data, np.arange(1, _BINS) / _BINS, axis=0, method="nearest").T
    codes = np.stack([np.searchsorted(e, x) for e, x in zip(edges, data.T, strict=True)])
    rows = len(data)
    # As many of each kind: alone, neither is likelier.
    chosen = rng.integers(len(points), size=(trees, rows))
    chosen[:, len(points) :] += len(points)
    chosen = chosen.ravel()
    synthetic = made_up[chosen].astype(float)
    tree = np.repeat(np.arange(trees), rows)
    node = np.zeros(len(chosen), dtype=np.intp)
    axis = np.full((trees, 2**_DEPTH - 1), -1, dtype=np.int32)
    threshold = np.zeros(axis.shape, dtype=np.float32)
    for level in range(_DEPTH):
        groups = trees << level
        key = (tree << level) + node
        cut = rng.integers(len(edges), size=groups)
        code = codes[cut[key], chosen]
        gain = _gain(key * _BINS + code, synthetic, groups)
        best = gain.argmax(axis=1)
        here = np.arange(groups)
        live = gain[here, best] > 1e-9
        slot = (here & ((1 << level) - 1)) + (1 << level) - 1
        axis[here >> level, slot] = np.where(live, cut, -1)
        threshold[here >> level, slot] = edges[cut, best]
        node = 2 * node + (live[key] & (code > best[key]))
    leaf = (tree << _DEPTH) + node
    count = np.bincount(leaf, minlength=trees << _DEPTH)
    value = np.bincount(leaf, synthetic, trees << _DEPTH) / np.maximum(count, 1)
    return Trees(axis, threshold, value.reshape(trees, -1))


def _gain(cell: NDArray[np.intp], synthetic: Floats, groups: int) -> Floats:
    """What a cut behind each class but the last lowers the Gini impurity by, times the rows."""
    count = np.bincount(cell, minlength=groups * _BINS).reshape(groups, _BINS).cumsum(axis=1)
    false = np.bincount(cell, synthetic, groups * _BINS).reshape(groups, _BINS).cumsum(axis=1)
    all_count, all_false = count[:, -1:], false[:, -1:]
    both = _purity(false, count) + _purity(all_false - false, all_count - count)
    return both[:, :-1] - _purity(all_false, all_count)


def _purity(false: Floats, count: Floats) -> Floats:
    """Squares of both classes over the rows: the larger the purer."""
    return (false**2 + (count - false) ** 2) / np.maximum(count, 1)
