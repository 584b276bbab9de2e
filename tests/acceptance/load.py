"""Clients that submit, poll and never look away: every request that fails is told.

Half of them open a connection for each request, half keep theirs alive. Nothing is tried again behind
their backs, as comfortable clients do; a request counts as failed unless it is answered 2xx, or 503 with
``Retry-After``. A 503 is asked again, a submission under its ``Idempotency-Key``.
"""

from __future__ import annotations

import asyncio
import json
import math
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Load"]

PATIENCE = 60.0
TABLE = b"load\n" + b"".join(b"%d.%d\n" % (row % 7, row % 5) for row in range(100))
SUBMIT = "/api/v1/jobs?algorithm_type=WindowAD&anomaly_estimator=NearestNeighbor&lookback_window=5"


@dataclass
class Load:
    """So many clients of a service, from :meth:`__enter__` until :meth:`stop`.

    With ``only`` they ask for that path and submit nothing.
    """

    url: str
    headers: dict[str, str]
    only: str = ""
    clients: int = 8
    pause: float = 0.05
    jobs: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    error: BaseException | None = None

    def __enter__(self) -> Load:
        self._ending, self._deadline = threading.Event(), math.inf
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._thread.is_alive():
            self.stop(0 if error[0] else PATIENCE)

    def stop(self, patience: float = PATIENCE) -> None:
        """End when every request is answered and every job that was acknowledged is done."""
        self._deadline = time.monotonic() + patience
        self._ending.set()
        self._thread.join()
        if self.error is not None and patience:
            raise self.error

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:
            self.error = error

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self.clients):
                group.create_task(_Client(self, keeps=number % 2 == 0).run())


class _Client:
    def __init__(self, load: Load, keeps: bool) -> None:
        self.load, self.keeps = load, keeps
        self.wire: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self) -> None:
        while not self.load._ending.is_set():
            if self.load.only:
                await self.ask("GET", self.load.only)
                continue
            told = await self.ask("POST", SUBMIT, TABLE)
            self.load.jobs.append(told["id"])
            while told["status"] != "done":
                assert told["status"] not in ("error", "cancelled"), told
                told = await self.ask("GET", f"/api/v1/jobs/{told['id']}")
        self.hang_up()

    async def ask(self, method: str, path: str, body: bytes = b"") -> Any:
        """The answer, asked for until it is there."""
        key = uuid.uuid4()
        while True:
            await asyncio.sleep(self.load.pause)
            if time.monotonic() > self.load._deadline:
                raise TimeoutError(
                    f"{method} {path}: not answered, or the job not over: {self.load.failures[-3:]}"
                )
            kind = f"{'kept' if self.wire else 'fresh'} {method}"
            try:
                status, headers, answer = await asyncio.wait_for(self.exchange(method, path, body, key), 30)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.load.failures.append(f"{kind}: {error!r}")
                self.hang_up()
                continue
            self.load.answers[f"{kind} {status}"] += 1
            if not self.keeps or headers.get("connection") == "close":
                self.hang_up()
            if 200 <= status < 300:
                return json.loads(answer)
            if status != 503 or "retry-after" not in headers:
                self.load.failures.append(f"{kind}: {status} {answer[:200]!r}")

    async def exchange(
        self, method: str, path: str, body: bytes, key: uuid.UUID
    ) -> tuple[int, dict[str, str], bytes]:
        at = urlsplit(self.load.url)
        if self.wire is None:
            self.wire = await asyncio.open_connection(at.hostname, at.port)
        reader, writer = self.wire
        head = {
            **self.load.headers,
            "Host": at.netloc,
            "Idempotency-Key": str(key),
            "Connection": "keep-alive" if self.keeps else "close",
            "Content-Type": "text/csv",
            "Content-Length": str(len(body)),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest if line)
        answer = await reader.readexactly(int(headers["content-length"]))
        return int(first.split()[1]), headers, answer

    def hang_up(self) -> None:
        if self.wire is not None:
            self.wire[1].close()
            self.wire = None
