"""Clients that never give up: each submits a table, polls its job, reads the result, and again.

Run by ``bench/endurance.py`` as a process of its own, while the service is being hurt. A request whose
connection breaks, or that is answered 503, is made again, a submission under the same ``Idempotency-Key``.
Loopback only; ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import sys
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from load import BOUNDARY, Connection, form, percentile

ROWS = 100
PATIENCE = 120.0
"""Seconds after the end of the load until the last job must be done."""
ANSWER_SECONDS = 30.0
"""A request without an answer by then is an error."""
PLAIN = "/api/v1/jobs?algorithm_type=WindowAD&anomaly_estimator=NearestNeighbor"
IBM = "/anomaly-detection/timeseries/univariate/batch"
FIELDS = {
    "time_column": "Time",
    "time_format": "None",
    "target_column": "Value",
    "algorithm_type": "WindowAD",
    "anomaly_estimator": "NearestNeighbor",
}


@dataclass
class Tally:
    """What the clients saw: seconds by endpoint of the answers that were good, and the rest counted."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    jobs: list[str] = field(default_factory=list)
    done: int = 0
    away: list[float] = field(default_factory=list)
    """Seconds until a 503."""
    broken: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


class UnwantedError(Exception):
    """An answer that no client should get."""


class Client:
    """One client: a kept connection, and the job in hand."""

    def __init__(self, connection: Connection, tally: Tally, end: float, pause: float) -> None:
        self.wire, self.tally, self.end, self.pause = connection, tally, end, pause

    async def run(self, table: str, plain: bool) -> None:
        """Jobs through one of the two doors until the time is over."""
        work = self.plain if plain else self.ibm
        await asyncio.sleep(random.random() * self.pause)
        while time.monotonic() < self.end:
            try:
                await work(table.encode())
                self.tally.done += 1
            except UnwantedError as error:
                self.tally.errors.append(str(error)[:300])
                await asyncio.sleep(self.pause)
        self.wire.close()

    async def plain(self, table: bytes) -> None:
        """Through our own door: submit, poll the job, read the result, look at the list."""
        job = (await self.ask("POST", PLAIN, "POST /api/v1/jobs", table, "text/csv"))["id"]
        self.tally.jobs.append(job)
        while True:
            await asyncio.sleep(self.pause)
            told = await self.ask("GET", f"/api/v1/jobs/{job}", "GET /api/v1/jobs/<id>")
            if told["status"] in ("done", "error", "cancelled"):
                break
        if told["status"] != "done":
            raise UnwantedError(f"job {job} ended so: {told['error']}")
        found = await self.ask("GET", f"/api/v1/jobs/{job}/result", "GET /api/v1/jobs/<id>/result")
        if len(found["rows"]) != ROWS:
            raise UnwantedError(f"job {job} has {len(found['rows'])} rows")
        await self.ask("GET", "/api/v1/jobs?limit=20", "GET /api/v1/jobs")

    async def ibm(self, table: bytes) -> None:
        """Through IBM's door: submit, and poll the result."""
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        job = (await self.ask("POST", IBM, "POST …/univariate/batch", form(FIELDS, table), kind))["jobId"]
        self.tally.jobs.append(job)
        told: dict[str, Any] = {}
        while told.get("status") != "done":
            await asyncio.sleep(self.pause)
            told = await self.ask("GET", f"/result/{job}?nan=null", "GET /result/<id>")
        if len(told["summary"].get("result", ())) != ROWS:
            raise UnwantedError(f"job {job} ended so: {str(told['summary'])[:200]}")

    async def ask(self, method: str, path: str, name: str, body: bytes = b"", kind: str = "") -> Any:
        """The good answer, asked for until it is there."""
        key = f"Idempotency-Key: {uuid.uuid4()}\r\n" if body else ""
        while time.monotonic() < self.end + PATIENCE:
            begin = time.perf_counter()
            try:
                asked = self.wire.ask(method, path, body, kind, key)
                status, answer = await asyncio.wait_for(asked, ANSWER_SECONDS)
            except TimeoutError as error:
                self.wire.close()
                raise UnwantedError(f"{name}: no answer within {ANSWER_SECONDS:g} s") from error
            except (OSError, asyncio.IncompleteReadError) as error:
                self.tally.broken[type(error).__name__] += 1
                self.wire.close()
                await asyncio.sleep(self.pause)
                continue
            seconds = time.perf_counter() - begin
            if self.wire.said.get("connection") == "close":
                self.wire.close()
            if 200 <= status < 300:
                self.tally.seconds[name].append(seconds)
                return json.loads(answer)
            if status != 503 or "retry-after" not in self.wire.said:
                raise UnwantedError(f"{name}: {status} {answer[:200]!r}")
            self.tally.away.append(seconds)
            await asyncio.sleep(float(self.wire.said["retry-after"]))
        raise UnwantedError(f"{name}: never answered well")


async def load(url: str, headers: dict[str, str], clients: int, seconds: float, pause: float) -> Tally:
    """So many clients for so many seconds, and until their last job is done."""
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise SystemExit("only against this machine")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    table = "Time,Value\n" + "".join(f"{i},{(i * 7919) % 101 / 10}\n" for i in range(ROWS))
    tally, end = Tally(), time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for place in range(clients):
            connection = Connection(parts.hostname, parts.port or 80, lines)
            group.create_task(Client(connection, tally, end, pause).run(table, place % 2 == 0))
    return tally


def main() -> None:
    """Read the request headers (with the secret) from standard input, print the tally as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--pause", type=float, default=0.5)
    given = parser.parse_args()
    tally = asyncio.run(load(given.url, json.load(sys.stdin), given.clients, given.seconds, given.pause))
    endpoints = {
        name: {"count": len(all_), "p50": percentile(all_, 0.5), "p99": percentile(all_, 0.99)}
        for name, all_ in sorted(tally.seconds.items())
    }
    told = {
        "jobs": tally.jobs,
        "done": tally.done,
        "endpoints": endpoints,
        "away": len(tally.away),
        "away_longest": max(tally.away, default=math.nan),
        "broken": tally.broken,
        "errors": tally.errors,
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
