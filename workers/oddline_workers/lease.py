"""The lease, as the worker process sees it: what it says of its job, and what it is told."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from oddline.errors import CancelledError, OddlineError, RunError
from oddline_workers import keeper
from oddline_workers.jobs import Job
from oddline_workers.settings import Settings
from oddline_workers.store import over_time
from oddline_workers.telemetry import log

__all__ = ["Lease", "LostError"]

TELL_SECONDS = 0.1
"""Progress is passed on this often at most."""
LONGEST_STAGE = 100


class LostError(RunError):
    """The job has been given to another worker: what this one computes is not wanted any more."""

    code = "lost"


@dataclass(eq=False)
class _Held:
    """One job under lease. Each has its number, so that a late answer reaches no other job."""

    number: int
    limit: float
    deadline: float
    verdict: str = "go"
    told: float = 0.0


class Lease:
    """The job at hand: :meth:`progress` is its progress callback.

    A keeper of its own (see :mod:`oddline_workers.keeper`) renews the lease from another process, whatever
    the engine does with this one. Nothing is started or woken for each job.

    Parameters
    ----------
    settings : Settings
    taps : bool
        Whether the keeper may interrupt this process with a signal when the job is to end, and end it when
        that does not help. So in worker processes; elsewhere a job learns of it at its next progress.
    serving : mapping
        The lanes this process serves and the bytes it gives to a job there, to be made known.
    """

    def __init__(
        self, settings: Settings, *, taps: bool = False, serving: Mapping[str, int] | None = None
    ) -> None:
        self._pid, self._told, self._heard = keeper.start(settings, serving or {})
        self._room = select.poll()
        self._room.register(self._told, select.POLLOUT)
        self._default_limit = settings.time_limit
        self._taps = taps
        self._count = 0
        self._held: _Held | None = None
        self._open = False
        self.interrupted = False
        """Whether a computation was cut off in its midst: what it was about may be left in pieces."""

    def take(self, job: Job) -> None:
        """Keep this job from now on; it may run for its ``time_limit``."""
        self._count += 1
        limit = job.time_limit or self._default_limit  # records of older versions have none
        self._held = _Held(self._count, limit, time.monotonic() + limit)
        if self._taps:
            signal.signal(keeper.TAP, self._tapped)
        self._say({"take": [self._count, job.id, job.attempt, limit, self._taps]})
        self._open = True

    def settle(self) -> None:
        """The job's end is being written: it is kept still, but nothing interrupts it any more."""
        self._open = False
        self._say({"ending": self._count})

    def drop(self) -> None:
        """The job is over; keep none."""
        self._open, self._held = False, None
        self._say({"drop": self._count})

    def stop(self) -> None:
        """End the keeper."""
        for pipe in (self._told, self._heard):
            os.close(pipe)
        os.waitpid(self._pid, 0)

    def progress(self, fraction: float, stage: str) -> None:
        """Called by the engine; costs next to nothing but may end the job.

        Raises
        ------
        CancelledError
            Its owner cancelled it.
        LostError
            Its lease ran out and another worker has it.
        RunError
            It ran over its ``time_limit``.
        """
        held, now = self._held, time.monotonic()
        if held is None:
            return
        if now - held.told > TELL_SECONDS:
            held.told = now
            self._say({"at": [fraction, stage[:LONGEST_STAGE]]}, wait=False)
        self._check(held)

    def _check(self, held: _Held) -> None:
        self._listen(held)
        if held.verdict == "cancel":
            raise CancelledError("The job was cancelled.")
        if held.verdict == "lost":
            raise LostError("The job was given to another worker.")
        if held.verdict == "late" or time.monotonic() > held.deadline:
            raise over_time(held.limit)

    def _tapped(self, *_: Any) -> None:
        """The keeper's signal: it ends a computation that reports no progress."""
        if self._open and self._held is not None:
            try:
                self._check(self._held)
            except OddlineError:
                self.interrupted = True
                raise

    def _listen(self, held: _Held) -> None:
        try:
            lines = os.read(self._heard, 4096)
        except BlockingIOError:
            return
        if not lines:
            self._end()
        for line in lines.decode().splitlines():
            verdict, number = line.split()
            if int(number) == held.number:
                held.verdict = verdict

    def _say(self, message: dict[str, Any], *, wait: bool = True) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        if not wait and (len(line) > keeper.LONGEST_MESSAGE or not self._room.poll(0)):
            return  # a keeper that lags behind must not hold the engine up
        try:
            os.write(self._told, line)
        except BrokenPipeError:
            self._end()

    def _end(self) -> NoReturn:
        """Without its keeper a worker process is of no use: another takes its place, and its job."""
        log.error("the keeper is gone; this worker process ends")
        os._exit(1)
