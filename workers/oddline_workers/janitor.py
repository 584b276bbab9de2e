"""The janitor: puts back the jobs of lost workers and sends messages again that got lost.

Any number may run; the one that holds the lock works.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
from typing import Any

from redis.exceptions import RedisError

from oddline_workers import telemetry
from oddline_workers.app import make_app
from oddline_workers.connections import connect
from oddline_workers.readiness import say_ready
from oddline_workers.settings import Settings, from_environment
from oddline_workers.store import JobStore
from oddline_workers.submit import publish
from oddline_workers.telemetry import log

__all__ = ["Janitor", "main"]

LOCK_SECONDS = 5.0
"""A janitor that died is replaced after this."""


class Janitor:
    """One janitor; :meth:`run` until :meth:`stop`."""

    def __init__(self, settings: Settings, app: Any = None) -> None:
        self.settings = settings
        self.store = JobStore(connect(settings, "janitor"), settings)
        self._app = app or make_app(settings, "janitor")
        self._lock = settings.key_prefix + "janitor"
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}".encode()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End after the round at hand."""
        self._stopped.set()

    def run(self) -> None:
        """A round each ``janitor_seconds``, through outages of the store."""
        away = False
        while not self._stopped.is_set():
            try:
                if self.elected():
                    self.tidy()
                if away:
                    log.info("store is back")
                away = False
            except RedisError as error:
                if not away:
                    log.warning("store is away", error=str(error))
                away = True
            self._stopped.wait(self.settings.janitor_seconds)
        self.resign()

    def elected(self) -> bool:
        """Whether this janitor holds the lock; renews it."""
        lifetime = int(1000 * max(LOCK_SECONDS, 4 * self.settings.janitor_seconds))
        if self.store.client.set(self._lock, self._name, nx=True, px=lifetime):
            log.info("janitor elected")
            return True
        # Two at once would do no harm: every step is atomic and a surplus message is refused.
        if self.store.client.get(self._lock) != self._name:
            return False
        self.store.client.pexpire(self._lock, lifetime)
        return True

    def tidy(self) -> int:
        """One round; how many messages were sent."""
        due, sent = self.store.sweep(), 0
        for lane, job_id in due:
            if not publish(self.store, self._app, lane, job_id):
                break  # the store is away; what was not sent is due again in a moment
            sent += 1
        if due:
            log.info("messages sent", due=len(due), sent=sent)
        return sent

    def resign(self) -> None:
        """Let the next one be elected at once."""
        try:
            if self.store.client.get(self._lock) == self._name:
                self.store.client.delete(self._lock)
        except RedisError:
            pass  # the lock runs out by itself


def main() -> None:
    """Run a janitor until SIGTERM or SIGINT."""
    settings = from_environment()
    telemetry.configure(settings)
    janitor = Janitor(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: janitor.stop())
    say_ready()
    janitor.run()


if __name__ == "__main__":
    main()
