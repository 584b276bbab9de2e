"""Whether a model of rows that was read from a file can be one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.errors import ModelError
from oddline.operators.scatter import Scatter
from oddline.operators.trees import Trees
from oddline.rows.distance import RowScatter
from oddline.rows.encoding import KINDS
from oddline.rows.forest import RowForest
from oddline.rows.model import RowModel

__all__ = ["probe"]

_PROBE = 3


def probe(model: RowModel) -> None:
    """Raise where the parts of a model do not belong together, or it cannot score three rows."""
    encoding, detector, size = model.encoding, model.detector, model.encoding.size()
    named = {kind: tuple(name for name in model.columns if model.kinds.get(name) == kind) for kind in KINDS}
    learnt = (encoding.fill, encoding.center, encoding.width)
    if not (
        model.columns
        and model.columns == tuple(model.kinds)
        and (encoding.numbers, encoding.texts) == (named["number"], named["category"])
        and len(encoding.numbers) + len(encoding.texts) == len(model.columns)
        and len(encoding.categories) == len(encoding.texts)
        and all(array.shape == (len(encoding.numbers),) and _finite(array) for array in learnt)
        and (encoding.width > 0).all()
        and model.rows >= 1
        and model.training_scores is None
        and detector.n_features_in_ == size
        and _is_scatter(model.scatter, size)
        and (_is_forest(detector, size) if isinstance(detector, RowForest) else _is_distance(detector, size))
    ):
        raise ModelError("its parts do not belong together")
    rows = {
        name: np.zeros(_PROBE) if kind == "number" else [None] * _PROBE for name, kind in model.kinds.items()
    }
    if not (_finite(model.score(rows)) and _finite(model.mahalanobis(rows))):
        raise ModelError("its scores are not finite")


def _is_scatter(scatter: Scatter, size: int) -> bool:
    axes = scatter.axes.shape[-1]
    return (
        scatter.axes.shape == (size, axes)
        and scatter.center.shape == scatter.unit.shape == (size,)
        and scatter.width.shape == (axes,)
        and all(_finite(array) for array in (scatter.center, scatter.unit, scatter.axes, scatter.width))
        and bool((scatter.unit > 0).all() and (scatter.width > 0).all())
        and 0 < scatter.rest < np.inf
    )


def _is_distance(detector: RowScatter, size: int) -> bool:
    return (
        isinstance(detector.scatter_, Scatter)
        and _is_scatter(detector.scatter_, size)
        and 0 < detector.line_ < np.inf
    )


def _is_forest(detector: RowForest, size: int) -> bool:
    trees = detector.trees_
    return (
        isinstance(trees, Trees)
        and trees.axis.ndim == 2
        and trees.axis.size > 0
        and trees.axis.shape == trees.threshold.shape
        and trees.value.shape == (len(trees.axis), trees.axis.shape[1] + 1)
        and trees.value.shape[1].bit_count() == 1
        and bool((trees.axis >= -1).all() and (trees.axis < size).all())
        and _finite(trees.threshold)
        and _finite(trees.value)
    )


def _finite(array: NDArray[np.floating]) -> bool:
    return bool(np.isfinite(array).all())
