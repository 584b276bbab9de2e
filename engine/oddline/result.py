"""The answer of a detection: one score, severity, line and label for every row asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oddline import catalog
from oddline.catalog import Spec
from oddline.contribution import contributions_at
from oddline.display import as_html, as_line
from oddline.errors import ParameterError
from oddline.labeling import Labels, is_dynamic, label, merge_runs
from oddline.progress import Progress, silent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Detection", "Run", "Scores", "find_runs"]

_OF_LABELS = ("labeling_method", "labeling_threshold", "observation_window")


@dataclass(frozen=True)
class Run:
    """A stretch of flagged rows, in order of time.

    Attributes
    ----------
    start_row, end_row : int
        The earliest and the latest row of the stretch, both included, as places in the answer
        from 0. In a file that is not in order of time ``start_row`` may be the larger, and rows
        that lie between the two in the file need not belong to the stretch.
    start, end : str
        Their time texts as uploaded.
    severity : float
        The largest of the stretch (1 is the line).
    peak_row : int
        The row that has it.
    contributions : mapping of str to float
        Each target column's share of the score; they sum to 1.
    rows : int
        How many rows the stretch has, the normal ones between flagged ones included.
    excess : float
        How far the score at the peak lies above its line, as a share of mean plus standard
        deviation of all judged scores (Hundman et al. 2018, doi:10.1145/3219819.3219845).
    """

    start_row: int
    end_row: int
    start: str
    end: str
    severity: float
    peak_row: int
    contributions: Mapping[str, float] = field(default_factory=dict)
    rows: int = 1
    excess: float = 0.0


@dataclass(frozen=True, eq=False)
class Scores:
    """What labels are made from: the pipeline's score of every time of the table.

    Attributes
    ----------
    raw : ndarray (m,)
        In order of time, one for all rows of a time; larger is odder.
    place : ndarray of int (n,)
        Row i of the answer has the score ``raw[place[i]]``.
    warm_up : int
        So many at the head are padded.
    train_rows : int or None
        Only so many were learnt from; None for all.
    floor : float
        Scores of this size are rounding, see :func:`oddline.labeling.label`.
    gap : int
        The scores of rows so far apart, or less, share rows they are made from, see
        :func:`oddline.labeling.label`.
    past : int
        So many at the head belong to other rows, that a model learnt from.
    unsure : int
        So many behind them are made from repeated rows, for want of rows before: not judged.
    parts : callable or None
        Gives each column's part of some rows of ``raw[past:]``, (k, d), and takes those rows,
        ascending, and a progress. Called only where there are runs to share out.
    single : callable or None
        Gives scores (m,) of single rows, which a label method with a moving line compares where
        ``raw`` are smoothed. Called at the first such method.
    """

    raw: NDArray[np.float64]
    place: NDArray[np.intp]
    warm_up: int = 0
    train_rows: int | None = None
    floor: float = 0.0
    gap: int = 0
    past: int = 0
    unsure: int = 0
    parts: Callable[[NDArray[np.intp], Progress], NDArray[np.float64]] | None = None
    single: Callable[[], NDArray[np.float64]] | None = None

    @cached_property
    def _single(self) -> NDArray[np.float64] | None:
        return None if self.single is None else self.single()

    def label(self, method: str, threshold: float, observation_window: int) -> Labels:
        """The labels of the answer's rows, in its order."""
        single = self._single if is_dynamic(method) else None
        found = label(
            self.raw if single is None else single,
            method=method,
            threshold=threshold,
            observation_window=observation_window,
            warm_up=self.warm_up,
            train_rows=self.train_rows,
            floor=self.floor,
            gap=self.gap if single is None else 0,
        )
        unsure = (self.place >= self.past) & (self.place < self.past + self.unsure)
        return Labels(
            found.score[self.place],
            found.threshold[self.place],
            np.where(unsure, np.int8(1), found.label[self.place]),
            np.where(unsure, 0.0, found.severity[self.place]),
            found.judged[self.place] & ~unsure,
            found.reason,
        )

    def order(self) -> NDArray[np.intp]:
        """The rows of the answer in order of time."""
        return np.argsort(self.place, kind="stable")


@dataclass(frozen=True, eq=False, repr=False)
class Detection:
    """Scores and labels, one for each row asked for, in the order of the file.

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
    judged : ndarray of bool (n,)
        False on the earliest rows, which have no full window behind them (forecasts and windows
        need the look-back, dynamic labels the observation window too). Their scores are padded
        and their labels +1; the IBM dialect shows them as NaN.
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
    times : DatetimeIndex or None
        The time of each row: the index of the frame that came, or what was read from the time
        column (in UTC where its texts carry an offset). None where rows are numbered or times
        are mere counts.
    """

    index: Sequence[str]
    values: NDArray[np.float64]
    columns: tuple[str, ...]
    score: NDArray[np.float64]
    threshold: NDArray[np.float64]
    severity: NDArray[np.float64]
    label: NDArray[np.int8]
    judged: NDArray[np.bool_]
    anomalies: tuple[Run, ...]
    lookback_window: int
    model_summary: str
    num_pipelines_explored: int
    notes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    scores: Scores | None = None
    times: pd.DatetimeIndex | None = None

    def __repr__(self) -> str:
        return as_line(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def __len__(self) -> int:
        return len(self.score)

    @property
    def warm_up(self) -> int:
        """How many rows are not judged."""
        return len(self) - int(np.count_nonzero(self.judged))

    def order(self) -> NDArray[np.intp]:
        """The rows in order of time; their own order where the scores are not at hand."""
        return np.arange(len(self)) if self.scores is None else self.scores.order()

    def relabel(self, method: str | None = None, **parameters: Any) -> Detection:
        """The same scores under another line. Nothing is fitted again.

        Parameters
        ----------
        method : str, optional
            A label method.
        **parameters
            ``labeling_method``, ``labeling_threshold`` and ``observation_window``, or in short
            ``method``, ``threshold`` and ``window``; what is left out stays as it was.

        Raises
        ------
        ParameterError
            A parameter is unknown, out of its range, or has no part in labels.
        ValueError
            This detection came without its scores.
        """
        if self.scores is None:
            raise ValueError("a detection without its scores cannot be labelled again")
        asked = catalog.named({**({"method": method} if method else {}), **parameters})
        for name in asked:
            if name in self.spec and name not in _OF_LABELS:
                raise ParameterError(
                    f"{name} has a part in the scores; relabel takes {', '.join(_OF_LABELS)}",
                    parameter=name,
                )
        spec = catalog.check({**self.spec, **{k: v for k, v in asked.items() if v is not None}})
        labels = self.scores.label(spec.labeling_method, spec.labeling_threshold, spec.observation_window)
        return replace(
            self,
            score=labels.score,
            threshold=labels.threshold,
            severity=labels.severity,
            label=labels.label,
            judged=labels.judged,
            anomalies=find_runs(labels, self.index, self.columns, self.scores, spec),
            reasons=(*self.reasons[:-1], labels.reason),
            spec=asdict(spec),
        )

    def to_frame(self) -> pd.DataFrame:
        """Values, score, severity, threshold and label as a DataFrame, row by row.

        The index is the times, or the texts of ``index`` where there are none. A target column
        named like one of ours gets ``value_`` before its name.
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
        index = pd.Index(list(self.index), dtype=str) if self.times is None else self.times
        return pd.DataFrame({**values, **ours}, index=index)

    def plot(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        windows: Iterable[tuple[int, int]] = (),
        title: str = "",
    ) -> Figure:
        """Draw values, score and line; see :func:`oddline.plot.plot`. Needs matplotlib."""
        from oddline.plot import plot

        return plot(self, path, windows=windows, title=title)

    def summary(self) -> dict[str, Any]:
        """The facts of the whole, ready for JSON: what our own dialect answers as ``summary``.

        ``threshold`` is None where the line moves.
        """
        line = self.threshold
        constant = len(line) > 0 and bool((line == line[0]).all())
        return {
            "rows": len(self),
            "flagged": int((self.label < 0).sum()),
            "warm_up": self.warm_up,
            "threshold": float(line[0]) if constant else None,
            "lookback_window": self.lookback_window,
            "model_summary": self.model_summary,
            "num_pipelines_explored": self.num_pipelines_explored,
            "notes": list(self.notes),
            "reasons": list(self.reasons),
            "seconds": dict(self.seconds),
            "spec": {k: list(v) if isinstance(v, tuple) else v for k, v in self.spec.items()},
        }


def find_runs(
    labels: Labels,
    index: Sequence[str],
    columns: Sequence[str],
    scores: Scores,
    spec: Spec,
    progress: Progress = silent,
) -> tuple[Run, ...]:
    """The flagged rows merged into runs along the time, each with its columns' shares.

    Flagged rows with at most ``observation_window`` normal rows between them are one run.
    """
    order = scores.order()
    severity = labels.severity[order]
    runs = merge_runs(labels.label[order], severity, spec.observation_window)
    parts = scores.parts
    if len(columns) == 1:
        shares = [np.ones(1)] * len(runs)
    elif parts is None or not runs:
        shares = [np.empty(0)] * len(runs)
    else:
        shares = contributions_at(
            lambda rows: parts(rows, progress),
            [scores.place[order[first : last + 1]] - scores.past for first, last, _ in runs],
            len(scores.raw) - scores.past,
        )
    found = []
    excess = _excess(labels)[order]
    for (first, last, peak), share in zip(runs, shares, strict=True):
        start, end = int(order[first]), int(order[last])
        found.append(
            Run(
                start_row=start,
                end_row=end,
                start=index[start],
                end=index[end],
                severity=float(severity[peak]),
                peak_row=int(order[peak]),
                contributions=dict(zip(columns, share.tolist(), strict=False)),
                rows=last - first + 1,
                excess=float(excess[peak]),
            )
        )
    return tuple(found)


def _excess(labels: Labels) -> NDArray[np.float64]:
    highest = max(labels.score.max(initial=0.0), labels.threshold.max(initial=0.0))
    largest = max(float(highest), np.finfo(float).tiny)
    usual = labels.score[labels.judged] / largest
    size = max(float(usual.mean() + usual.std()), 1e-300) if usual.size else 1.0
    return np.clip((labels.score / largest - labels.threshold / largest) / size, 0.0, 1e9)
