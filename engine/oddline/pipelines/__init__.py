"""Stage 4 and 5: the pipelines, one public class a file, and how a spec becomes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from oddline.catalog import least_columns_of
from oddline.pipelines.auto import AutoAD
from oddline.pipelines.base import Pipeline
from oddline.pipelines.deepad import DeepAD
from oddline.pipelines.detectors import DETECTORS
from oddline.pipelines.predad import PredAD
from oddline.pipelines.reconstructad import AUTOENCODERS, ReconstructAD
from oddline.pipelines.relationshipad import RELATIONS, RelationshipAD
from oddline.pipelines.selected import Selected
from oddline.pipelines.windowad import WindowAD

if TYPE_CHECKING:
    from oddline.catalog import Spec

__all__ = [
    "PIPELINES",
    "AutoAD",
    "DeepAD",
    "Pipeline",
    "PredAD",
    "ReconstructAD",
    "RelationshipAD",
    "Selected",
    "WindowAD",
    "build",
]

PIPELINES: Mapping[tuple[str, str], Callable[..., Pipeline]] = {
    ("auto", "Default"): AutoAD,
    ("DeepAD", "Default"): DeepAD,
    ("PredAD", "Default"): PredAD,
    **{("ReconstructAD", name): partial(ReconstructAD, estimator=name) for name in AUTOENCODERS},
    **{("RelationshipAD", name): partial(RelationshipAD, estimator=name) for name in RELATIONS},
    **{("WindowAD", name): partial(WindowAD, estimator=name) for name in DETECTORS},
}
"""The code of each algorithm and estimator in :data:`oddline.catalog.ALGORITHMS`."""


def build(spec: Spec, lookback: int | str, names: Sequence[str] | None = None) -> Pipeline:
    """The pipeline a checked spec asks for, not yet fitted.

    ``lookback`` is the window already chosen for the series, or ``"auto"``; ``names`` are those of
    the columns.

    >>> from oddline.catalog import check
    >>> build(check({"algorithm_type": "WindowAD"}), 24)
    WindowAD(lookback=24)
    """
    make = PIPELINES[spec.algorithm_type, spec.anomaly_estimator]
    if spec.algorithm_type == "RelationshipAD":
        make = partial(make, level=spec.relation_level)
    pipeline = make(lookback=lookback, causal=spec.causal, random_state=spec.random_state)
    if spec.feature_selection == "none" or (names is not None and len(names) == 1):
        return pipeline
    return Selected(
        pipeline=pipeline,
        method=spec.feature_selection,
        least_columns=least_columns_of(spec.algorithm_type),
        names=names,
        lookback=lookback,
        causal=spec.causal,
        random_state=spec.random_state,
    )
