"""What a session takes, from its submission to its end: one command, one table.

    python bench/sessions.py                    both tables, about a minute
    python bench/sessions.py --only cardio
    python bench/sessions.py --size 1000000x22  the size of the large table

Real processes on loopback: a scratch server, a gateway, two cpu workers, a janitor, a desk. Datasets are
written as an upload leaves them, before the clock starts.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import platform
import re
import statistics
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import psutil

from oddline.catalog import memory_of
from oddline_workers import blobs
from oddline_workers.app import make_app
from oddline_workers.datasets.arrays import format_numbers
from oddline_workers.datasets.catalogue import Dataset, Datasets
from oddline_workers.datasets.columnar import Segment, Table, TableWriter, pack, segment_rows
from oddline_workers.datasets.metadata import Column
from oddline_workers.jobs import Job
from oddline_workers.submit import submit
from running import Service, service, until

DATA = Path(__file__).parents[1] / "tests" / "data" / "cardio.json.gz"
MEASURE = Column("numericMeasure", "feature", "mean", "mean")
KEY = Column("numeric", "key", "zeroes", "sum")
STORE = 6 << 30
Row = tuple[str, str, str]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections: " + ", ".join(SECTIONS))
    parser.add_argument("--size", default="1000000x22", help="rows x columns of the large table")
    given = parser.parse_args()
    rows, columns = map(int, given.size.split("x"))
    told: list[Row] = []
    with service(max_memory_bytes=STORE) as running:
        for name in given.only.split(","):
            print(f"measuring {name} ...", file=sys.stderr)
            told += SECTIONS[name](running, rows, columns)
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total / 2**30
    print(f"{date.today()} · {cores} cores, {memory:.0f} GiB, Python {platform.python_version()}\n")
    print("| what | measured | target |\n|---|---|---|")
    for row in told:
        print("| " + " | ".join(row) + " |")


def cardio(running: Service, rows: int, columns: int) -> Iterator[Row]:
    """The table of the hosted service's quick start, on a worker that has done one."""
    sent = json.loads(gzip.decompress(DATA.read_bytes()))["data"]
    values = {name: np.array([float(row[name]) for row in sent]) for name in sent[0]}
    roles = {"key": KEY, "target": Column("numeric", "target", "mode", "mode")}
    keep(running, "cardio", values, {name: roles.get(name, MEASURE) for name in values})
    runs = [session(running, "cardio") for _ in range(9)]
    seconds = statistics.median(took for took, _ in runs[2:])
    share = runs[0][1].result["percentAnomalies"]
    yield f"cardio, 1,831 × 21: submit → done (anomalous {share:.4%})", f"{seconds:.2f} s", "≤ 1.5 s"


def large(running: Service, rows: int, columns: int) -> Iterator[Row]:
    """A large table of numbers with all their digits, and a key."""
    rng = np.random.default_rng(0)
    values = {f"x{n}": rng.normal(size=rows) for n in range(columns)}
    keys = {"key": np.arange(rows, dtype=float)}
    described = {**dict.fromkeys(values, MEASURE), "key": KEY}
    kept = keep(running, "large", {**values, **keys}, described)
    workers = [one.pid for one in psutil.Process(running.pids["worker-cpu"]).children()]
    idle = {pid: resident(pid, "VmRSS") for pid in workers}
    for pid in workers:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
    took, job = session(running, "large")
    peak = max(resident(pid, "VmHWM") - idle[pid] for pid in workers)
    what, guess = f"{rows:,} × {columns}", memory_of("rows", rows, columns)
    stored = job.result["stored"]
    yield f"{what}: submit → done", f"{took:.1f} s", "≤ 40 s"
    yield f"{what}: memory above an idle worker / as guessed", f"{peak / 1e6:.0f} / {guess / 1e6:.0f} MB", "–"
    yield f"{what}: dataset / result as stored", f"{kept.size / 1e6:.0f} / {stored / 1e6:.0f} MB", "–"


def session(running: Service, source: str) -> tuple[float, Job]:
    """One session to its end: seconds by the clock here, and its job."""
    store, app = running.job_store(), make_app(running.settings, "cli")
    kept = Datasets(running.store, running.settings).get(running.client_id, source)
    spec = {"dataSourceName": source, "columns": {}, "base": running.url + "/v1", "messages": []}
    begun = time.perf_counter()
    job = submit(
        store, app, owner=running.client_id, dialect="nexosis", lane="cpu", spec=spec, data=io.BytesIO(),
        filename=source, rows=kept.rows, columns=len(kept.columns), kind="session",
    )  # fmt: skip
    until(lambda: store.get(job.id).status.over)
    took = time.perf_counter() - begun
    ended = store.get(job.id)
    if ended.error:
        raise SystemExit(f"the session failed: {ended.error}")
    return took, ended


def keep(running: Service, name: str, values: dict[str, np.ndarray], columns: dict[str, Column]) -> Dataset:
    """Store a dataset as an upload would leave it."""
    datasets, root = Datasets(running.store, running.settings), running.settings.key_prefix
    rows, most = len(next(iter(values.values()))), segment_rows(len(values))
    segments: list[Segment] = []
    for start in range(0, rows, most):
        key = f"segment:{uuid.uuid4()}"
        writer = blobs.Writer(running.store, root + key)
        table, stop = TableWriter(writer, key), min(rows, start + most)
        table.add(
            {name: pack(format_numbers(cells[start:stop]), numbers=True) for name, cells in values.items()},
            stop - start,
        )
        writer.flush()
        segments += table.table().segments
    new = Dataset(running.client_id, name, columns, Table((*columns,), (*segments,)))
    stored = datasets.commit(None, new, segments)
    assert stored is not None
    return stored


def resident(pid: int, name: str) -> int:
    """``VmRSS`` or ``VmHWM`` of a process in bytes."""
    found = re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


SECTIONS = {"cardio": cardio, "large": large}

if __name__ == "__main__":
    main()
