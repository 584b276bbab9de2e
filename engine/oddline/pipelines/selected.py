"""A pipeline on those columns that a feature selection keeps."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from oddline.operators.features import FeatureSelector
from oddline.pipelines.base import Pipeline
from oddline.progress import Progress

__all__ = ["Selected"]

Floats = NDArray[np.float64]


class Selected(Pipeline):
    """Learns which columns to keep, and lets another pipeline judge these.

    The others have no share in any score; ``reasons_`` tells which and why.

    Parameters
    ----------
    pipeline : Pipeline
        Not fitted.
    method : {"vote", "variance", "inflation", "correlation"}, default "vote"
        See :class:`oddline.operators.features.FeatureSelector`.
    least_columns : int, default 1
        So many the pipeline needs.
    names : sequence of str, optional
        What the columns are called.
    lookback, causal, contamination, random_state
        In place of the pipeline's own.

    Examples
    --------
    >>> from oddline.pipelines import WindowAD
    >>> x = np.random.default_rng(0).normal(size=(300, 2))
    >>> x = np.column_stack([x, x[:, 0] * 3])
    >>> fitted = Selected(pipeline=WindowAD(), lookback=8).fit(x)
    >>> fitted.column_shares(x)[0].round(2)[2]
    np.float64(0.0)
    """

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        method: str = "vote",
        least_columns: int = 1,
        names: Sequence[str] | None = None,
        lookback: int | str = "auto",
        causal: bool = False,
        contamination: float = 0.01,
        random_state: int = 0,
    ) -> None:
        self.pipeline = pipeline
        self.method = method
        self.least_columns = least_columns
        self.names = names
        self.lookback = lookback
        self.causal = causal
        self.contamination = contamination
        self.random_state = random_state

    def _fit(self, values: Floats, progress: Progress) -> Floats | None:
        columns = values.shape[1]
        selector = FeatureSelector(method=self.method, least_columns=self.least_columns).fit(values)
        self._kept = np.flatnonzero(selector.support_)
        names = self.names or [str(c + 1) for c in range(columns)]
        inner: Pipeline = clone(self.pipeline)
        inner.set_params(causal=self.causal, random_state=self.random_state)
        inner.lookback_, inner.floor_ = self.lookback_, self.floor_
        inner.smooths_, inner.blind_ = self.smooths_, self.blind_
        inner.reasons_ = (*self.reasons_, selector.explain(names))
        known = inner._fit(values[:, self._kept], progress)
        self._inner = inner
        for name in ("lookback_", "floor_", "reasons_", "num_pipelines_explored_"):
            setattr(self, name, getattr(inner, name))
        for name in ("warm_up_", "overlap_", "context_", "delay_", "smooths_", "blind_"):
            setattr(self, name, getattr(inner, name))
        first = f"('FeatureSelector',FeatureSelector(method={self.method},kept={len(self._kept)}/{columns}))"
        self.model_summary_ = f"[{first},{_renumbered(inner.model_summary_, self._kept)[1:]}"
        return known

    def _score(self, values: Floats, learnt: int, progress: Progress) -> Floats:
        return self._inner._score(values[:, self._kept], learnt, progress)

    def _single(self, values: Floats, learnt: int) -> Floats:
        return self._inner._single(values[:, self._kept], learnt)

    def _parts(self, values: Floats, learnt: int, rows: NDArray[np.intp], progress: Progress) -> Floats:
        parts = np.zeros((len(rows), values.shape[1]))
        kept = values[:, self._kept]
        parts[:, self._kept] = self._inner._parts(kept, learnt, rows, progress) if kept.shape[1] > 1 else 1.0
        return parts


def _renumbered(summary: str, kept: NDArray[np.intp]) -> str:
    """The summary of a model on some columns, with the numbers that these have among all."""

    def numbers(found: re.Match[str]) -> str:
        return found[1] + ",".join(str(kept[int(number) - 1] + 1) for number in found[2].split(","))

    return re.sub(r"(columns=\[)([\d,]+)", numbers, summary)
