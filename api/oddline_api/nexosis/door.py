"""The blueprint of the dialect; each kind of thing hangs its routes on it."""

from __future__ import annotations

import re

from apiflask import APIBlueprint

from oddline_api.auth import guard
from oddline_api.doors import NEXOSIS
from oddline_api.nexosis.refusals import invalid

__all__ = ["bp", "identifier"]

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
