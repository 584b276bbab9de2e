"""The lease: one thread a worker process says every moment that its job is still being worked on."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from redis.exceptions import RedisError

from oddline.errors import CancelledError, RunError
from oddline_workers.jobs import Job
from oddline_workers.settings import Settings
from oddline_workers.store import JobStore, over_time
from oddline_workers.telemetry import log

__all__ = ["Lease", "LostError"]

LARGEST_STEP = 0.5
"""Seconds between beats at most, so that progress and cancellation feel immediate."""


class LostError(RunError):
    """The job has been given to another worker: what this one computes is not wanted any more."""

    code = "lost"


@dataclass(eq=False)
class _Held:
    """One job under lease. Each has its own, so that a late answer to a beat reaches no other job."""

    job: Job
    deadline: float
    fraction: float = 0.0
    stage: str = ""
    verdict: str = "go"


class Lease:
    """Beats for the job at hand; :meth:`progress` is the job's.

    The thread is started once and ticks whether or not there is a job: nothing is started or
    woken for each of them. An engine that holds the interpreter for longer than
    ``lease_seconds`` starves the thread; the job is then run again elsewhere and this
    attempt's result refused.
    """

    def __init__(self, store: JobStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._step = min(settings.lease_seconds / 5, LARGEST_STEP)
        self._held: _Held | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self._thread.start()

    def take(self, job: Job) -> None:
        """Beat for this job from now on."""
        self._held = _Held(job, time.monotonic() + self._settings.time_limit)

    def drop(self) -> None:
        """The job is over; beat for none."""
        self._held = None

    def abandon(self) -> None:
        """The job goes to another worker; the engine is told at its next progress."""
        if self._held is not None:
            self._held.verdict = "lost"

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join(timeout=5)

    def progress(self, fraction: float, stage: str) -> None:
        """Called by the engine; costs nothing but may end the job.

        Raises
        ------
        CancelledError
            Its owner cancelled it.
        LostError
            Its lease ran out and another worker has it.
        RunError
            It ran over ``time_limit``.
        """
        held = self._held
        if held is None:
            return
        held.fraction, held.stage = fraction, stage
        if held.verdict == "cancel":
            raise CancelledError("The job was cancelled.")
        if held.verdict == "lost":
            raise LostError("The job was given to another worker.")
        if time.monotonic() > held.deadline:
            raise over_time(self._settings)

    def _run(self) -> None:
        while not self._stopped.wait(self._step):
            held = self._held
            if held is None or held.verdict == "lost":
                continue
            job = held.job
            try:
                held.verdict = self._store.beat(job.id, job.attempt, held.fraction, held.stage)
            except RedisError as error:
                log.warning("no beat", jobId=job.id, error=str(error))
