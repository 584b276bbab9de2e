"""From a table to scores and labels: the seven stages, in order."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oddline import catalog
from oddline.catalog import Spec
from oddline.errors import DataError
from oddline.labeling import is_dynamic
from oddline.lookback import MAX_WINDOW, Lookback, choose_lookback
from oddline.model import Model
from oddline.pipelines import build
from oddline.prepare import Prepared, prepare
from oddline.progress import Progress, silent
from oddline.reading import read
from oddline.result import Detection
from oddline.scored import Scored
from oddline.stages import STAGES, Stages
from oddline.table import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STAGES", "detect", "fit", "read"]


def detect(
    table: Table | pd.DataFrame | pd.Series[Any] | ArrayLike | str | os.PathLike[str] | bytes,
    spec: Spec | Mapping[str, Any] | None = None,
    progress: Progress = silent,
    **parameters: Any,
) -> Detection:
    """Score and label every row of a table.

    Parameters
    ----------
    table : Table, DataFrame, Series, array, list of numbers, path or bytes
        A CSV (plain or gzip), JSON rows, a frame, a Series, numbers (n,) or (n, d), or what
        :func:`oddline.table.read_table` made.
    spec : Spec or mapping, optional
        The parameters, see :data:`oddline.catalog.PARAMETERS`.
    progress : callable, optional
        Called with the fraction done and the stage; may raise ``CancelledError`` to stop.
    **parameters
        Single parameters, under their full or short names (``time``, ``target``, ``algorithm``,
        ``estimator``, …); they go before those of ``spec``. A single target may be a text.

    Returns
    -------
    Detection
        One row for each row of the table (or for the last ``recent_data`` of them), in its
        order.

    Raises
    ------
    DataError, ParameterError, LimitError, ModelError
        See :mod:`oddline.errors`.

    Examples
    --------
    >>> rows = "\\n".join(str(i % 7 + 40 * (i == 300)) for i in range(400))
    >>> found = detect(f"load\\n{rows}\\n".encode(), algorithm="PredAD", lookback=14)
    >>> len(found), found.anomalies[0].peak_row
    (400, 300)
    """
    spec = _checked(spec, parameters)
    stage = Stages(progress)
    return _learn(table, spec, stage).judge(spec, stage)


def fit(
    table: Table | pd.DataFrame | pd.Series[Any] | ArrayLike | str | os.PathLike[str] | bytes,
    spec: Spec | Mapping[str, Any] | None = None,
    progress: Progress = silent,
    **parameters: Any,
) -> Model:
    """Learn from a table once, to score others later.

    Takes what :func:`detect` takes and raises what it raises; of ``train_rows`` rows, or all.

    Returns
    -------
    Model
        With ``score``, ``stream``, ``save`` and the scores of what was learnt from.

    Examples
    --------
    >>> model = fit([i % 7 for i in range(400)], algorithm="PredAD", lookback=14)
    >>> model.score([i % 7 + 40 * (i == 30) for i in range(60)]).anomalies[0].peak_row
    30
    """
    spec = _checked(spec, parameters)
    stage = Stages(progress)
    learnt = _learn(table, replace(spec, prediction_type="entire"), stage)
    stage.end()
    return Model(learnt.pipeline, spec, learnt.table.columns, learnt.series.units, *_past_scores(learnt))


def _learn(table: Any, spec: Spec, stage: Stages) -> Scored:
    """Stages one to five."""
    stage("inspection")
    source, table = table, read(table, spec)
    stage("sampling")
    series = prepare(table, spec.repair, train_rows=_past(len(table), spec))
    learnt = series.values[: series.known]
    stage("look-back")
    lookback = _lookback(learnt, series, spec)
    stage("pipeline")
    pipeline = build(spec, lookback.window, table.columns)
    stage("scores")
    raw = pipeline.fit_score(series.values, series.known, stage.inner())
    pipeline.reasons_ = (lookback.reason, *pipeline.reasons_[1:])
    return Scored(source, table, series, pipeline, series.values, raw)


def _past_scores(learnt: Scored) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """The scores of the rows learnt from, and of single ones where the pipeline smooths."""
    known = learnt.series.known
    there = np.flatnonzero(learnt.series.observed[:known])
    if not learnt.pipeline.smooths_:
        return learnt.raw[there], None
    return learnt.raw[there], learnt.pipeline.single_scores(learnt.values[:known])[there]


def _checked(spec: Spec | Mapping[str, Any] | None, parameters: Mapping[str, Any]) -> Spec:
    given = asdict(spec) if isinstance(spec, Spec) else dict(spec or {})
    given = {**catalog.named(given), **catalog.named(parameters)}
    if isinstance(given.get("target_columns"), str):
        given["target_columns"] = [given["target_columns"]]
    return catalog.check(given)


def _past(rows: int, spec: Spec) -> int:
    """How many of the rows, in time order, to learn from."""
    past = rows - spec.recent_data if spec.prediction_type == "recent" else rows
    if past < 1:
        raise DataError(
            f"recent_data is {spec.recent_data:,}, but the table has {rows:,} rows: none is left "
            "to learn from. Judge fewer rows or send a longer past.",
            code="too_few_rows",
            parameter="recent_data",
        )
    return min(past, spec.train_rows or rows)


def _lookback(learnt: NDArray[np.float64], series: Prepared, spec: Spec) -> Lookback:
    """The look-back, and whether the rows suffice for it and the observation window."""
    window = spec.observation_window if is_dynamic(spec.labeling_method) else 0
    steps = len(series.values)
    most = min(len(learnt) // 3, steps // 3 - window)
    asked = spec.lookback_window
    if most < (2 if asked == "auto" else int(asked)):
        least = 2 if asked == "auto" else int(asked)
        watched = f" and an observation window of {window}" if window else ""
        there = f"{steps:,} rows"
        if len(learnt) < steps:
            there += f", {len(learnt):,} of them to learn from,"
        raise DataError(
            f"{there} are too few for a look-back of {least}{watched}: at least "
            f"{3 * (least + window):,} are needed. Send more rows or shorten the windows.",
            code="too_few_rows",
        )
    return choose_lookback(learnt, asked, max_window=min(MAX_WINDOW, most))
