"""The blueprint of the dialect; each kind of thing hangs its routes on it."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from apiflask import APIBlueprint
from flask import g

from oddline_api.auth import guard
from oddline_api.backend import backend
from oddline_api.doors import NEXOSIS
from oddline_api.nexosis.refusals import invalid
from oddline_workers.jobs import Job
from oddline_workers.submit import submit

__all__ = ["bp", "identifier", "submit_job"]

bp = APIBlueprint("nexosis", __name__, url_prefix=NEXOSIS, tag="Nexosis dialect")
bp.before_request(guard)

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def identifier(name: str, text: str) -> str:
    """The id of a path, which must be a GUID.

    Raises
    ------
    ParameterError
        It is none; filed under ``name``.
    """
    if not _GUID.fullmatch(text):
        raise invalid({name: f"got {text[:60]!r}; expected a GUID."})
    return text


def submit_job(kind: str, spec: Mapping[str, Any], data: bytes, filename: str, **more: Any) -> Job:
    """Make a job of what was asked for; it raises, and ``more`` is, as of :func:`.submit.submit`."""
    behind = backend()
    return submit(
        behind.store,
        behind.queue,
        owner=g.client,
        dialect="nexosis",
        lane="cpu",
        kind=kind,
        spec=spec,
        data=io.BytesIO(data),
        filename=filename,
        **more,
    )
