"""A bounded load of clients against a service on this machine: each submits a table and polls its job.

Run by ``bench/service.py`` as a process of its own. Plain sockets, because a comfortable HTTP
client costs more time than the gateway it measures. Loopback only; ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

BOUNDARY = "oddline-bench"


@dataclass
class Tally:
    """What the clients saw."""

    submits: list[float] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    jobs: int = 0
    errors: list[str] = field(default_factory=list)


def form(fields: dict[str, str], data: bytes) -> bytes:
    """A multipart body: the fields, then ``data_file``."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'
        for k, v in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="data_file"; filename="t.csv"\r\n\r\n'
    return "".join(parts).encode() + head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


class Connection:
    """One kept-alive connection; ``said`` are the headers of its last answer."""

    def __init__(self, host: str, port: int, headers: str) -> None:
        self.host, self.port, self.headers = host, port, headers
        self.said: dict[str, str] = {}
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "", more: str = ""
    ) -> tuple[int, bytes]:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        assert self.reader is not None
        content = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n{self.headers}{content}{more}\r\n"
        self.writer.write(head.encode() + body)
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        self.said = dict(line.split(": ", 1) for line in lines if line)
        return int(first.split()[1]), await self.reader.readexactly(int(self.said["content-length"]))

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = self.reader = None


async def client(
    connection: Connection, body: bytes, wait: float, pause: float, end: float, tally: Tally
) -> None:
    """After ``wait`` seconds submit, poll until done, and again until the time is over."""
    await asyncio.sleep(wait)
    path, kind = "/anomaly-detection/timeseries/univariate/batch", f"multipart/form-data; boundary={BOUNDARY}"
    while time.monotonic() < end:
        try:
            start = time.perf_counter()
            status, answer = await connection.ask("POST", path, body, kind)
            tally.submits.append(time.perf_counter() - start)
            if status != 200:
                raise ValueError(f"submit answered {status}: {answer[:200]!r}")
            job = json.loads(answer)["jobId"]
            while True:
                await asyncio.sleep(pause)
                start = time.perf_counter()
                status, answer = await connection.ask("GET", f"/result/{job}")
                tally.polls.append(time.perf_counter() - start)
                if status != 200:
                    raise ValueError(f"poll answered {status}: {answer[:200]!r}")
                if b'"done"' in answer[:400]:
                    if b'"error"' in answer[:1000]:
                        raise ValueError(f"job ended so: {answer[:300]!r}")
                    break
                if time.monotonic() > end + 30:
                    raise ValueError("job not done 30 s after the end")
            tally.jobs += 1
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            tally.errors.append(str(error) or type(error).__name__)
            connection.close()
            await asyncio.sleep(pause)
    connection.close()


async def load(
    url: str, headers: dict[str, str], rows: int, clients: int, seconds: float, pause: float
) -> Tally:
    """So many clients for so many seconds."""
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise SystemExit("only against this machine")
    lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    table = "Time,Value\n" + "".join(f"{i},{(i * 7919) % 101 / 10}\n" for i in range(rows))
    fields = {
        "time_column": "Time",
        "time_format": "None",
        "target_column": "Value",
        "algorithm_type": "WindowAD",
    }
    body = form({**fields, "anomaly_estimator": "NearestNeighbor"}, table.encode())
    tally, end = Tally(), time.monotonic() + seconds
    connections = [Connection(parts.hostname, parts.port or 80, lines) for _ in range(clients)]
    async with asyncio.TaskGroup() as group:
        for place, connection in enumerate(connections):
            # Spread over one pause: clients who do not know each other do not call in step.
            group.create_task(client(connection, body, pause * place / clients, pause, end, tally))
    return tally


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share of ``values`` does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def main() -> None:
    """Read the request headers (with the secret) from standard input, print the tally as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--pause", type=float, default=0.5)
    given = parser.parse_args()
    tally = asyncio.run(
        load(given.url, json.load(sys.stdin), given.rows, given.clients, given.seconds, given.pause)
    )
    with contextlib.suppress(BrokenPipeError):
        json.dump(
            {
                "jobs": tally.jobs,
                "errors": len(tally.errors),
                "first_errors": tally.errors[:3],
                "submit_p50": percentile(tally.submits, 0.5),
                "submit_p99": percentile(tally.submits, 0.99),
                "poll_p50": percentile(tally.polls, 0.5),
                "poll_p99": percentile(tally.polls, 0.99),
                "polls": len(tally.polls),
            },
            sys.stdout,
        )


if __name__ == "__main__":
    main()
