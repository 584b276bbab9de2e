"""From a table to scores and labels: the seven stages, in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oddline import catalog
from oddline.catalog import Spec
from oddline.errors import DataError
from oddline.inputs import as_source
from oddline.labeling import is_dynamic
from oddline.lookback import MAX_WINDOW, Lookback, choose_lookback
from oddline.pipelines import Pipeline, build
from oddline.prepare import Prepared, prepare
from oddline.progress import Progress, part, silent
from oddline.result import Detection, Scores, find_runs
from oddline.table import Table, read_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STAGES", "detect", "read"]

STAGES = {
    "inspection": 0.0,
    "sampling": 0.10,
    "look-back": 0.15,
    "pipeline": 0.20,
    "scores": 0.22,
    "labels": 0.85,
    "contributions": 0.90,
}
"""The stages, each with the fraction of the work that lies before it."""


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
        Single parameters; they go before those of ``spec``.

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
    >>> found = detect(f"load\\n{rows}\\n".encode(), algorithm_type="PredAD", lookback_window=14)
    >>> len(found), found.anomalies[0].peak_row
    (400, 300)
    """
    spec = _checked(spec, parameters)
    stage = _Stages(progress)
    stage("inspection")
    source = table
    if not isinstance(table, Table):
        table = read(table, spec)
    stage("sampling")
    series = prepare(table, spec.repair, train_rows=_past(len(table), spec))
    asked, known = _asked(series, spec), series.known
    learnt = series.values[:known]
    stage("look-back")
    lookback = _lookback(learnt, series, spec)
    stage("pipeline")
    pipeline = build(spec, lookback.window)
    stage("scores")
    raw = pipeline.fit_score(series.values, known, stage.inner())
    seen = series.observed
    scores = Scores(
        raw[seen],
        (np.cumsum(seen) - 1)[series.rows[asked]],
        warm_up=int(seen[: pipeline.warm_up_].sum()),
        train_rows=int(seen[:known].sum()) if known < len(seen) else None,
        floor=pipeline.floor_,
        smoothing=pipeline.static_smoothing,
        gap=pipeline.overlap_,
        parts=_parts(pipeline, series, raw) if len(table.columns) > 1 else None,
    )
    stage("labels")
    labels = scores.label(spec.labeling_method, spec.labeling_threshold, spec.observation_window)
    stage("contributions")
    index = _picked(table.index, asked)
    runs = find_runs(labels, index, table.columns, scores, spec, stage.inner())
    stage.end()
    return Detection(
        index=index,
        values=table.values if len(asked) == len(table) else table.values[asked],
        columns=table.columns,
        score=labels.score,
        threshold=labels.threshold,
        severity=labels.severity,
        label=labels.label,
        judged=labels.judged,
        anomalies=runs,
        lookback_window=pipeline.lookback_,
        model_summary=pipeline.model_summary_,
        num_pipelines_explored=pipeline.num_pipelines_explored_,
        notes=(*table.notes, *series.notes),
        reasons=(lookback.reason, *pipeline.reasons_[1:], labels.reason),
        seconds=stage.seconds,
        spec=asdict(spec),
        scores=scores,
        times=_times(source, table, asked),
    )


def read(source: Any, spec: Spec, **limits: int) -> Table:
    """The table that a checked spec means; ``limits`` and errors as in :func:`read_table`.

    ``source`` may also be a Series, an array or a list of numbers.
    """
    source, columns = as_source(source)
    if columns is not None and spec.target_columns is None:
        spec = replace(spec, target_columns=tuple(name for name in columns if name != spec.time_column))
    return read_table(
        source,
        time_column=spec.time_column,
        time_format=spec.time_format,
        target_columns=spec.target_columns,
        repair=spec.repair,
        **limits,
    )


class _Stages:
    """Names the stage that begins, asks whether to go on, and keeps each stage's run time."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress
        self._name, self._since = "", perf_counter()

    def __call__(self, name: str) -> None:
        self._close()
        self._name = name
        self._progress(STAGES[name], name)

    def inner(self) -> Progress:
        """A progress for the stage that runs, under its own name."""
        name, ends = self._name, [*STAGES.values(), 1.0]
        inside = part(self._progress, STAGES[name], ends[list(STAGES).index(name) + 1])
        return lambda fraction, _: inside(fraction, name)

    def end(self) -> None:
        self._close()
        self._progress(1.0, "done")

    def _close(self) -> None:
        now = perf_counter()
        if self._name:
            self.seconds[self._name] = round(now - self._since, 6)
        self._since = now


def _checked(spec: Spec | Mapping[str, Any] | None, parameters: Mapping[str, Any]) -> Spec:
    given = asdict(spec) if isinstance(spec, Spec) else dict(spec or {})
    return catalog.check({**given, **parameters})


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


def _asked(series: Prepared, spec: Spec) -> NDArray[np.intp]:
    """The rows asked for, ascending."""
    n = len(series.rows)
    if spec.prediction_type != "recent":
        return np.arange(n)
    return np.sort(np.argsort(series.rows, kind="stable")[n - spec.recent_data :])


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


def _parts(
    pipeline: Pipeline, series: Prepared, raw: NDArray[np.float64]
) -> Callable[[NDArray[np.intp], Progress], NDArray[np.float64]]:
    """Each column's part of the scores of some of the steps that have a row."""
    steps = np.flatnonzero(series.observed)

    def parts(rows: NDArray[np.intp], progress: Progress) -> NDArray[np.float64]:
        at = steps[rows]
        return pipeline.column_shares(series.values, at, progress) * raw[at][:, None]

    return parts


def _times(source: Any, table: Table, asked: NDArray[np.intp]) -> pd.DatetimeIndex | None:
    """The times of the answer: the frame's own index where that was the time, else as read."""
    import pandas as pd

    if table.time is None or table.time_unit != "ns":
        return None
    own = getattr(source, "index", None)
    if isinstance(own, pd.DatetimeIndex) and table.time_name not in getattr(source, "columns", ()):
        return own if len(asked) == len(own) else own[asked]
    return pd.DatetimeIndex(table.time[asked].view("M8[ns]"), name=table.time_name)


def _picked(index: Sequence[str], rows: NDArray[np.intp]) -> Sequence[str]:
    return index if len(rows) == len(index) else [index[row] for row in rows]
