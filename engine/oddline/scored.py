"""A table and its scores, on the way to labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oddline.catalog import Spec
from oddline.pipelines import Pipeline
from oddline.prepare import Prepared
from oddline.progress import Progress
from oddline.result import Detection, Scores, find_runs
from oddline.stages import Stages
from oddline.table import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Scored"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scored:
    """What the stages before the labels made of a table.

    Attributes
    ----------
    source : object
        What came: a frame keeps its own times.
    table : Table
        n rows as read.
    series : Prepared
        m steps.
    pipeline : Pipeline
        Fitted.
    raw : ndarray (m,)
        Its score of each step.
    """

    source: Any
    table: Table
    series: Prepared
    pipeline: Pipeline
    raw: Floats

    def judge(self, spec: Spec, stage: Stages, past: Floats | None = None) -> Detection:
        """Stages six and seven: labels, runs and each column's share, for the rows asked for.

        ``past`` are scores (p,) of other rows, that the line is drawn from.
        """
        asked = self._asked(spec)
        scores = self._scores(asked, past)
        table = self.table
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
            lookback_window=self.pipeline.lookback_,
            model_summary=self.pipeline.model_summary_,
            num_pipelines_explored=self.pipeline.num_pipelines_explored_,
            notes=(*table.notes, *self.series.notes),
            reasons=(*self.pipeline.reasons_, labels.reason),
            seconds=stage.seconds,
            spec=asdict(spec),
            scores=scores,
            times=self._times(asked),
        )

    def _scores(self, asked: NDArray[np.intp], past: Floats | None) -> Scores:
        series, pipeline, seen = self.series, self.pipeline, self.series.observed
        raw = self.raw[seen]
        place = (np.cumsum(seen) - 1)[series.rows[asked]]
        parts = self._parts if len(self.table.columns) > 1 else None
        shared: dict[str, Any] = {
            "floor": pipeline.floor_,
            "smoothing": pipeline.static_smoothing,
            "gap": pipeline.overlap_,
            "parts": parts,
        }
        if past is not None:
            return Scores(
                np.concatenate([past, raw]),
                place + len(past),
                warm_up=min(pipeline.warm_up_, len(past)),
                train_rows=len(past),
                past=len(past),
                **shared,
            )
        return Scores(
            raw,
            place,
            warm_up=int(seen[: pipeline.warm_up_].sum()),
            train_rows=int(seen[: series.known].sum()) if series.known < len(seen) else None,
            **shared,
        )

    def _parts(self, rows: NDArray[np.intp], progress: Progress) -> Floats:
        """Each column's part of the scores of some of the steps that have a row."""
        at = np.flatnonzero(self.series.observed)[rows]
        return self.pipeline.column_shares(self.series.values, at, progress) * self.raw[at][:, None]

    def _asked(self, spec: Spec) -> NDArray[np.intp]:
        """The rows asked for, ascending."""
        rows = self.series.rows
        if spec.prediction_type != "recent":
            return np.arange(len(rows))
        return np.sort(np.argsort(rows, kind="stable")[len(rows) - spec.recent_data :])

    def _times(self, asked: NDArray[np.intp]) -> pd.DatetimeIndex | None:
        """The times of the answer: the frame's own index where that was the time, else as read."""
        import pandas as pd

        table, source = self.table, self.source
        if table.time is None or table.time_unit != "ns":
            return None
        own = getattr(source, "index", None)
        if isinstance(own, pd.DatetimeIndex) and table.time_name not in getattr(source, "columns", ()):
            return own if len(asked) == len(own) else own[asked]
        return pd.DatetimeIndex(table.time[asked].view("M8[ns]"), name=table.time_name)


def _picked(index: Sequence[str], rows: NDArray[np.intp]) -> Sequence[str]:
    return index if len(rows) == len(index) else [index[row] for row in rows]
