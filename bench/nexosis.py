"""The Nexosis dialect through HTTP, beside its targets: one command, one table.

    python bench/nexosis.py            all of it, about five minutes
    python bench/nexosis.py --rows 100000

A scratch server, a gateway, two cpu workers, a desk and a janitor, here on loopback. Large tables are 22
columns of random numbers under a key, sent as CSV in batches.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from load import percentile
from running import Service, service, until
from transfers import watched

CARDIO = Path(__file__).parents[1] / "tests" / "data" / "cardio.json.gz"
BATCH = 20_000
COLUMNS = 22
Row = tuple[str, str, str]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the large table")
    given = parser.parse_args()
    with service(max_memory_bytes=3 << 30, call_seconds=60.0) as running:
        rows = []
        for row in [*cardio(running), *large(running, given.rows)]:
            print("  " + "  ".join(row), file=sys.stderr)
            rows.append(row)
    print(f"{date.today()} · {psutil.cpu_count()} cores\n\n| what | measured | target |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


@dataclass
class Door:
    """The dialect of a running service."""

    running: Service

    def __post_init__(self) -> None:
        self.http = httpx.Client(
            base_url=self.running.url + "/v1",
            headers={"api-key": self.running.headers["X-IBM-Client-Secret"]},
            timeout=120,
        )

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = self.http.request(method, path, **more)
        if answer.is_error:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer

    def train(self, name: str) -> tuple[str, float]:
        """A session from its POST to the status Completed: its id, and seconds."""
        begin = time.perf_counter()
        body = {"dataSourceName": name, "predictionDomain": "anomalies"}
        session = self.call("POST", "/sessions/model", json=body).json()["sessionId"]

        def over() -> bool:
            status = self.call("HEAD", f"/sessions/{session}").headers["nexosis-session-status"]
            if status == "Failed":
                raise SystemExit(self.call("GET", f"/sessions/{session}").text[:2000])
            return bool(status == "Completed")

        until(over, pause=0.02)
        return session, time.perf_counter() - begin


def cardio(running: Service) -> Iterator[Row]:
    """The quick start's table: trained, and asked for one row and for many."""
    door, table = Door(running), json.loads(gzip.decompress(CARDIO.read_bytes()))
    sent = timed(lambda: door.call("PUT", "/data/cardio", json=table), 3)
    yield "cardio, 1,831 × 23, PUT as JSON", f"{statistics.median(sent):.2f} s", "report"
    runs = [door.train("cardio") for _ in range(5)]
    yield (
        "cardio, POST of the session → completed",
        f"{statistics.median(s for _, s in runs):.2f} s",
        "≤ 1.5 s",
    )
    session = runs[-1][0]
    share = door.call("GET", f"/sessions/{session}/results").json()["metrics"]["percentAnomalies"]
    yield "cardio, percentAnomalies", repr(share), "0.10049153468050245"
    model = door.call("GET", f"/sessions/{session}").json()["modelId"]

    def predict(rows: list[Any]) -> None:
        answer = door.call("POST", f"/models/{model}/predict", json={"data": rows})
        assert len(answer.json()["data"]) == len(rows)

    predict(table["data"][:1])
    one = timed(lambda: predict(table["data"][:1]), 100)
    many = timed(lambda: predict((table["data"] * 6)[:10_000]), 5)
    yield "predict, one row, warm, p50 / p99", two(one), "≤ 30 ms"
    yield "predict, 10,000 rows", f"{statistics.median(many):.2f} s", "≤ 1 s"


def large(running: Service, rows: int) -> Iterator[Row]:
    """A large table in batches, read in pages and whole, trained on."""
    door, random, what = Door(running), np.random.default_rng(0), f"{rows:,} × {COLUMNS}"
    header = ",".join(["id", *(f"c{n}" for n in range(1, COLUMNS))])
    door.call("PUT", "/data/large", json={"columns": {"id": {"dataType": "numeric", "role": "key"}}})
    times = []
    for start in range(0, rows, BATCH):
        count = min(BATCH, rows - start)
        cells = random.normal(size=(count, COLUMNS - 1))
        lines = [f"{start + n}," + ",".join(map(repr, row)) for n, row in enumerate(cells.tolist())]
        body = "\n".join([header, *lines]).encode()
        begin = time.perf_counter()
        door.call("PUT", "/data/large", content=body, headers={"content-type": "text/csv"})
        times.append(time.perf_counter() - begin)
    yield f"{what}, all batches of {BATCH:,} as CSV", f"{sum(times):.1f} s", "report"
    tenth = max(1, len(times) // 10)
    first, last = statistics.median(times[:tenth]), statistics.median(times[-tenth:])
    yield "a batch, the first tenth / the last", f"{first:.2f} / {last:.2f} s", "alike"

    def page() -> None:
        at = int(random.integers(rows // 100))
        found = door.call("GET", "/data/large", params={"page": at, "pageSize": 100}).json()
        assert found["totalCount"] == rows

    yield f"{what}, a page of 100 rows, p50 / p99", two(timed(page, 50)), "≤ 50 ms"
    with watched(running) as growth:
        begin, size, lines_read = time.perf_counter(), 0, 0
        with door.http.stream("GET", "/data/large", headers={"accept": "text/csv"}) as got:
            for block in got.iter_raw():
                size += len(block)
                lines_read += block.count(b"\n")
    seconds = time.perf_counter() - begin
    yield f"{what}, all of it as CSV: rows read", f"{lines_read - 1:,}", f"{rows:,}"
    yield (
        f"{what}, all of it as CSV",
        f"{size / 1e6:.0f} MB in {seconds:.1f} s, gateway grew by {growth.peak:.0f} MB",
        "flat",
    )
    session, seconds = door.train("large")
    yield f"{what}, POST of the session → completed", f"{seconds:.1f} s", "≤ 40 s"

    def scores() -> None:
        at = int(random.integers(rows // 100))
        path = f"/sessions/{session}/results/anomalyscores"
        assert len(door.call("GET", path, params={"page": at, "pageSize": 100}).json()["data"]) == 100

    yield f"{what}, a page of 100 scores, p50 / p99", two(timed(scores, 50)), "≤ 50 ms"


def timed(does: Callable[[], Any], times: int) -> list[float]:
    """Seconds of each call."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        does()
        taken.append(time.perf_counter() - begin)
    return taken


def two(seconds: list[float]) -> str:
    """Median and 99th percentile, in milliseconds."""
    return f"{1000 * percentile(seconds, 0.5):.0f} / {1000 * percentile(seconds, 0.99):.0f} ms"


if __name__ == "__main__":
    main()
