"""Windows as rows of a table, as scikit-learn transformers: any tabular model then sees the past."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.transformers import Transformer, whole
from oddline.operators.windows import coarsen, flatten, pad_head, take

__all__ = ["Flatten", "NormalizedFlatten"]

Floats = NDArray[np.float64]


class Flatten(Transformer):
    """Each row becomes the window that ends at it: (n, d) rows become (n, d·points).

    Column by column, oldest first. Before the first row there are copies of it. Windows longer
    than 128 rows are given by 128 averages or fewer.

    Parameters
    ----------
    lookback : int, default 8
        Rows of a window.

    Notes
    -----
    The result takes ``lookback`` times the memory of the input.

    Examples
    --------
    >>> Flatten(lookback=2).fit_transform([[1.0], [2.0], [3.0]])
    array([[1., 1.],
           [1., 2.],
           [2., 3.]])
    """

    def __init__(self, *, lookback: int = 8) -> None:
        self.lookback = lookback

    def _learn(self, values: Floats) -> None:
        whole("lookback", self.lookback, 1)

    def _apply(self, values: Floats) -> Floats:
        return take(self._view(values), slice(None))

    def _view(self, values: Floats) -> NDArray[np.float64]:
        window = self.lookback
        return flatten(*coarsen(pad_head(values, len(values) + window - 1), window), window)


class NormalizedFlatten(Flatten):
    """As :class:`Flatten`, each column of a window brought to mean 0 and deviation 1: its shape alone.

    A constant window becomes zeros.

    Examples
    --------
    >>> NormalizedFlatten(lookback=2).fit_transform([[1.0], [2.0], [3.0]])
    array([[ 0.,  0.],
           [-1.,  1.],
           [-1.,  1.]])
    """

    def _apply(self, values: Floats) -> Floats:
        view = self._view(values)
        center = view.mean(axis=2, keepdims=True)
        away = view - center
        width = away.std(axis=2, keepdims=True)
        flat = width <= 1e-12 * np.maximum(np.abs(center), np.finfo(float).tiny)
        shapes: Floats = np.where(flat, 0.0, away / np.where(flat, 1.0, width))
        return shapes.reshape(len(values), -1)
