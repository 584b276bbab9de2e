"""What a session takes, from its request to its end: one command, one table.

    python bench/sessions.py                    both tables, about a minute
    python bench/sessions.py --only cardio
    python bench/sessions.py --size 1000000x22  the size of the large table

Real processes on loopback: a scratch server, a gateway, two cpu workers, a janitor, a desk. Sessions are
asked for and waited for through HTTP. The large dataset is written as an upload leaves it, before the clock
starts.
"""

from __future__ import annotations

import argparse
import gzip
import platform
import re
import statistics
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import numpy as np
import psutil

from oddline.catalog import memory_of
from oddline_workers import blobs
from oddline_workers.datasets.arrays import format_numbers
from oddline_workers.datasets.catalogue import Dataset, Datasets
from oddline_workers.datasets.columnar import Segment, Table, TableWriter, pack, segment_rows
from oddline_workers.datasets.metadata import Column
from oddline_workers.jobs import Job
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
    with httpx.Client(base_url=running.url + "/v1", headers=key_of(running), timeout=30) as client:
        kind = {"Content-Type": "application/json"}
        client.put(
            "/data/cardio", content=gzip.decompress(DATA.read_bytes()), headers=kind
        ).raise_for_status()
    runs = [session(running, "cardio") for _ in range(9)]
    seconds = statistics.median(took for took, _ in runs[2:])
    share = runs[0][1].result["percentAnomalies"]
    yield f"cardio, 1,831 × 21: POST → completed (anomalous {share:.4%})", f"{seconds:.2f} s", "≤ 1.5 s"


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
    yield f"{what}: POST → completed", f"{took:.1f} s", "≤ 40 s"
    yield f"{what}: memory above an idle worker / as guessed", f"{peak / 1e6:.0f} / {guess / 1e6:.0f} MB", "–"
    yield f"{what}: dataset / result as stored", f"{kept.size / 1e6:.0f} / {stored / 1e6:.0f} MB", "–"


def session(running: Service, source: str) -> tuple[float, Job]:
    """One session, as a client asks for it and waits: seconds by the clock here, and its job."""
    with httpx.Client(base_url=running.url + "/v1", headers=key_of(running), timeout=30) as client:
        asked = {"dataSourceName": source, "predictionDomain": "anomalies"}
        begun = time.perf_counter()
        answer = client.post("/sessions/model", json=asked).raise_for_status().json()

        def over() -> bool:
            answer.update(client.get(f"/sessions/{answer['sessionId']}").raise_for_status().json())
            return answer["status"] not in ("requested", "started")

        until(over, pause=0.01)
        took = time.perf_counter() - begun
    if answer["status"] != "completed":
        raise SystemExit(f"the session ended {answer['status']}: {answer['messages']}")
    return took, running.job_store().get(answer["sessionId"])


def key_of(running: Service) -> dict[str, str]:
    """The header that says who the client is."""
    return {"api-key": running.headers["X-IBM-Client-Secret"]}


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
