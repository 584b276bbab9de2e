"""How a worker stops: it takes no new job, those that run have a grace, and the rest go back to wait.

Celery's own ways are to wait for as long as a job takes, or to sleep through a grace in a signal
handler, deaf to jobs that end, and to give way to a store that hangs. What counts here is in the
record: a worker may vanish at any moment, and the more orderly end is only there so that nobody
waits for a lease to run out.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from threading import Thread, Timer
from typing import Any

from billiard.process import active_children
from billiard.util import get_temp_dir
from celery import signals
from celery.worker import state
from redis.exceptions import RedisError

from oddline_workers.connections import connect
from oddline_workers.readiness import say_ready
from oddline_workers.settings import Settings
from oddline_workers.store import JobStore
from oddline_workers.telemetry import log

__all__ = ["register"]

LAST = 0.8
"""Seconds after the grace for handing back; a store that does not answer by then is not waited for."""


def register(settings: Settings, mark: str) -> None:
    """Let workers stop like this. ``mark`` is in the name of every claim of the worker, and of no other."""

    def ready(sender: Any, **_: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, lambda *_: _stop(sender, settings, mark))
        say_ready()

    signals.worker_ready.connect(ready, weak=False)


def _stop(consumer: Any, settings: Settings, mark: str) -> None:
    """A signal came. Celery waits for the jobs in the main thread; the end comes from another."""
    hurry = state.should_stop is not None  # it is the second signal
    state.should_stop = 0
    if consumer.task_consumer is not None:
        # A message that is on its way already is for another worker.
        consumer.task_consumer.on_message = lambda message: message.requeue()
    grace = 0.0 if hurry else settings.shutdown_seconds
    for last in (Thread(target=_drain, args=(grace, settings, mark)), Timer(grace + LAST, _leave)):
        last.daemon = True
        last.start()


def _drain(grace: float, settings: Settings, mark: str) -> None:
    """Until the jobs are over or the grace is."""
    end = time.monotonic() + grace
    while state.reserved_requests and time.monotonic() < end:
        time.sleep(0.02)
    _hand_back(settings, mark)


def _hand_back(settings: Settings, mark: str) -> None:
    """Every job that this worker still runs waits again, and the worker is gone."""
    _signal_children(signal.SIGSTOP)  # nothing is claimed or finished while we look
    store = JobStore(connect(settings, "janitor"), settings)
    try:
        if count := store.hand_back(mark):
            log.info("jobs handed back", jobs=count)
    except RedisError as error:
        log.warning("jobs not handed back; their leases will run out", error=str(error))
    _leave()


def _leave() -> None:
    _signal_children(signal.SIGKILL)
    shutil.rmtree(get_temp_dir(), ignore_errors=True)  # which Celery removes when it is given the time
    os._exit(0)


def _signal_children(number: signal.Signals) -> None:
    for child in active_children():
        with suppress(ProcessLookupError):
            os.kill(child.pid, number)
