"""Labels from scores: thresholds are apart from detectors, so new labels never need a new fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddline.catalog import LABELINGS
from oddline.errors import ParameterError, did_you_mean
from oddline.labeling.adaptive_sliding_window import adaptive_sliding_window
from oddline.labeling.chi_square import chi_square
from oddline.labeling.contamination import adaptive_contamination, contamination
from oddline.labeling.contextual_anomaly import contextual_anomaly
from oddline.labeling.iid import iid
from oddline.labeling.q_score import q_score
from oddline.labeling.runs import merge_runs
from oddline.labeling.sliding_window import sliding_window
from oddline.labeling.static import mad, otsu, q_function
from oddline.labeling.trailing import Answer, Reference

__all__ = ["METHODS", "Labels", "Method", "is_dynamic", "label", "merge_runs"]

Floats = NDArray[np.float64]

# Fewer known-normal rows than this say too little about a tail: all rows are learnt from.
_LEAST_TO_LEARN_FROM = 200

_NOTHING = 1e-300  # whatever the unit, a score this small is rounding

Method = Callable[[Floats, float, Reference, slice, float], Answer]
"""``(scores, threshold, reference, learn, floor)`` to ``(score, line, flagged, reason)``."""

METHODS: Mapping[str, Method] = {
    "Adaptive-Contamination": adaptive_contamination,
    "Adaptive-Sliding-Window": adaptive_sliding_window,
    "Chi-Square": chi_square,
    "Contamination": contamination,
    "Contextual-Anomaly": contextual_anomaly,
    "IID": iid,
    "MAD": mad,
    "Otsu": otsu,
    "Q-Function": q_function,
    "Q-Score": q_score,
    "Sliding-Window": sliding_window,
}
"""The code of each name in :data:`oddline.catalog.LABELINGS`."""


def is_dynamic(method: str) -> bool:
    """Whether the line of a label method moves, and so needs the scores before a row.

    >>> is_dynamic("IID"), is_dynamic("Chi-Square")
    (False, True)
    """
    return next(known.dynamic for known in LABELINGS if known.name == method)


@dataclass(frozen=True, eq=False)
class Labels:
    """What a label method says of n scores.

    Attributes
    ----------
    score : ndarray (n,)
        The score the method compares, which some methods standardise first.
    threshold : ndarray (n,)
        The line of each row: -1 exactly where a judged row's ``score > threshold``.
    label : ndarray of int8 (n,)
        +1 normal, -1 anomaly.
    severity : ndarray (n,)
        (score - m) / (threshold - m), m the median score of what was learnt from: 1 is the line.
        0 in the warm-up.
    judged : ndarray of bool (n,)
        False in the warm-up, whose rows are labelled +1 whatever their scores.
    reason : str
        How the line was drawn.
    """

    score: Floats
    threshold: Floats
    label: NDArray[np.int8]
    severity: Floats
    judged: NDArray[np.bool_]
    reason: str


def label(
    scores: Floats,
    *,
    method: str,
    threshold: float = 10.0,
    observation_window: int = 10,
    warm_up: int = 0,
    train_rows: int | None = None,
    floor: float = 0.0,
    gap: int = 0,
) -> Labels:
    """Label scores, without the data or the model they came from.

    Parameters
    ----------
    scores : ndarray (n,)
        In order of time, larger is odder, finite and at least 0.
    method : str
        A name of :data:`oddline.catalog.LABELINGS`; upper or lower case.
    threshold : float
        θ, in units of the method: the catalogue says what it means to each.
    observation_window : int
        W, how many rows before a row a dynamic method compares it with.
    warm_up : int
        So many rows at the head have padded scores: they are labelled +1 and never learnt
        from. A dynamic method adds its first W rows.
    train_rows : int, optional
        Draw the line from the first so many rows only, where they are 200 or more.
    floor : float
        For Chi-Square the least mean of a window, for Sliding-Window the least score worth a
        flag, in units of the score: keeps rounding noise of a perfect forecast from being
        judged.
    gap : int
        A dynamic method compares a row with the W rows that end so many rows before it: where the
        scores of neighbours share a window, an event is else held against itself.

    Returns
    -------
    Labels

    Raises
    ------
    ParameterError
        The method is unknown, or scores are not finite or negative.

    Notes
    -----
    A million rows take a second or two, whatever the window.

    Examples
    --------
    >>> scores = np.random.default_rng(0).standard_normal(1000) ** 2
    >>> scores[700] = 90.0
    >>> np.flatnonzero(label(scores, method="Chi-Square").label < 0).tolist()
    [700]
    """
    names = {known.name.casefold(): known.name for known in LABELINGS}
    name = names.get(method.casefold())
    if name is None:
        near = did_you_mean(method, names.values())
        raise ParameterError(
            f"no label method {method!r}; expected one of {', '.join(names.values())}.{near}",
            parameter="labeling_method",
        )
    scores = np.ascontiguousarray(scores, dtype=float)
    if scores.ndim != 1 or not np.isfinite(scores).all() or (scores < 0).any():
        raise ParameterError("scores must be one row of finite numbers of at least 0", parameter="scores")
    floor = max(floor, _NOTHING)
    window = max(1, observation_window)
    start = warm_up
    if is_dynamic(name):
        start += window
    if start >= len(scores):
        return _nothing_to_judge(scores, start)
    known = train_rows is not None and train_rows - start >= _LEAST_TO_LEARN_FROM
    learn = slice(start, train_rows if known else len(scores))
    found = METHODS[name](scores, threshold, Reference(window, start, gap), learn, floor)
    return _finished(*found, start, learn)


def _finished(
    score: Floats, line: Floats, flagged: NDArray[np.bool_], reason: str, start: int, learn: slice
) -> Labels:
    # Where a method decides before it rescales, rounding must not let score and label disagree.
    score = np.where(flagged & (score <= line), np.nextafter(line, np.inf), score)
    score = np.where(~flagged & (score > line), line, score)
    middle = float(np.median(score[learn]))  # of what was learnt: the same whatever is judged beside
    # A padded head shows no peak of its own, and a line to look at.
    score[:start] = np.minimum(score[:start], middle)
    line = line.copy()
    line[:start] = line[start]
    base = np.where(line > middle, middle, 0.0)
    reach = np.maximum(line - base, np.finfo(float).tiny)
    with np.errstate(over="ignore"):  # a billion says enough
        severity = np.clip((score - base) / reach, -1e9, 1e9)
    severity[:start] = 0.0
    verdict = np.where(flagged, -1, 1).astype(np.int8)
    verdict[:start] = 1
    return Labels(score, line, verdict, severity, np.arange(len(score)) >= start, reason)


def _nothing_to_judge(scores: Floats, start: int) -> Labels:
    n = len(scores)
    reason = f"no labels: the first {start} rows only warm up, and there are {n}"
    largest = float(scores.max(initial=0.0))
    return Labels(scores, np.full(n, largest), np.ones(n, np.int8), np.zeros(n), np.zeros(n, bool), reason)
