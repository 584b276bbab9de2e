"""The answer of a detection: one score, severity, line and label for every judged row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Detection", "Run"]


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

    def __len__(self) -> int:
        return len(self.score)
