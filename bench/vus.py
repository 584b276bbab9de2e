"""The measure of the quality bench: the volume under the precision–recall surface (VUS-PR), and AUC-PR.

VUS-PR asks how well scores rank the labelled rows and forgives being a little early or late: labels
get shoulders of 0, 1, … ``window`` rows, each width gives one precision–recall curve, and the mean of
the areas under them is the volume (Paparrizos et al. 2022; the measure of TSB-AD, Liu & Paparrizos 2024).

References
----------
Paparrizos, Boniol, Palpanas, Tsay, Elmore & Franklin (2022). Volume under the surface: a new accuracy
evaluation measure for time-series anomaly detection. PVLDB 15(11), doi:10.14778/3551793.3551830.
Liu & Paparrizos (2024). The elephant in the room: towards a reliable time-series anomaly detection
benchmark. NeurIPS 37, Datasets and Benchmarks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["auc_pr", "vus_pr"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

THRESHOLDS = 250


def vus_pr(score: ArrayLike, label: ArrayLike, window: int, thresholds: int = THRESHOLDS) -> float:
    """Volume under the precision–recall surface.

    Parameters
    ----------
    score : array (n,)
        Finite; larger is more anomalous. Only the order counts.
    label : array (n,)
        1 where a row belongs to an anomaly, else 0; at least one 1.
    window : int
        The widest buffer, in rows, at least 0. Its half lies on each side of an anomaly.
    thresholds : int, default 250
        Points of each curve: scores at evenly spaced ranks.

    Returns
    -------
    float
        From 0 to 1; larger is better. About the share of labelled rows for scores by chance.

    Raises
    ------
    ValueError
        Where lengths differ, a score is not finite, or nothing is labelled.

    Notes
    -----
    Rows are ranked once. What differs between buffers lies near the labelled rows, so the cost is
    O(n log n + m·window) for m rows no farther than window / 2 from an anomaly.

    Examples
    --------
    >>> vus_pr([0, 0, 9, 0, 0, 0], [0, 0, 1, 0, 0, 0], 0)
    1.0
    """
    score, label = _checked(score, label)
    edges = np.flatnonzero(np.diff(label, prepend=0, append=0))
    starts, ends = edges[::2], edges[1::2] - 1
    levels = np.unique(np.sort(score)[::-1][np.linspace(0, len(score) - 1, thresholds).astype(int)])
    # The first threshold, from the highest down, that flags each row; the lowest flags all.
    first = len(levels) - np.searchsorted(levels, score, side="right")
    flagged = np.cumsum(np.bincount(first, minlength=len(levels)))
    hits = np.cumsum(np.bincount(first, weights=label, minlength=len(levels)))
    shoulders = _Shoulders(starts, ends, window // 2, first, len(levels))
    areas = []
    for width in range(window + 1):
        extra = shoulders.hits(width)
        # Shoulders are no duty: their rows count among the positives, by half, where flagged.
        recall = np.minimum((hits + extra) / (hits[-1] + extra / 2), 1.0) * shoulders.found(width // 2)
        areas.append(np.sum(np.diff(recall, prepend=0.0) * (hits + extra) / flagged))
    return float(np.mean(areas))


def auc_pr(score: ArrayLike, label: ArrayLike) -> float:
    """Area under the precision–recall curve of single rows, as average precision.

    >>> auc_pr([3, 2, 1, 0], [1, 0, 1, 0])
    0.8333333333333333
    """
    score, label = _checked(score, label)
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.diff(score[order], append=-np.inf))  # of the rows that share a score
    hits = np.cumsum(label[order])[last]
    return float(np.sum(np.diff(hits, prepend=0) / hits[-1] * hits / (last + 1)))


def _checked(score: ArrayLike, label: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    scores, labels = np.asarray(score, dtype=np.float64), (np.asarray(label) > 0).astype(np.int64)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ValueError(f"scores of shape {scores.shape} for labels of shape {labels.shape}")
    if not np.isfinite(scores).all():
        raise ValueError(f"{np.sum(~np.isfinite(scores)):,} scores are not finite")
    if not labels.any():
        raise ValueError("no row is labelled as anomalous")
    return scores, labels


class _Shoulders:
    """The unlabelled rows around anomalies, in the order in which falling thresholds flag them."""

    def __init__(self, starts: Rows, ends: Rows, reach: int, first: Rows, levels: int) -> None:
        self.starts, self.ends, self.first, self.levels = starts, ends, first, levels
        steps = np.arange(1, reach + 1)
        row = np.concatenate([(starts[:, None] - steps).ravel(), (ends[:, None] + steps).ravel()])
        distance = np.tile(steps, 2 * len(starts))
        labelled = np.zeros(len(first), dtype=bool)
        for start, end in zip(starts, ends, strict=True):
            labelled[start : end + 1] = True
        kept = (row >= 0) & (row < len(first))
        kept[kept] = ~labelled[row[kept]]
        row, self.distance = row[kept], distance[kept]
        rows, place = np.unique(row, return_inverse=True)
        order = np.argsort(first[rows], kind="stable")
        self.place = np.argsort(order)[place]
        self.upto = np.searchsorted(first[rows][order], np.arange(levels), side="right")

    def hits(self, width: int) -> Floats:
        """The weight of shoulder rows that each threshold flags, for buffers of so many rows."""
        inside = self.distance <= width // 2
        weight = np.sqrt(1.0 - self.distance[inside] / max(width, 1))
        weights = np.bincount(self.place[inside], weight, minlength=len(self.place))
        return np.append(0.0, np.cumsum(np.minimum(weights, 1.0)))[self.upto]

    def found(self, half: int) -> Floats:
        """The share of anomalies, with shoulders of ``half`` rows, in which each threshold flags a row."""
        starts = np.maximum(self.starts - half, 0)
        ends = np.minimum(self.ends + half + 1, len(self.first))
        apart = starts[1:] > ends[:-1]  # shoulders that touch make one anomaly
        starts, ends = starts[np.append(True, apart)], ends[np.append(apart, True)]
        bounds = np.column_stack([starts, ends]).ravel()
        least = np.minimum.reduceat(np.append(self.first, self.levels), bounds)[::2]
        return np.cumsum(np.bincount(least, minlength=self.levels)) / len(starts)
