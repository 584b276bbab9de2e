"""What a job takes of a worker's memory: the peak above an idle process, by pair and size of the table.

    python bench/memory.py                       every pair, three sizes; a quarter of an hour
    python bench/memory.py --only auto,WindowAD  some algorithms
    python bench/memory.py --sizes 1000000x1     other tables, rows x columns

Each run is a process of its own that does what a worker does: take in a CSV, detect, render the result. The
last column is what ``oddline.catalog.costs`` makes of the table: the gateway refuses by it, so it should be
near the peak and seldom above it. Linux only (the peak is reset by way of /proc).
"""

from __future__ import annotations

import argparse
import io
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from oddline.catalog import ALGORITHMS, memory_of
from oddline_workers import render, runner
from oddline_workers.jobs import Job
from oddline_workers.settings import Settings

SIZES = "1000000x1,1000000x20,5000x1000"
SECONDS = 300


def main() -> None:
    """Measure and print, or be one run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(a.name for a in ALGORITHMS))
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--run", nargs=4, metavar=("ALGORITHM", "ESTIMATOR", "ROWS", "COLUMNS"))
    parser.add_argument("--table", nargs=2, type=int, metavar=("ROWS", "COLUMNS"), help="only write one")
    given = parser.parse_args()
    if given.table:
        sys.stdout.buffer.write(table(*given.table))
        return
    if given.run:
        json.dump(one(given.run[0], given.run[1], int(given.run[2]), int(given.run[3])), sys.stdout)
        return
    print("| pair | rows × columns | seconds | peak MB | bytes a cell | estimate MB |")
    print("|---|---|---|---|---|---|")
    for algorithm in ALGORITHMS:
        if algorithm.name in given.only.split(","):
            for estimator in algorithm.estimators:
                for size in given.sizes.split(","):
                    rows, columns = map(int, size.split("x"))
                    if columns >= algorithm.least_columns:
                        print(line(algorithm.name, estimator.name, rows, columns), flush=True)


def line(algorithm: str, estimator: str, rows: int, columns: int) -> str:
    """One row of the table, from a run in a process of its own."""
    words = [sys.executable, __file__, "--run", algorithm, estimator, str(rows), str(columns)]
    head = f"| {algorithm} {estimator} | {rows:,} × {columns} |"
    guess = memory_of(algorithm, rows, columns)
    try:
        ended = subprocess.run(words, capture_output=True, text=True, check=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"{head} > {SECONDS} | – | – | {guess / 1e6:.0f} |"
    seconds, peak = json.loads(ended.stdout)
    return f"{head} {seconds:.1f} | {peak / 1e6:.0f} | {peak / rows / columns:.0f} | {guess / 1e6:.0f} |"


def one(algorithm: str, estimator: str, rows: int, columns: int) -> tuple[float, int]:
    """Seconds of processor time and the peak in bytes above the idle process, of one table."""
    spec = {"algorithm_type": algorithm, "anomaly_estimator": estimator}
    job = Job("", "", "plain", "cpu", spec, "t.csv")
    settings = Settings(max_rows=10**9, max_columns=10**6, max_cells=10**12, max_unpacked_bytes=1 << 40)
    work(table(1_000, max(columns, 2)), job, settings)  # what is loaded at the first job stays
    words = [sys.executable, __file__, "--table", str(rows), str(columns)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as maker:
        assert maker.stdout is not None
        before = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        begun = time.process_time()
        work(maker.stdout.read(), job, settings)
    return time.process_time() - begun, resident("VmHWM") - before


def work(data: bytes, job: Job, settings: Settings) -> None:
    """A job without its store."""
    found = runner.detect(data, job, settings, lambda fraction, stage: None)
    for _ in render.render(found, "plain"):
        pass


def table(rows: int, columns: int) -> bytes:
    """A CSV of waves in noise, minute by minute."""
    rng = np.random.default_rng(0)
    wave = np.sin(np.arange(rows)[:, None] / (7 + np.arange(columns)))
    values = np.round(wave + 0.1 * rng.standard_normal((rows, columns)), 4)
    times = np.datetime64("2020-01-01T00:00") + np.arange(rows)
    text = io.StringIO()
    text.write("time," + ",".join(f"c{c}" for c in range(columns)) + "\n")
    for start in range(0, rows, 10_000):
        block = values[start : start + 10_000].tolist()
        for at, row in zip(times[start : start + 10_000].astype(str), block, strict=True):
            text.write(at + "," + ",".join(map(repr, row)) + "\n")
    return text.getvalue().encode()


def resident(name: str) -> int:
    """``VmRSS`` or ``VmHWM`` of this process in bytes."""
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()
