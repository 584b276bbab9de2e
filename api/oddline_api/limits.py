"""How often a client may call: fixed one-minute windows, counted in the shared store."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage

from oddline.errors import LimitError
from oddline_workers.settings import Settings

__all__ = ["Limiter", "Window"]


@dataclass(frozen=True)
class Window:
    """Where a client stands in its current minute; ``wait`` is set once it called too often."""

    kind: str
    limit: int
    remaining: int
    wait: int = 0

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The two headers, in API Connect's form."""
        return (
            ("x-ratelimit-limit", f"name=rate-limit-1,{self.limit};"),
            ("x-ratelimit-remaining", f"name=rate-limit-1,{self.remaining};"),
        )

    def check(self) -> None:
        """Raise LimitError (429) if the client called too often."""
        if self.wait:
            raise LimitError(
                f"More than {self.limit} {self.kind} in one minute; try again in {self.wait} s.",
                code="too_many_requests",
                status=429,
                retry_after=self.wait,
            )


class Limiter:
    """Counts each client's submits, writes and reads; all gateway processes share the counters.

    One trip to the store a request. When the store is away the request fails with 503, as
    nothing behind the doors would work either.
    """

    def __init__(self, redis: Any, settings: Settings) -> None:
        # The address is not used: the pool brings the gateway's own time-outs and retries.
        self._storage = RedisStorage(
            "redis://", connection_pool=redis.connection_pool, key_prefix=settings.key_prefix + "rate"
        )
        self._items = {
            "submits": RateLimitItemPerMinute(settings.submits_per_minute),
            "writes": RateLimitItemPerMinute(settings.writes_per_minute),
            "reads": RateLimitItemPerMinute(settings.reads_per_minute),
        }

    def count(self, client: str, kind: str) -> Window:
        """Count one call of ``kind`` (one of the three, in the plural) and say where the client stands."""
        item = self._items[kind]
        key = item.key_for(client, kind)
        used = self._storage.incr(key, item.get_expiry())
        if used <= item.amount:
            return Window(kind, item.amount, item.amount - used)
        wait = math.ceil(self._storage.get_expiry(key) - time.time())
        return Window(kind, item.amount, 0, wait=max(1, wait))
