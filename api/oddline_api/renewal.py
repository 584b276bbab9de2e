"""``oddline restart``: each part of a running service replaced by a fresh one, in turn.

So a new release, or a new certificate, is taken up while requests go on: the fresh process is started beside
the old one, and only when it is at work the old one is asked to leave. Only the embedded server cannot
be there twice; it comes last, and requests are told to come again for the moment it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

from oddline_api.child import say
from oddline_api.guardian import SERVER

if TYPE_CHECKING:
    from oddline_api.supervisor import Supervisor

__all__ = ["renew"]

START_SECONDS = 120.0
"""A fresh process that is not at work by then is given up."""


def renew(service: Supervisor) -> Iterator[None]:
    """Replace each part in turn; yields while it waits.

    A fresh process that does not come up is ended, and the service goes on as it was.
    """
    for name in list(service.family.children):
        if not (yield from _replace(service, name)):
            say(name, "the fresh one did not come up; nothing more is renewed")
            return
        say(name, "was renewed")
    if service.server is not None:
        before = service.server.pid
        service.server.interrupt()
        while service.server.pid == before or not service.server.alive():
            yield
        say(SERVER, "was renewed")


def _replace(service: Supervisor, name: str) -> Generator[None, None, bool]:
    """One part; whether its fresh process came up."""
    fresh = service.family.start_beside(name)
    yield from _while(lambda: not (fresh.ready or fresh.ended()), START_SECONDS)
    up = fresh.ready and not fresh.ended()
    leaving = service.family.exchange() if up else fresh
    leaving.terminate()
    yield from _while(lambda: not leaving.ended(), _grace(service, name))
    service.family.bury_beside()
    return up


def _grace(service: Supervisor, name: str) -> float:
    """Seconds that one may take to leave: a gateway those of its longest request."""
    settings = service.settings
    if name == "web":
        return settings.drain_seconds + settings.upload_timeout
    return settings.shutdown_seconds + 1.0


def _while(condition: Callable[[], bool], seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while condition() and time.monotonic() < deadline:
        yield
