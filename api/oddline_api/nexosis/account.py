"""What a client has and may have, in the headers of every answer; and the headers for browsers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response, g
from redis.exceptions import RedisError

from oddline_api.backend import backend
from oddline_workers.datasets.quota import over_quota
from oddline_workers.telemetry import log

__all__ = ["HEADERS", "add_predictions", "require_predictions", "require_sessions", "sign"]

MONTH_SECONDS = 40 * 86_400
"""So long a month's counter of predictions is kept."""

_COUNTS = ("DataSetCount", "SessionCount", "PredictionCount")

HEADERS = (
    *(f"Nexosis-Account-{name}-{which}" for name in _COUNTS for which in ("Allotted", "Current")),
    "Nexosis-Account-DataSetSize-Allotted",
    "Nexosis-Account-Balance",
    "Nexosis-Request-Cost",
)
"""On every answer, whatever its status."""

_FOR_BROWSERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
    # The last one is a request header of the JavaScript client.
    "Access-Control-Allow-Headers": "api-key, authorization, content-type, accept, application-name, "
    "api-client-id, access-control-allow-origin",
    "Access-Control-Expose-Headers": ", ".join(
        [
            *HEADERS,
            *("Nexosis-Session-Status", "Nexosis-Import-Status", "Nexosis-Webhook-Token", "Location"),
            *("Retry-After", "x-global-transaction-id", "x-ratelimit-limit", "x-ratelimit-remaining"),
        ]
    ),
    "Access-Control-Max-Age": "600",
}
"""A page may call from anywhere: what it has to know is a key, and no browser adds one by itself."""

FREE = "0.00 USD"


def sign(response: Response) -> Response:
    """Put the headers of this dialect on an answer; one round trip, none for strangers."""
    settings, counts = backend().settings, _counts()
    allotted = (settings.max_datasets, settings.max_sessions, settings.max_predictions)
    for name, most, current in zip(_COUNTS, allotted, counts, strict=True):
        response.headers[f"Nexosis-Account-{name}-Allotted"] = str(most)
        response.headers[f"Nexosis-Account-{name}-Current"] = str(current)
    response.headers["Nexosis-Account-DataSetSize-Allotted"] = str(settings.max_dataset_bytes)
    response.headers["Nexosis-Account-Balance"] = response.headers["Nexosis-Request-Cost"] = FREE
    response.headers.update(_FOR_BROWSERS)
    return response


def require_sessions() -> None:
    """Raise LimitError (429) where the client has as many sessions as it may."""
    most = backend().settings.max_sessions
    if _counts()[1] >= most:
        raise over_quota(f"{most:,} sessions are allotted", 429)


def require_predictions() -> None:
    """Raise LimitError (429) where the client has asked for as many predictions as it may in a month."""
    most = backend().settings.max_predictions
    if _counts()[2] >= most:
        raise over_quota(f"{most:,} predictions a month are allotted", 429)


def add_predictions(rows: int) -> None:
    """Count the rows that were predicted for the client, month by month."""
    behind = backend()
    pipe = behind.redis.pipeline(transaction=False)
    pipe.incrby(_month(g.client), rows)
    pipe.expire(_month(g.client), MONTH_SECONDS)
    pipe.execute()


def _counts() -> tuple[int, ...]:
    """How many datasets and sessions the client keeps, and how many predictions it had this month."""
    client = g.get("client")
    if not client or g.get("store_away"):
        return 0, 0, 0
    behind = backend()
    pipe: Any = behind.redis.pipeline(transaction=False)
    pipe.hlen(f"{behind.store.root}datasets:{client}")
    pipe.zcard(f"{behind.store.root}owner:{client}:session")
    pipe.get(_month(client))
    try:
        return tuple(int(found or 0) for found in pipe.execute())
    except RedisError as error:
        log.warning("counts not read", error=str(error))
        return 0, 0, 0


def _month(client: str) -> str:
    return f"{backend().store.root}account:{client}:{datetime.now(UTC):%Y-%m}"
