"""Logs: one JSON line an event on stderr, with the job's id bound to every line of its job."""

from __future__ import annotations

import json
import logging
import sys

import orjson
import structlog

from oddline_workers.plaintext import escaped
from oddline_workers.settings import Settings

__all__ = ["configure", "log", "render"]

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(settings: Settings) -> None:
    """Send our own lines, and the warnings of every library, to stderr as JSON."""
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    # Our own lines take the short way: there is one for every job.
    structlog.configure(
        processors=[*_SHARED, structlog.processors.format_exc_info, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))


class _Stderr:
    """Writes each line whole, to whatever is standard error by then."""

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")

    debug = info = warning = error = critical = exception = msg


def _json(event: object, **_: object) -> str:
    """One line, whatever is in the values: nothing in them ends it, forges another or colours it."""
    try:
        return escaped(orjson.dumps(event, default=str).decode())
    except TypeError:  # half a character, or an integer beyond 64 bits
        return json.dumps(event, default=str)


render = structlog.processors.JSONRenderer(serializer=_json)
"""The last step of every line."""
