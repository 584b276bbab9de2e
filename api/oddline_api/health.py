"""Is the process alive, and could it serve?"""

from __future__ import annotations

from apiflask import APIBlueprint, Schema
from apiflask.fields import String
from flask import Response
from redis.exceptions import RedisError

from oddline_api import jsontext
from oddline_api.backend import backend
from oddline_api.streams import json_body

__all__ = ["bp"]

bp = APIBlueprint("health", __name__, tag="Health")


class Health(Schema):
    """How the gateway is."""

    status = String()
    janitor = String(metadata={"enum": ["alive", "away"], "description": "Of /readyz only."})


@bp.get("/livez")
@bp.output(Health)
def livez() -> Response:
    """Whether the process answers at all; looks at nothing else."""
    return json_body(b'{"status": "alive"}')


@bp.get("/readyz")
@bp.output(Health)
def readyz() -> Response:
    """Whether the store answers within a second and this gateway stays; 503 if not.

    Says also whether a janitor is at work. Without one jobs are taken and run all the same, but
    those of lost workers do not come back; so that calls for an alarm, not for a 503.
    """
    if backend().leaving:
        return _not_now(b'{"status": "leaving", "error": "This gateway is about to stop."}')
    try:
        janitor = "alive" if backend().probe_store.janitor_alive() else "away"
    except RedisError:
        return _not_now(b'{"status": "unavailable", "error": "The job store does not answer."}')
    return json_body(jsontext.write({"status": "ready", "janitor": janitor}))


def _not_now(body: bytes) -> Response:
    response = json_body(body, 503)
    response.headers["Retry-After"] = "1"
    return response
