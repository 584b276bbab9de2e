"""The keeper: a small process beside each worker process that says its job is still being worked on.

It shares no interpreter with the engine: a computation that holds the interpreter for longer than a
lease does not starve it. It is forked before there is a job or a thread, speaks with its worker over two
pipes, and ends when the worker does, however that happens, because the kernel then closes them.
"""

from __future__ import annotations

import gc
import json
import math
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from oddline_workers.connections import connect
from oddline_workers.jobs import Status
from oddline_workers.settings import Settings
from oddline_workers.store import JobStore, over_time
from oddline_workers.telemetry import log

__all__ = ["LONGEST_MESSAGE", "TAP", "start"]

LARGEST_STEP = 0.5
"""Seconds between beats at most, so that progress and cancellation feel immediate."""
GRACE_SECONDS = 10.0
"""So long after it was tapped may a job go on before its worker process is ended."""
ANNOUNCE_SECONDS = 15.0
LONGEST_MESSAGE = 512
"""Bytes of a message at most: up to here a write to a pipe is whole or not at all, on every system."""
TAP = signal.SIGUSR2
"""What a worker process is told with that something has happened to its job."""


@dataclass(eq=False)
class _Kept:
    """The job under lease, as its worker last described it."""

    number: int
    id: str
    attempt: int
    limit: float
    taps: bool
    began: float = field(default_factory=time.monotonic)
    fraction: float = 0.0
    stage: str = ""
    verdict: str = "go"
    tapped: float | None = None
    """Since when it ought to end."""
    ending: bool = False
    """Whether its end is being written: then nothing interrupts it."""


def start(settings: Settings, serving: Mapping[str, int]) -> tuple[int, int, int]:
    """Fork a keeper for this process.

    Parameters
    ----------
    settings : Settings
    serving : mapping
        The lanes it serves and the bytes it gives to a job there, to be made known.

    Returns
    -------
    pid : int
    told, heard : int
        Descriptors: messages to the keeper, one JSON object a line, and lines from it,
        ``<verdict> <number>``.
    """
    from_worker, told = os.pipe()
    heard, to_worker = os.pipe()
    worker = os.getpid()
    pid = os.fork()
    if pid:
        os.close(from_worker)
        os.close(to_worker)
        os.set_blocking(heard, False)
        return pid, told, heard
    try:
        _stand_alone({from_worker, to_worker})
        _Keeper(settings, serving, worker, from_worker, to_worker).run()
    except BaseException:
        log.exception("the keeper failed")
    finally:
        os._exit(0)  # nothing of the worker's is to be tidied up here


def _stand_alone(pipes: set[int]) -> None:
    """Let go of all that was inherited: a pipe held open here would hide its owner's end from others."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, TAP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdout = sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115 - where logs go
    gc.freeze()  # inherited objects must not be tidied up either: their descriptors are closed below
    for name in os.listdir("/dev/fd"):
        if int(name) > 2 and int(name) not in pipes:
            with suppress(OSError):
                os.close(int(name))


class _Keeper:
    def __init__(
        self, settings: Settings, serving: Mapping[str, int], worker: int, read: int, write: int
    ) -> None:
        self._store = JobStore(connect(settings, "keeper"), settings)
        self._serving, self._name = serving, f"{socket.gethostname()}:{worker}"
        self._announced = -math.inf
        self._step = min(settings.lease_seconds / 5, LARGEST_STEP)
        self._worker, self._read, self._write = worker, read, write
        self._kept: _Kept | None = None
        self._unfinished = b""
        os.set_blocking(read, False)

    def run(self) -> None:
        """A round each step, until the worker is gone."""
        end = select.poll()
        end.register(self._read, 0)  # its closing is always told; what it holds waits for the round
        while not end.poll(1000 * self._step) and os.getppid() == self._worker:
            self._hear()
            if self._kept is not None and not _suspended(self._worker):
                self._beat(self._kept)
                self._hurry(self._kept)
            self._announce()

    def _announce(self) -> None:
        now = time.monotonic()
        if now - self._announced < ANNOUNCE_SECONDS:
            return
        self._announced = now
        with suppress(RedisError):
            for lane, budget in self._serving.items():
                self._store.announce(lane, budget, self._name)

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            while data := os.read(self._read, 1 << 16):
                *lines, self._unfinished = (self._unfinished + data).split(b"\n")
                for line in lines:
                    self._note(json.loads(line))

    def _note(self, message: dict[str, Any]) -> None:
        if "take" in message:
            self._kept = _Kept(*message["take"])
        elif self._kept is not None and "at" in message:
            self._kept.fraction, self._kept.stage = message["at"]
        elif self._kept is not None and "ending" in message:
            self._kept.ending = True
        elif "drop" in message:
            self._kept = None

    def _beat(self, kept: _Kept) -> None:
        if kept.verdict == "lost":
            return
        try:
            verdict = self._store.beat(kept.id, kept.attempt, kept.fraction, kept.stage)
        except RedisError as error:
            log.warning("no beat", jobId=kept.id, error=str(error))
            return
        if verdict != kept.verdict:
            kept.verdict = verdict
            self._tell(kept, verdict)

    def _hurry(self, kept: _Kept) -> None:
        """Tap the worker when its job ought to end, and end it when that does not help."""
        now = time.monotonic()
        late = now - kept.began > kept.limit
        if kept.ending or not (late or kept.verdict != "go"):
            return
        if kept.tapped is None:
            kept.tapped = now
            if late:
                self._tell(kept, "late")
        if not kept.taps:
            return
        if now - kept.tapped < GRACE_SECONDS:
            os.kill(self._worker, TAP)
            return
        log.error("worker process did not react and is ended", jobId=kept.id, attempt=kept.attempt)
        with suppress(RedisError):
            if kept.verdict != "lost":  # finishing turns a job that is to be cancelled into a cancelled one
                error = over_time(kept.limit).to_dict()
                self._store.finish(kept.id, kept.attempt, Status.ERROR, error=error)
        self._hear()
        if self._kept is kept:  # and not another job, which it took in the last moment
            os.kill(self._worker, signal.SIGKILL)

    def _tell(self, kept: _Kept, verdict: str) -> None:
        with suppress(BrokenPipeError):
            os.write(self._write, f"{verdict} {kept.number}\n".encode())


def _suspended(pid: int) -> bool:
    """Whether the process was stopped by a signal: it does not work then, whatever its keeper does."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    except OSError:
        return False  # no /proc here; or it is gone, which the pipe tells
