"""A table and its scores, on the way to labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
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

__all__ = ["Past", "Scored"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Past:
    """The scores (p,) of what was learnt from, in order of time.

    ``single`` are those of single rows, the same array where the pipeline smooths nothing.
    """

    scores: Floats
    single: Floats


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
    values : ndarray (b + m, d)
        The steps, behind those that are only looked back at.
    raw : ndarray (m,)
        Its score of each step.
    past : Past, optional
        The scores of what a model learnt from: the line is drawn from them.
    """

    source: Any
    table: Table
    series: Prepared
    pipeline: Pipeline
    values: Floats
    raw: Floats
    past: Past | None = None

    def judge(self, spec: Spec, stage: Stages) -> Detection:
        """Stages six and seven: labels, runs and each column's share, for the rows asked for."""
        asked = self._asked(spec)
        scores = self._scores(asked)
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
            notes=(*table.notes, *self.series.notes, *self._unsure_note(scores)),
            reasons=(*self.pipeline.reasons_, labels.reason),
            seconds=stage.seconds,
            spec=asdict(spec),
            scores=scores,
            times=self._times(asked),
        )

    def _scores(self, asked: NDArray[np.intp]) -> Scores:
        series, pipeline, seen = self.series, self.pipeline, self.series.observed
        raw, past = self.raw[seen], self.past
        scores = Scores(
            raw,
            (np.cumsum(seen) - 1)[series.rows[asked]],
            warm_up=int(seen[: pipeline.warm_up_].sum()),
            train_rows=int(seen[: series.known].sum()) if series.known < len(seen) else None,
            floor=pipeline.floor_,
            gap=pipeline.overlap_,
            parts=self._parts if len(self.table.columns) > 1 else None,
            single=self._single if pipeline.smooths_ else None,
        )
        if past is None:
            return scores
        learnt = len(past.scores)
        unsure = max(0, pipeline.unsure(len(self.values)) - self._before)
        return replace(
            scores,
            raw=np.concatenate([past.scores, raw]),
            place=scores.place + learnt,
            warm_up=min(pipeline.warm_up_, learnt),
            train_rows=learnt,
            past=learnt,
            unsure=int(seen[:unsure].sum()),
        )

    @property
    def _before(self) -> int:
        return len(self.values) - len(self.raw)

    def _single(self) -> Floats:
        """Scores of single rows, of what was learnt from and of the steps that have a row."""
        own = self.pipeline.single_scores(self.values)[self._before :][self.series.observed]
        return own if self.past is None else np.concatenate([self.past.single, own])

    def _parts(self, rows: NDArray[np.intp], progress: Progress) -> Floats:
        """Each column's part of the scores of some of the steps that have a row."""
        at = np.flatnonzero(self.series.observed)[rows]
        shares = self.pipeline.column_shares(self.values, at + self._before, progress)
        return shares * self.raw[at][:, None]

    def _unsure_note(self, scores: Scores) -> tuple[str, ...]:
        if not scores.unsure:
            return ()
        least = self.pipeline.context_
        return (
            f"The first {scores.unsure:,} rows are scored but not judged: their scores need up to {least:,} "
            "rows before them. Give the rows before as `past`.",
        )

    def _asked(self, spec: Spec) -> NDArray[np.intp]:
        """The rows asked for, ascending."""
        rows = self.series.rows
        if spec.prediction_type != "recent":
            return np.arange(len(rows))
        return np.sort(np.argsort(rows, kind="stable")[max(0, len(rows) - spec.recent_data) :])

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
