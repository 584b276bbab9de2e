"""Many shallow binary trees as flat arrays, and all of them asked at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Trees"]

_ROWS = 16_384
_GROUP = 20  # trees asked together: their answers stay in cache


@dataclass(frozen=True, eq=False)
class Trees:
    """Complete binary trees of one depth D, each with a value at every leaf.

    Node i of a tree has the children 2i + 1 and 2i + 2. A row goes right where its value on
    the node's axis is larger than the threshold; a node that does not cut sends all to the left.

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
    answered for all rows, which is one pass over a column; 64 answers make one word, and words
    fold up the tree level by level: where the bit above says right, the right half of the
    answers counts. After the fold each row has the D bits that are the number of its leaf.
    """

    axis: NDArray[np.int16]
    threshold: NDArray[np.float32]
    value: NDArray[np.float64]

    def mean(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """The mean over the trees of the value each row of points (m, axes) ends at, (m,)."""
        rows = len(points)
        size = min(_ROWS, 64 * max(1, -(-rows // 64)))
        columns = np.zeros((points.shape[1], -(-rows // size) * size), dtype=np.float32)
        columns[:, :rows] = points.T
        total = np.zeros(columns.shape[1])
        for first in range(0, len(self.axis), _GROUP):
            group = slice(first, first + _GROUP)
            axis, threshold = self.axis[group].ravel(), self.threshold[group].ravel()
            cuts = np.argsort(axis, kind="stable")
            edges = np.searchsorted(axis[cuts], np.arange(points.shape[1] + 1))
            by_axis = [(a, cuts[i:j]) for a, (i, j) in enumerate(pairwise(edges)) if j > i]
            right = np.zeros((len(axis), size // 8), dtype=np.uint8)
            for start in range(0, len(total), size):
                block = slice(start, start + size)
                for a, nodes in by_axis:
                    right[nodes] = np.packbits(columns[a, block] > threshold[nodes, None], axis=1)
                leaves = _fold(right.view(np.uint64).reshape(len(self.axis[group]), -1, size // 64))
                for leaf, value in zip(leaves, self.value[group], strict=True):
                    total[block] += value[leaf]
        return total[:rows] / len(self.axis)


def _fold(right: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """The leaf of each row, (trees, rows), from the answers (trees, nodes, words) of all nodes."""
    path: list[NDArray[np.uint64]] = []
    leaf = np.zeros((len(right), right.shape[2] * 64), dtype=np.uint8)
    level = 0
    while level < right.shape[1]:
        answers = right[:, level : 2 * level + 1]
        for bit in path:
            left, other = np.split(answers, 2, axis=1)
            answers = left ^ ((left ^ other) & bit)
        path.append(answers)
        leaf = 2 * leaf + np.unpackbits(np.ascontiguousarray(answers[:, 0]).view(np.uint8), axis=1)
        level = 2 * level + 1
    return leaf
