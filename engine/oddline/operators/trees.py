"""Many shallow binary trees as flat arrays, and all of them asked at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Trees", "single"]

Words = NDArray[np.uint64]
Places = NDArray[np.intp]

_FAR = float(np.finfo(np.float32).max) / 4  # the difference of two such is a number too
_ROWS = 16_384
_GROUP = 25  # trees asked together: their answers stay in cache
_FEW = 200  # rows that are sooner walked down than answered by words


@dataclass(frozen=True, eq=False)
class Trees:
    """Complete binary trees of one depth D, each with a value at every leaf.

    Node i of a tree has the children 2i + 1 and 2i + 2. A row goes right where its value on
    the node's axis is larger than the threshold, and left at a node that does not cut.

    Parameters
    ----------
    axis : ndarray of int (trees, 2^D − 1)
        The axis that a node looks at; −1 where it does not cut.
    threshold : ndarray of float32 (trees, 2^D − 1)
    value : ndarray (trees, 2^D)
        From the leftmost leaf to the rightmost.

    Notes
    -----
    Walking down a tree row by row is one unpredictable jump after another. Instead every cut is
    answered for all rows, one pass over a column, and 64 answers make one word. Then words walk
    down: those of the rows that reach a node and go right reach its right child, the others its
    left one. All that went right on a level are one bit of the number of the leaf.
    """

    axis: NDArray[np.int32]
    threshold: NDArray[np.float32]
    value: NDArray[np.float64]

    def mean(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """The mean over the trees of the value each row of points (m, axes) ends at, (m,)."""
        rows, axes = points.shape
        if rows <= _FEW:
            # Summed in the order of the trees, as below: the same row has the same mean to the last bit.
            return np.cumsum(self._walk(single(points)), axis=0)[-1] / len(self.axis)
        pieces = max(1, -(-rows // _ROWS))
        size = 64 * max(1, -(-rows // (64 * pieces)))
        columns = np.zeros((axes, pieces * size), dtype=np.float32)
        columns[:, :rows] = single(points).T
        total = np.zeros(columns.shape[1])
        for first in range(0, len(self.axis), _GROUP):
            group = slice(first, first + _GROUP)
            levels = list(_levels(self.axis[group]))
            axis, threshold = (
                np.concatenate([a[group][level.tree, level.slot] for level in levels])
                for a in (self.axis, self.threshold)
            )
            order = np.argsort(axis, kind="stable")
            edges = np.searchsorted(axis[order], np.arange(axes + 1))
            cuts = [(a, order[i:j]) for a, (i, j) in enumerate(pairwise(edges)) if j > i]
            right = np.zeros((len(axis), size // 8), dtype=np.uint8)
            for start in range(0, len(total), size):
                block = slice(start, start + size)
                for a, nodes in cuts:
                    right[nodes] = np.packbits(columns[a, block] > threshold[nodes, None], axis=1)
                leaves = _leaves(right.view(np.uint64), levels, len(self.axis[group]))
                for leaf, value in zip(leaves, self.value[group], strict=True):
                    total[block] += value[leaf]
        return total[:rows] / len(self.axis)

    def _walk(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """The value each row ends at in each tree, (trees, rows), one step down at a time."""
        tree = np.arange(len(self.axis))[:, None]
        node = np.zeros((len(self.axis), len(points)), dtype=np.intp)
        row, nodes = np.arange(len(points)), self.axis.shape[1]
        for _ in range(nodes.bit_length()):
            axis = self.axis[tree, node]
            right = (points[row, axis] > self.threshold[tree, node]) & (axis >= 0)
            node = 2 * node + 1 + right
        return self.value[tree, node - nodes]


def single(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Points in the precision of thresholds; what lies beyond its range is held at a bound.

    >>> single(np.array([0.5, 1e90]))
    array([5.0000000e-01, 8.5070587e+37], dtype=float32)
    """
    return np.clip(points, -_FAR, _FAR).astype(np.float32, copy=False)


class _Level(NamedTuple):
    """The nodes of one level that rows come to on the way to a cut, by tree: (k,) each."""

    tree: Places
    slot: Places
    above: Places  # where the rows that reach it are, among all left, then all right children


def _levels(axis: NDArray[np.int32]) -> Iterator[_Level]:
    """Every level of some trees, from the roots down."""
    count, nodes = axis.shape
    cuts = axis >= 0
    asked = cuts.copy()  # and nodes without a cut that have one further on, to the left
    width = (nodes + 1) // 4
    while width:
        asked[:, width - 1 : 2 * width - 1] |= asked[:, 2 * width - 1 : 4 * width - 1 : 2]
        width //= 2
    above = np.arange(count)[:, None]
    width = 1
    while width <= nodes:
        here = slice(width - 1, 2 * width - 1)
        tree, place = np.nonzero(asked[:, here] & (above >= 0))
        yield _Level(tree, place + width - 1, above[tree, place])
        above = np.full((count, 2 * width), -1)
        above[tree, 2 * place] = np.arange(len(tree))
        above[tree, 2 * place + 1] = np.where(
            cuts[:, here][tree, place], np.arange(len(tree)) + len(tree), -1
        )
        width *= 2


def _leaves(right: Words, levels: list[_Level], trees: int) -> NDArray[np.unsignedinteger]:
    """The leaf of each row in each tree, (trees, rows), from the answers (nodes, words) of all nodes."""
    words = right.shape[1]
    reach = np.full((trees, words), ~np.uint64(0))
    leaf = np.zeros((trees, 64 * words), dtype=np.min_scalar_type(2 ** len(levels) - 1))
    done = 0
    for level in levels:
        count = len(level.tree)
        left = reach[level.above]
        onward = left & right[done : done + count]
        left ^= onward
        bit = np.zeros((trees, words), dtype=np.uint64)
        first = np.flatnonzero(np.diff(level.tree, prepend=-1))
        bit[level.tree[first]] = np.bitwise_or.reduceat(onward, first, axis=0)
        leaf *= 2
        leaf += np.unpackbits(bit.view(np.uint8), axis=1)
        reach = np.concatenate([left, onward])
        done += count
    return leaf
