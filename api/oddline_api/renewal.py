"""``oddline restart``: each part of a running service replaced by a fresh one, in turn.

So a new release, or a new certificate, is taken up while requests go on: the fresh process is started beside
the old one, and only when it is at work the old one is asked to leave. Only the embedded server cannot
be there twice; it comes last, and requests are told to come again for the moment it takes.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from oddline_api.child import say
from oddline_api.guardian import SERVER
from oddline_workers import private

if TYPE_CHECKING:
    from oddline_api.supervisor import Supervisor

__all__ = ["Outcome", "outcomes", "renew"]

START_SECONDS = 120.0
"""A fresh process that is not at work by then is given up."""

KEPT = 8
"""Earlier renewals that the file tells of: who waited for one may read it when the next has begun."""


@dataclass
class Outcome:
    """How a renewal goes, in a file of the data folder for ``oddline restart`` to read.

    ``process`` is the supervisor, ``number`` counts its renewals from 1, ``renewed`` are the parts so far.
    """

    process: int = 0
    number: int = 0
    renewed: tuple[str, ...] = ()
    failed: str = ""
    over: bool = False


def outcomes(data: Path, process: int) -> list[Outcome]:
    """Of the last renewals of this supervisor, the one that goes on or ended last at the end."""
    try:
        found = json.loads(_file(data).read_text())
    except FileNotFoundError:
        return []
    return [Outcome(**one) for one in found if one["process"] == process]


def renew(service: Supervisor, number: int) -> Iterator[None]:
    """Replace each part in turn; yields while it waits.

    A fresh process that does not come up is ended, and the service goes on as it was.
    """
    how = Outcome(os.getpid(), number)
    earlier = outcomes(service.server.data, how.process)[-KEPT:] if service.server else []

    def note() -> None:
        if service.server is not None:
            try:
                all_ = [asdict(one) for one in [*earlier, how]]
                private.write(_file(service.server.data), json.dumps(all_))
            except OSError as error:
                say("restart", f"cannot write how it goes: {error}")

    def renewed(name: str) -> None:
        say(name, "was renewed")
        how.renewed += (name,)
        note()

    note()
    for name in list(service.family.children):
        why = yield from _replace(service, name)
        if why is not None:
            say(name, "the fresh one did not come up; nothing more is renewed")
            how.failed, how.over = f"The fresh {name} did not come up: {why or 'it said nothing'}", True
            note()
            return
        renewed(name)
    if service.server is not None:
        before = service.server.pid
        service.server.interrupt()
        while service.server.pid == before or not service.server.alive():
            yield
        renewed(SERVER)
    how.over = True
    note()


def _file(data: Path) -> Path:
    return data / "renewal.json"


def _replace(service: Supervisor, name: str) -> Generator[None, None, str | None]:
    """One part; None where its fresh process came up, else what it said last."""
    fresh = service.family.start_beside(name)
    yield from _while(lambda: not (fresh.ready or fresh.ended()), START_SECONDS)
    up = fresh.ready and not fresh.ended()
    leaving = service.family.exchange() if up else fresh
    leaving.terminate()
    yield from _while(lambda: not leaving.ended(), _grace(service, name))
    service.family.bury_beside()
    return None if up else " / ".join(fresh.last_words)


def _grace(service: Supervisor, name: str) -> float:
    """Seconds that one may take to leave: a gateway those of its longest request, a desk those of a call."""
    settings = service.settings
    if name == "worker-desk":
        return settings.call_seconds + 1.0
    if name == "web":
        return settings.drain_seconds + settings.upload_timeout
    return settings.shutdown_seconds + 1.0


def _while(condition: Callable[[], bool], seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while condition() and time.monotonic() < deadline:
        yield
