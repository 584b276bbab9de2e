"""The answer of a detection: one score, severity, line and label for every judged row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oddline import catalog
from oddline.contribution import contributions
from oddline.labeling import Labels, label, merge_runs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Detection", "Run", "Scores", "find_runs"]


@dataclass(frozen=True)
class Run:
    """A stretch of flagged rows.

    ``start_row`` and ``end_row`` count judged rows from 0 and are both included; ``start`` and
    ``end`` are their time texts as uploaded. ``severity`` is the largest of the run (1 is the
    line). ``contributions`` maps each target column to its share of the score; they sum to 1.
    """

    start_row: int
    end_row: int
    start: str
    end: str
    severity: float
    peak_row: int
    contributions: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Scores:
    """What labels are made from: the pipeline's score of every time of the table.

    Attributes
    ----------
    raw : ndarray (m,)
        In order of time, one for all rows of a time; larger is odder.
    place : ndarray of int (n,)
        Judged row i has the score ``raw[place[i]]``.
    warm_up : int
        So many at the head are padded.
    train_rows : int or None
        Only so many were learnt from; None for all.
    floor : float
        Scores of this size are rounding, see :func:`oddline.labeling.label`.
    parts : ndarray (n, d) or None
        Each column's part of the score of the judged rows.
    usual : ndarray (d,) or None
        What each column's part usually is.
    """

    raw: NDArray[np.float64]
    place: NDArray[np.intp]
    warm_up: int = 0
    train_rows: int | None = None
    floor: float = 0.0
    parts: NDArray[np.float64] | None = None
    usual: NDArray[np.float64] | None = None

    def label(self, method: str, threshold: float, observation_window: int) -> Labels:
        """The labels of the judged rows, in order of the file."""
        found = label(
            self.raw,
            method=method,
            threshold=threshold,
            observation_window=observation_window,
            warm_up=self.warm_up,
            train_rows=self.train_rows,
            floor=self.floor,
        )
        return Labels(
            found.score[self.place],
            found.threshold[self.place],
            found.label[self.place],
            found.severity[self.place],
            int((self.place < found.warm_up).sum()),
            found.reason,
        )


@dataclass(frozen=True, eq=False)
class Detection:
    """Scores and labels, one for each judged row, in the order of the file.

    Attributes
    ----------
    index : sequence of str, length n
        The time text of each row as uploaded, or its number where there is no time column.
    values : ndarray (n, d)
        The target columns as read (NaN where a value was missing).
    columns : tuple of str, length d
        The target columns.
    score : ndarray (n,)
        Larger is odder; finite and at least 0 on every row.
    threshold : ndarray (n,)
        The line each score was held against; constant for a static label method.
    severity : ndarray (n,)
        (score - m) / (threshold - m) with m the median score: 1 is the line.
    label : ndarray of int8 (n,)
        +1 normal, -1 anomaly.
    warm_up : int
        So many rows at the start have no full window behind them (forecasts and windows need
        the look-back, dynamic labels the observation window too). Their scores are padded and
        their labels +1; the IBM dialect shows them as NaN.
    anomalies : tuple of Run
        The flagged rows, merged into runs.
    lookback_window : int
    model_summary : str
    num_pipelines_explored : int
    notes : tuple of str
        Every repair and every fallback, in words.
    reasons : tuple of str
        Why this look-back, pipeline and line were chosen.
    seconds : mapping of str to float
        Run time of each stage.
    spec : mapping
        The parameters as used.
    scores : Scores or None
        The pipeline's own scores, for :meth:`relabel`.
    """

    index: Sequence[str]
    values: NDArray[np.float64]
    columns: tuple[str, ...]
    score: NDArray[np.float64]
    threshold: NDArray[np.float64]
    severity: NDArray[np.float64]
    label: NDArray[np.int8]
    warm_up: int
    anomalies: tuple[Run, ...]
    lookback_window: int
    model_summary: str
    num_pipelines_explored: int
    notes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    scores: Scores | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.score)

    def relabel(
        self,
        method: str | None = None,
        *,
        threshold: float | None = None,
        observation_window: int | None = None,
    ) -> Detection:
        """The same scores under another line. Nothing is fitted again.

        Parameters
        ----------
        method : str, optional
            A label method; without it the one used before.
        threshold : float, optional
        observation_window : int, optional

        Raises
        ------
        ParameterError
            A parameter is unknown or out of its range.
        ValueError
            This detection came without its scores.
        """
        if self.scores is None:
            raise ValueError("a detection without its scores cannot be labelled again")
        asked = {
            "labeling_method": method,
            "labeling_threshold": threshold,
            "observation_window": observation_window,
        }
        spec = catalog.check({**self.spec, **{k: v for k, v in asked.items() if v is not None}})
        labels = self.scores.label(spec.labeling_method, spec.labeling_threshold, spec.observation_window)
        return replace(
            self,
            score=labels.score,
            threshold=labels.threshold,
            severity=labels.severity,
            label=labels.label,
            warm_up=labels.warm_up,
            anomalies=find_runs(labels, self.index, self.columns, self.scores, spec.observation_window),
            reasons=(*self.reasons[:-1], labels.reason),
            spec=asdict(spec),
        )

    def to_frame(self) -> pd.DataFrame:
        """Values, score, severity, threshold and label as a DataFrame, one row a judged row.

        The index is the time text. A target column named like one of ours gets ``value_``
        before its name.
        """
        import pandas as pd

        ours = {
            "score": self.score,
            "severity": self.severity,
            "threshold": self.threshold,
            "label": self.label,
        }
        values = {
            f"value_{name}" if name in ours else name: self.values[:, place]
            for place, name in enumerate(self.columns)
        }
        return pd.DataFrame({**values, **ours}, index=pd.Index(list(self.index), dtype=str))

    def summary(self) -> dict[str, Any]:
        """Everything but the rows, ready for JSON."""
        return {
            "rows": len(self),
            "columns": list(self.columns),
            "flagged_rows": int((self.label < 0).sum()),
            "warm_up": self.warm_up,
            "lookback_window": self.lookback_window,
            "model_summary": self.model_summary,
            "num_pipelines_explored": self.num_pipelines_explored,
            "anomalies": [asdict(run) for run in self.anomalies],
            "notes": list(self.notes),
            "reasons": list(self.reasons),
            "seconds": dict(self.seconds),
            "spec": {k: list(v) if isinstance(v, tuple) else v for k, v in self.spec.items()},
        }


def find_runs(
    labels: Labels, index: Sequence[str], columns: Sequence[str], scores: Scores, gap: int
) -> tuple[Run, ...]:
    """The flagged rows merged into runs, each with its columns' shares.

    Flagged rows with at most ``gap`` normal rows between them are one run.
    """
    runs = merge_runs(labels.label, labels.severity, gap)
    if len(columns) == 1:
        shares = [np.ones(1)] * len(runs)
    elif scores.parts is None:
        shares = [np.empty(0)] * len(runs)
    else:
        shares = contributions(scores.parts, [run[:2] for run in runs], scores.usual)
    return tuple(
        Run(
            start_row=first,
            end_row=last,
            start=index[first],
            end=index[last],
            severity=float(labels.severity[peak]),
            peak_row=peak,
            contributions=dict(zip(columns, share.tolist(), strict=False)),
        )
        for (first, last, peak), share in zip(runs, shares, strict=True)
    )
