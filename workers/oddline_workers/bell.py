"""How workers listen: mended where a moment without the store would deafen Celery, and watched over."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import signals
from celery.worker import state
from kombu.transport import redis, virtual
from redis.exceptions import RedisError

from oddline_workers.connections import connect
from oddline_workers.settings import Settings
from oddline_workers.store import bell_prefix
from oddline_workers.telemetry import log

__all__ = ["listen_on", "watch"]

LOOK_SECONDS = 5.0
LOOKS = 3
"""So often in a row may a worker without a job take no message while some wait."""


class Receipts(redis.QoS):
    """What was taken from the queue and not yet acknowledged; it may be no more than there are processes.

    An acknowledgement that fails is logged and passed over, but its message would stay in the count: each
    takes a process away, and the last one all messages, until the worker is started anew. Here the message is
    written off. It is of a job that is over, so that it does not matter whether it comes once more.
    """

    def ack(self, delivery_tag: str) -> None:
        with self._written_off(delivery_tag):
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        with self._written_off(delivery_tag):
            super().reject(delivery_tag, requeue=requeue)

    @contextmanager
    def _written_off(self, delivery_tag: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


def listen_on() -> None:
    """Let the workers of this program listen on after an outage of the store."""
    redis.Channel.QoS = Receipts


def watch(settings: Settings) -> None:
    """Let a worker that hears nothing, for whatever reason, make room for one that does."""
    started: list[threading.Thread] = []

    def ready(sender: Any, **_: Any) -> None:
        if not started:  # it is ready again after each outage
            lanes = [*sender.app.amqp.queues.consume_from]
            started.append(threading.Thread(target=_watch, args=(settings, lanes), name="bell", daemon=True))
            started[0].start()

    signals.worker_ready.connect(ready, weak=False)


def _watch(settings: Settings, lanes: list[str]) -> None:
    client, silent, taken = connect(settings, "janitor"), 0, 0
    while silent < LOOKS:
        time.sleep(LOOK_SECONDS)
        before, taken = taken, sum(state.total_count.values())
        try:
            waiting = sum(int(client.llen(bell_prefix(settings) + lane)) for lane in lanes)
        except RedisError:
            waiting = 0  # nobody hears anything now
        silent = silent + 1 if waiting and taken == before and not state.reserved_requests else 0
    log.error("messages wait and none is heard; this worker makes room for another", messages=waiting)
    os.kill(os.getpid(), signal.SIGTERM)
