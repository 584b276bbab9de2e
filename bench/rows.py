"""Tables whose rows have no order: time, memory and predictions, beside the same forest of scikit-learn.

    python bench/rows.py                       a million rows of 22 columns and 100,000 of 200; two minutes
    python bench/rows.py --sizes 10000x1000    other tables, rows x columns

Both sides learn from all rows and score them, in turn, each in a process of its own on one core, warm: the
figure is the median of processor time, the memory the peak of the process with its imports and the table.
Distances are squared Mahalanobis distances of all rows. Then both predict, in this process, by a model of
100,000 rows. Last comes what a table takes above an idle process, its columns included, beside what
``oddline.catalog.memory_of`` makes of its size: the service refuses by it. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from judge import Judge, cores
from oddline.catalog import memory_of
from oddline.rows import RowModel, fit_rows

__all__ = ["CALLS", "table"]

Floats = NDArray[np.float64]

SIZES = "1000000x22,100000x200"
PREDICTED = (1, 10_000)
LIMIT = 300.0


def table(values: Floats) -> dict[str, Floats]:
    """The columns of an array by name."""
    return {f"c{i}": values[:, i] for i in range(values.shape[1])}


def learn(values: Floats, **more: bool) -> tuple[RowModel, dict[str, Floats]]:
    """A model of all rows."""
    columns = table(np.asfortranarray(values))
    return fit_rows(columns, kinds=dict.fromkeys(columns, "number"), **more), columns


def forest(values: Floats) -> Floats:
    return np.asarray(learn(values)[0].training_scores)


def forest_and_distances(values: Floats) -> Floats:
    model, columns = learn(values)
    return np.asarray(model.training_scores) + model.mahalanobis(columns)


def clean(values: Floats) -> Floats:
    return np.asarray(learn(values, contains_anomalies=False)[0].training_scores)


def scikit_learn(values: Floats) -> Floats:
    from sklearn.ensemble import IsolationForest

    peer = IsolationForest(contamination=0.1, random_state=0).fit(values)  # which draws the line by all rows
    return np.asarray(peer.decision_function(values))


CALLS = {
    "forest": forest,
    "forest and distances": forest_and_distances,
    "clean": clean,
    "scikit-learn": scikit_learn,
}
"""What runs in a process of its own, by name."""


def main() -> None:
    """Measure and print, or be one run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peak", nargs=2, type=int, metavar="N", help="be one run for memory: rows, columns")
    given = parser.parse_args()
    if given.peak:
        json.dump(peak(*given.peak), sys.stdout)
        return
    sizes = [tuple(map(int, size.split("x"))) for size in given.sizes.split(",")]
    print("| rows × columns | " + " | ".join(f"{name} s / MB" for name in CALLS) + " |")
    print("|---" * (1 + len(CALLS)) + "|")
    for rows, columns in sizes:
        told = " | ".join(contest(rows, columns, given.repeats))
        print(f"| {rows:,} × {columns} | {told} |", flush=True)
    print("\n| rows predicted | ours ms | scikit-learn ms |\n|---|---|---|")
    for count, ours, theirs in predictions():
        print(f"| {count:,} | {1e3 * ours:.2f} | {1e3 * theirs:.2f} |", flush=True)
    print("\n| rows × columns | peak MB | estimate MB |\n|---|---|---|")
    for rows, columns in sizes:
        taken = peak_of(rows, columns)
        print(f"| {rows:,} × {columns} | {taken / 1e6:.0f} | {memory_of('rows', rows, columns) / 1e6:.0f} |")


def drawn(rows: int, columns: int) -> Floats:
    """Rows that move together, a hundredth of them far out."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((rows, columns))
    values += values[:, :1]
    values[::100] *= 4.0
    return values


def contest(rows: int, columns: int, repeats: int) -> list[str]:
    """Seconds and megabytes of every call, in turn."""
    values = drawn(rows, columns)
    answers: dict[str, list[tuple[float, float]]] = {name: [] for name in CALLS}
    with ExitStack() as stack:
        judges = {
            name: stack.enter_context(Judge("rows.CALLS", name, core=cores()[-1], limit=LIMIT))
            for name in CALLS
        }
        for _ in range(repeats):
            for name, judge in judges.items():
                told = judge.score(values)
                if told.score is None:
                    raise SystemExit(f"{name}: {told.error}")
                answers[name].append((told.seconds, told.peak_mb))
    return [
        f"{statistics.median(seconds for seconds, _ in each):.2f} / {max(mb for _, mb in each):.0f}"
        for each in answers.values()
    ]


def predictions() -> list[tuple[int, float, float]]:
    """Seconds that both take for some rows, in turn, on one core."""
    from sklearn.ensemble import IsolationForest

    os.sched_setaffinity(0, {cores()[-1]})
    values = drawn(100_000, 22)
    model, _ = learn(values)
    peer = IsolationForest(contamination=0.1, random_state=0).fit(values)
    found = []
    for count in PREDICTED:
        some = values[:count]
        calls: list[Callable[[], object]] = [
            lambda some=some: model.score(table(some)),
            lambda some=some: peer.decision_function(some),
        ]
        times: list[list[float]] = [[], []]
        for _ in range(30):
            for call, taken in zip(calls, times, strict=True):
                begun = time.perf_counter()
                call()
                taken.append(time.perf_counter() - begun)
        found.append((count, statistics.median(times[0]), statistics.median(times[1])))
    return found


def peak_of(rows: int, columns: int) -> int:
    """What :func:`peak` tells in a process of its own."""
    words = [sys.executable, __file__, "--peak", str(rows), str(columns)]
    ended = subprocess.run(words, capture_output=True, text=True, check=True)
    return int(json.loads(ended.stdout))


def peak(rows: int, columns: int) -> int:
    """The peak in bytes above the idle process, of a table, its model, scores and distances."""
    from memory import resident

    forest_and_distances(drawn(1_000, columns))
    rng = np.random.default_rng(0)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    read = {f"c{i}": rng.standard_normal(rows) for i in range(columns)}
    model = fit_rows(read, kinds=dict.fromkeys(read, "number"))
    distances = model.mahalanobis(read)
    assert len(distances) == rows
    return resident("VmHWM") - before


if __name__ == "__main__":
    main()
