"""The task: claim the job a message names, run it under a lease, finish it."""

from __future__ import annotations

import gc
import itertools
import os
import secrets
import socket
import time
import warnings
from collections.abc import Mapping
from typing import Any

import structlog
from billiard import pool
from billiard.einfo import ExceptionInfo
from celery import signals
from celery.exceptions import SecurityWarning, WorkerLostError
from celery.worker.request import Request
from redis.exceptions import RedisError

from oddline.errors import CancelledError, OddlineError, RunError
from oddline_workers import bell, drain, machine, memory, runner, telemetry
from oddline_workers.connections import connect
from oddline_workers.jobs import Job, LaterError, Status
from oddline_workers.lease import Lease, LostError
from oddline_workers.settings import Settings
from oddline_workers.store import LANES, JobStore
from oddline_workers.telemetry import log

__all__ = ["NAME", "Process", "register"]

NAME = "oddline.detect"
LOOK_SECONDS = 0.5
"""A worker looks this often whether its processes live."""
SPOILT = "the process makes way for a fresh one"
OUT_OF_MEMORY = RunError(
    "The job needs more memory than a worker gives to one. Send fewer rows or columns, or raise "
    "ODDLINE_JOB_MEMORY_BYTES.",
    code="out_of_memory",
)
_HOST = socket.gethostname()
_TOKEN = secrets.token_hex(8)
"""Tells workers apart whose containers share a host name and process numbers. Forks inherit it."""
_CLAIMS = itertools.count(1)


class Process:
    """What one worker process keeps from job to job: its connection, its lease, its engine."""

    def __init__(self, settings: Settings, engine: runner.Engine, **lease: Any) -> None:
        self.settings = settings
        self.engine = engine
        self.lease = Lease(settings, **lease)
        self.store = JobStore(connect(settings, "worker"), settings)
        self._starved = False

    @property
    def spoilt(self) -> bool:
        """Whether a library may have been left in pieces: cut off in an import, or out of memory there."""
        return self._starved or self.lease.interrupted

    def close(self) -> None:
        """End the keeper and the connection."""
        self.lease.stop()
        self.store.client.close()

    def work(self, job_id: str) -> str:
        """Run the job, if it is still to be run; the claim's verdict or the job's end, for the log."""
        claim = self.store.claim(job_id, f"{claimant(os.getpid())}{next(_CLAIMS)}")
        if claim.job is None:
            return claim.verdict
        job = claim.job
        self.lease.take(job)
        structlog.contextvars.bind_contextvars(jobId=job.id, attempt=job.attempt)
        begun = time.perf_counter()
        try:
            ended = self._run(job, claim.head)
            log.info("job " + ended, seconds=round(time.perf_counter() - begun, 4))
        finally:
            self.lease.drop()
            structlog.contextvars.unbind_contextvars("jobId", "attempt")
        return ended

    def _run(self, job: Job, head: bytes | None) -> str:
        """The job to its end: every error but the store's own is written into the record."""
        try:
            try:
                manifest, pipe = runner.run(
                    job, self.store.client, self.settings, self.lease.progress, engine=self.engine, head=head
                )
            finally:
                self.lease.settle()
            return self._finish(job, Status.DONE, result=manifest, pipe=pipe)
        except LostError:
            return "lost"
        except LaterError as later:
            return "put back" if self.store.release(job.id, job.attempt, wait=later.seconds) else "lost"
        except CancelledError:
            return self._finish(job, Status.CANCELLED)
        except RedisError:
            raise  # the record cannot be written; the lease runs out and the job runs again
        except Exception as error:
            if memory.ran_out(error):
                self._starved = True
                return self._fail(job, OUT_OF_MEMORY)
            if isinstance(error, OddlineError):
                return self._fail(job, error)
            log.exception("engine failed")
            return self._fail(
                job, RunError(f"The computation failed: {type(error).__name__}: {error}", code="internal")
            )

    def _fail(self, job: Job, error: OddlineError) -> str:
        return self._finish(job, Status.ERROR, error=error.to_dict())

    def _finish(self, job: Job, status: Status, **more: Any) -> str:
        return self.store.finish(job.id, job.attempt, status, **more) or "lost"


def claimant(pid: int) -> str:
    """What the names of all claims of one process begin with."""
    return f"{_HOST}:{pid}:{_TOKEN}:"


def register(app: Any, settings: Settings, engine: runner.Engine = runner.detect) -> None:
    """Give the app its task, run with ``engine``, and prepare its processes."""
    processes: dict[int, Process] = {}
    serving: dict[str, int] = {}

    def process() -> Process:
        """This process's own: a fork must share neither connection nor thread with its parent."""
        if os.getpid() not in processes:
            processes.clear()
            processes[os.getpid()] = Process(settings, engine, taps=True, serving=serving)
        return processes[os.getpid()]

    class DetectRequest(Request):
        """A message under way, seen from the parent, which outlives the process that runs it."""

        def on_failure(self, exc_info: ExceptionInfo, *args: Any, **kwargs: Any) -> Any:
            # Billiard wraps what it raised itself.
            if isinstance(getattr(exc_info.exception, "exc", exc_info.exception), WorkerLostError):
                put_back(self.worker_pid, self.args)
            return super().on_failure(exc_info, *args, **kwargs)

    def put_back(pid: int | None, args: Any) -> None:
        store = JobStore(connect(settings, "janitor"), settings)
        try:
            job = store.get(args[0])
            if pid is not None and job.worker.startswith(claimant(pid)):
                store.release(job.id, job.attempt, lost=True)
        except (RedisError, OddlineError) as error:
            log.warning("not put back; its lease will run out", jobId=args[0], error=str(error))
        finally:
            store.client.close()

    def detect(job_id: str) -> str:
        ended = process().work(job_id)
        if process().spoilt:
            raise SystemExit(SPOILT)  # reported as this job's end; another process takes this one's place
        return ended

    app.task(detect, name=NAME, Request=DetectRequest, ignore_result=True, shared=False)

    def prepare_parent(options: Mapping[str, Any], **_: Any) -> None:
        """Once, before the processes are forked: the engine, told to share the cores between them."""
        from celery.concurrency.asynpool import AsynPool  # no gateway or janitor needs it

        # A child that ends waits this often 0.1 s for its parent to read the last return value, which
        # a stopping parent may never do. Nobody needs it: what counts is in the record.
        pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 10
        # A killed process is told of a moment before it can be waited for. Celery looks once, then after
        # five seconds; until then its job waits, and the lane is a process short.
        AsynPool.timers = property(lambda self: {self.maintain_pool: LOOK_SECONDS})
        bell.listen_on()
        # Celery warns root about pickled messages. Ours are JSON and others are refused.
        warnings.filterwarnings("ignore", category=SecurityWarning)
        # A request is answered in milliseconds and a job may run for minutes: on one machine, requests first.
        os.nice(settings.worker_niceness)
        children = options.get("concurrency") or machine.cores()
        for lane in options.get("queues") or LANES:
            serving[lane] = memory.budget(settings, children)
        threads = max(1, machine.cores() // children)
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, str(threads))
        if engine is runner.detect:
            runner.load()

    def prepare_process(**_: Any) -> None:
        gc.freeze()  # what the parent imported is here to stay: no collection need look at it again
        process()
        if engine is runner.detect:
            runner.warm_up()
        memory.hold_to(max(serving.values()))

    def configure_logs(**_: Any) -> None:
        telemetry.configure(settings)

    for signal, receiver in (
        (signals.setup_logging, configure_logs),
        (signals.celeryd_init, prepare_parent),
        (signals.worker_process_init, prepare_process),
    ):
        signal.connect(receiver, weak=False)
    drain.register(settings, f":{_TOKEN}:")
    bell.watch(settings)
