"""Datasets: rows put in batches, changed, read by page and as CSV, and counted; without HTTP.

    python bench/datasets.py                  a million rows of 22 columns; about three minutes
    python bench/datasets.py --rows 100000    fewer

One process on an embedded server of its own. Batches are made before the clock starts. Seconds are processor
time of the process, of a page those of the wall; memory is what it has grown by at its highest, batches left
out. Linux only.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics as plain
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import redis

from oddline_workers.connections import connect
from oddline_workers.datasets import columnar
from oddline_workers.datasets.catalogue import Dataset, Datasets
from oddline_workers.datasets.deletion import delete_rows
from oddline_workers.datasets.ingest import put
from oddline_workers.datasets.statistics import statistics
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings

__all__ = ["Bench", "measure"]

BATCH, COLUMNS, OWNER = 20_000, 21, "bench"
START = datetime(2018, 1, 1)

Row = tuple[str, str, str]


class Bench:
    """A store, and batches of rows: numbers of 15 digits, and what knows the row."""

    def __init__(self, client: redis.Redis, settings: Settings, rows: int) -> None:
        self.client, self.settings, self.rows = client, settings, rows
        self.root = settings.key_prefix
        self.batch = min(BATCH, rows)
        chance = random.Random(0)
        # Of a few thousand different rows, so that making them takes no longer than storing them.
        self._rows = [[float(f"{chance.gauss(0, 1):.15g}") for _ in range(COLUMNS)] for _ in range(4_000)]

    def body(self, keys: list[Any], kind: str, **more: Any) -> bytes:
        """A batch with these keys."""
        pairs = [(self._rows[at % len(self._rows)], key) for at, key in enumerate(keys)]
        names = [f"X.{n}" for n in range(COLUMNS)]
        if kind == "csv":
            lines = [",".join([*names, "key"]), *(",".join([*map(str, row), str(key)]) for row, key in pairs)]
            return "\n".join(lines).encode()
        data = [dict(zip([*names, "key"], [*row, key], strict=True)) for row, key in pairs]
        return json.dumps({**more, "data": data}).encode()

    def put(self, name: str, body: bytes, kind: str) -> float:
        """Seconds that a batch takes."""
        begun = time.process_time()
        put(self.client, self.settings, OWNER, name, body, kind)
        return time.process_time() - begun

    def fill(self, name: str, kind: str, key: Callable[[int], Any], **more: Any) -> Iterator[Row]:
        """Put all rows, batch by batch."""
        seconds, grown = [], 0.0
        for start in range(0, self.rows, self.batch):
            body = self.body(
                [key(at) for at in range(start, start + self.batch)], kind, **(more if not start else {})
            )
            with growth() as memory:
                seconds.append(self.put(name, body, kind))
            grown = max(grown, memory["grown"])
        ends = f"{plain.median(seconds[:5]):.2f} / {plain.median(seconds[-5:]):.2f}"
        what = f"{self.rows:,} rows as {name}, {kind}, {self.batch:,} at a time"
        yield f"{what}: all", f"{sum(seconds):.1f} s", "≤ 90 s"
        yield f"{what}: first and last five, each", ends + " s", "report"
        yield f"{what}: memory grown by", f"{grown:.0f} MB", "report"

    def dataset(self, name: str) -> Dataset:
        """As it is."""
        return Datasets(self.client, self.settings).get(OWNER, name)


def measure(bench: Bench) -> Iterator[Row]:
    """The lines of the table."""
    yield from bench.fill("appended", "csv", str)
    yield from bench.fill("keyed", "json", int, columns={"key": {"role": "key"}})
    stamps = {"key": {"role": "timestamp"}}
    yield from bench.fill(
        "series", "json", lambda at: (START + timedelta(seconds=at)).isoformat(), columns=stamps
    )
    keyed = bench.dataset("keyed")
    yield "keyed: stored", f"{keyed.size / 1e6:.0f} MB in {len(keyed.table.segments)} segments", "report"
    yield from changes(bench)
    yield from reading(bench)


def changes(bench: Bench) -> Iterator[Row]:
    """Rows that replace others, and rows that go."""
    some = random.Random(1).sample(range(bench.rows), bench.batch)
    for name, keys in (
        ("1 known row", [bench.rows // 2]),
        (f"{bench.batch:,} known rows in any place", some),
    ):
        yield f"keyed: put {name}", f"{bench.put('keyed', bench.body(keys, 'json'), 'json'):.2f} s", "report"
    late = [
        (START + timedelta(seconds=at + 0.5)).isoformat()
        for at in range(bench.rows // 2, bench.rows // 2 + 100)
    ]
    yield (
        "series: put 100 rows in the midst",
        f"{bench.put('series', bench.body(late, 'json'), 'json'):.2f} s",
        "report",
    )
    yield "appended: put 1 row", f"{bench.put('appended', bench.body([1], 'json'), 'json'):.3f} s", "report"
    begun = time.process_time()
    end = (START + timedelta(seconds=bench.rows // 100)).isoformat()
    delete_rows(bench.client, bench.settings, OWNER, "series", end=end)
    yield "series: delete the first hundredth", f"{time.process_time() - begun:.2f} s", "report"


def reading(bench: Bench) -> Iterator[Row]:
    """Pages, a download, and statistics."""
    datasets, wall, own = Datasets(bench.client, bench.settings), [], []
    for _ in range(9):
        for at in (0, bench.rows // 2, bench.rows - 50):
            begun = time.perf_counter(), time.process_time()
            dataset = datasets.get(OWNER, "keyed")
            page = columnar.page(bench.client, bench.root, dataset.table, [*dataset.columns], at, at + 50)
            wall.append(time.perf_counter() - begun[0])
            own.append(time.process_time() - begun[1])
            assert len(page) == 50
    shown = f"{1000 * plain.median(wall):.0f} / {1000 * plain.median(own):.0f} ms"
    yield "page of 50 rows with the record, wall / processor", shown, "≤ 50 ms"
    with growth() as memory:
        begun = time.process_time()
        size = sum(map(len, columnar.csv_lines(bench.client, bench.root, dataset.table, [*dataset.columns])))
        took = time.process_time() - begun
    yield (
        "all rows as CSV",
        f"{size / 1e6:.0f} MB, {size / took / 1e6:.0f} MB/s, grown by {memory['grown']:.0f} MB",
        "report",
    )
    begun = time.process_time()
    statistics(bench.client, bench.settings, dataset, "X.3")
    yield "statistics of one column", f"{time.process_time() - begun:.2f} s", "≤ 1 s"


@contextmanager
def growth() -> Iterator[dict[str, float]]:
    """By how many MB this process is larger within the block at its largest."""
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    found, before = {"grown": 0.0}, _memory("VmRSS")
    yield found
    found["grown"] = max(0.0, _memory("VmHWM") - before) / 1e3


def _memory(name: str) -> float:
    [line] = [
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":")
    ]
    return float(line.split()[1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    settings = Settings(max_memory_bytes=4 << 30)
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer(Path(folder) / "data", settings) as server:
        settings = replace(settings, **server.login())
        with connect(settings, "cli") as client:
            print("| what | measured | target |\n|---|---|---|")
            for row in measure(Bench(client, settings, rows)):
                print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
