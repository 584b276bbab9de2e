"""Callbacks: telling an address of a client's that a session of its is over."""

from __future__ import annotations

import json
from typing import Any

import redis

from oddline.errors import DataError, JobError, LimitError, RunError
from oddline.progress import Progress
from oddline_workers import blobs, outbound
from oddline_workers.jobs import Job, LaterError
from oddline_workers.records import Records
from oddline_workers.sessions.document import describe
from oddline_workers.settings import Settings

__all__ = ["WAITS", "work"]

WAITS = (2.0, 10.0, 30.0, 120.0, 600.0)
"""Seconds before each further try; after the last one there is none."""


def work(
    job: Job, client: redis.Redis, settings: Settings, progress: Progress, data: bytes
) -> tuple[dict[str, Any], Any]:
    """Post the session that ``job.spec`` names, as it is now, to the address that it names.

    The token that goes with it is the payload: it is gone with the job's end.

    Any status of 2xx ends it well, and so does a session that was deleted.

    Raises
    ------
    LaterError
        Nobody answered, or with another status; another try is due.
    RunError
        Nobody did after all tries (code ``"not_delivered"``).
    ParameterError
        The address is none, or leads to where clients may not.
    """
    writer = blobs.Writer(client, f"{settings.key_prefix}result:{job.id}:{job.attempt}")
    try:
        session = Records(client, settings).get(job.spec["session"], job.owner)
    except JobError:
        return writer.manifest(told=False), writer.pipe
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Nexosis-Webhook-Token": data.decode(),
    }
    body = json.dumps(describe(session, session.spec["base"]), separators=(",", ":")).encode()
    progress(0.5, "posting")
    try:
        status = outbound.post(job.spec["url"], body, headers, settings)
        why = f"it answered {status}"
    except (DataError, LimitError) as error:  # an address that is refused now is refused for ever
        status, why = 0, error.message
    if status // 100 == 2:
        return writer.manifest(told=True), writer.pipe
    tried = job.attempt - job.losses
    if tried <= len(WAITS):
        raise LaterError(WAITS[tried - 1])
    raise RunError(
        f"The callback address did not take the session after {tried} tries: {why}", code="not_delivered"
    )
