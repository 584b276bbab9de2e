"""What stands behind the doors: settings, the store's connection, the job store, the queue."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from flask import current_app
from redis.backoff import NoBackoff
from redis.retry import Retry

from oddline_api.limits import Limiter
from oddline_api.slots import Slots
from oddline_api.stalls import Stalls
from oddline_workers.connections import connect
from oddline_workers.datasets.catalogue import Datasets
from oddline_workers.models import Models
from oddline_workers.settings import Settings
from oddline_workers.store import JobStore

__all__ = ["Backend", "backend"]


class Backend:
    """The parts one gateway process shares between its requests. Opens no connection by itself."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.leaving = False
        self.redis = connect(settings, "gateway")
        self.probe = connect(settings, "gateway")
        self.probe.set_retry(Retry(NoBackoff(), 0))  # health wants to know now
        self.store = JobStore(self.redis, settings)
        self.probe_store = JobStore(self.probe, settings)
        self.datasets = Datasets(self.redis, settings)
        self.models = Models(self.redis, settings)
        self.limiter = Limiter(self.redis, settings)
        # A client that sends or reads slowly holds its thread meanwhile. Uploads and large downloads
        # may therefore have three eighths of the threads each; the last quarter is for everything else.
        share = max(1, 3 * settings.gateway_threads // 8)
        self.upload_slots, self.download_slots = Slots("uploads", share), Slots("downloads", share)
        self.stalls = Stalls(settings.port, settings.stall_timeout)

    @cached_property
    def queue(self) -> Any:
        """The Celery app that jobs are published with; imported at the first submit, as it is large."""
        from oddline_workers.app import make_app

        return make_app(self.settings, "gateway")

    def warm(self) -> None:
        """Import what the first submit needs, so that it is not the one to wait."""
        _ = self.queue

    def close(self) -> None:
        """Give the connections back."""
        self.stalls.close()
        self.redis.close()
        self.probe.close()
        if "queue" in self.__dict__:
            self.queue.close()


def backend() -> Backend:
    """The backend of the app that answers this request."""
    found: Backend = current_app.extensions["oddline"]
    return found
