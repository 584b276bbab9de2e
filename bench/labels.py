"""How good the labels are: every label method with its defaults, beside the best single line.

    python bench/labels.py FOLDER [--pipelines auto,DeepAD] [--methods IID,Otsu] [--track U]

The folder is one of labelled series (see :mod:`series`). A table for each pipeline: precision, recall
and F1 by event, means over the series; the share of the oracle's F1; and rows flagged outside of
labelled windows, for each thousand of them.

What counts. A labelled run is an event. Its window reaches beyond it by half the series' buffer,
but by no more than a quarter of the rows to the next event, so that half of them always stay
normal. An event is found when a flagged row lies in its window. Flagged rows outside all windows
with at most ten normal rows between them are one false event, or as many as the mean window fits
into their run: flagging everything finds every event and has the precision of a coin with that
share of heads. A series without a flag has F1 0.

The oracle draws one line through the same scores, the one that is best for the series, knowing
its labels. Scores are those a method with one line for all rows sees.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddline import detect
from oddline.catalog import LABELINGS
from oddline.labeling import merge_runs
from series import Series, read_folder

__all__ = ["Events", "count_events", "main", "measure", "oracle", "report", "windows"]

NEAR = 10
"""Flagged rows with so many normal ones between them belong to one false event."""
TARGET = 0.7
_LINES = 200

PIPELINES: dict[str, dict[str, Any]] = {
    "auto": {"algorithm_type": "auto"},
    "DeepAD": {"algorithm_type": "DeepAD"},
    "PredAD": {"algorithm_type": "PredAD"},
    "NearestNeighbor": {"algorithm_type": "WindowAD", "anomaly_estimator": "NearestNeighbor"},
    "IsolationForest": {"algorithm_type": "WindowAD", "anomaly_estimator": "IsolationForest"},
}


@dataclass(frozen=True)
class Events:
    """How some flags meet the labelled events of one series."""

    found: int
    false: int
    missed: int
    alarms: float
    """Rows flagged outside of the windows, as a share of those."""

    @property
    def precision(self) -> float:
        return self.found / max(self.found + self.false, 1)

    @property
    def recall(self) -> float:
        return self.found / max(self.found + self.missed, 1)

    @property
    def f1(self) -> float:
        return 2 * self.found / max(2 * self.found + self.false + self.missed, 1)


def windows(label: NDArray[np.int64], buffer: int) -> NDArray[np.intp]:
    """First and last row of each labelled event's window, (events, 2).

    >>> windows(np.array([0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0]), 6).tolist()
    [[1, 6], [9, 11]]
    """
    edges = np.flatnonzero(np.diff(np.r_[0, label != 0, 0].astype(np.int8)))
    first, last = edges[::2], edges[1::2] - 1
    between = (first[1:] - last[:-1] - 1) // 4
    before = np.minimum(buffer // 2, np.r_[first[:1], between])
    after = np.minimum(buffer // 2, np.r_[between, len(label) - 1 - last[-1:]])
    return np.stack([first - before, last + after], axis=1)


def count_events(flagged: NDArray[np.bool_], where: NDArray[np.intp]) -> Events:
    """Which of the windows (events, 2) hold a flag, and how many false events lie outside of them."""
    seen = np.r_[0, np.cumsum(flagged)]
    found = int(np.count_nonzero(seen[where[:, 1] + 1] > seen[where[:, 0]]))
    inside = np.zeros(len(flagged) + 1, dtype=np.int64)
    np.add.at(inside, where[:, 0], 1)
    np.add.at(inside, where[:, 1] + 1, -1)
    normal = np.cumsum(inside[:-1]) == 0
    outside = np.where(flagged & normal, -1, 1).astype(np.int8)
    usual = float(np.mean(where[:, 1] - where[:, 0] + 1))
    runs = merge_runs(outside, np.zeros(len(flagged)), NEAR)
    false = sum(int(np.ceil((last - first + 1) / usual)) for first, last, _ in runs)
    rows = max(int(normal.sum()), 1)
    return Events(found, false, len(where) - found, float((outside < 0).sum()) / rows)


def oracle(scores: NDArray[np.float64], where: NDArray[np.intp], warm_up: int) -> float:
    """The F1 of the best line: through the peaks of the events and quantiles of the scores."""
    scores = scores.copy()
    scores[:warm_up] = 0.0
    peaks = [scores[first : last + 1].max() for first, last in where]
    shares = np.geomspace(0.5 / len(scores), 0.5, _LINES)
    lines = np.unique(np.r_[np.quantile(scores, 1 - shares), np.quantile(peaks, np.linspace(0, 1, _LINES))])
    return max(count_events((scores >= line) & (scores > 0), where).f1 for line in lines)


def measure(
    series: Sequence[Series], pipeline: str, methods: Sequence[str]
) -> tuple[dict[str, list[Events]], list[float]]:
    """Each method's events on every series, and the F1 of the best line."""
    found: dict[str, list[Events]] = {method: [] for method in methods}
    best = []
    for one in series:
        detection = detect(one.values, **PIPELINES[pipeline])
        scores, where = detection.scores, windows(one.label, one.buffer)
        assert scores is not None
        best.append(oracle(scores.raw, where, scores.warm_up))
        for method, events in found.items():
            flagged = detection.relabel(method).label < 0
            events.append(count_events(flagged, where))
    return found, best


def report(pipeline: str, found: dict[str, list[Events]], best: Sequence[float]) -> float:
    """Print the table of a pipeline; the share of the oracle's F1 that its best method reaches."""
    ceiling = float(np.mean(best))
    print(f"\n{pipeline}: {len(best)} series; the best single line reaches F1 {ceiling:.3f}\n")
    print("| method | precision | recall | F1 | of the best line's | false alarms, mean | median | most |")
    print("|---|---|---|---|---|---|---|---|")
    shares = {method: np.mean([one.f1 for one in events]) / ceiling for method, events in found.items()}
    for method in sorted(shares, key=lambda name: -shares[name]):
        events = found[method]
        precision, recall, f1 = (
            np.mean([getattr(one, name) for one in events]) for name in ("precision", "recall", "f1")
        )
        alarms = 1_000 * np.array([one.alarms for one in events])
        print(
            f"| {method} | {precision:.2f} | {recall:.2f} | {f1:.3f} | {100 * shares[method]:.0f} % "
            f"| {alarms.mean():.1f} | {np.median(alarms):.1f} | {alarms.max():.1f} |",
            flush=True,
        )
    return float(max(shares.values()))


def main() -> int:
    """Measure and print; 0 where the best method reaches the target under every pipeline."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pipelines", default="auto,DeepAD,NearestNeighbor", help=", ".join(PIPELINES))
    parser.add_argument("--methods", default=",".join(one.name for one in LABELINGS))
    parser.add_argument("--track", default="UM", choices=["U", "M", "UM"])
    given = parser.parse_args()
    series = read_folder(given.folder, given.track)
    reached = [
        report(pipeline, *measure(series, pipeline, given.methods.split(",")))
        for pipeline in given.pipelines.split(",")
    ]
    return 0 if min(reached) >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
