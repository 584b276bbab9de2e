"""How a process says that it is at work: by a line of its log, whatever the level of the log."""

from __future__ import annotations

import sys

__all__ = ["READY", "say_ready"]

READY = '{"event": "ready"}'


def say_ready() -> None:
    """This process is at work."""
    print(READY, file=sys.stderr, flush=True)
