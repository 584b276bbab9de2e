"""Taking a job in: payload, admission, and the message that wakes a worker."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from oddline_workers.blobs import PIECE, Writer
from oddline_workers.jobs import Job, Status
from oddline_workers.store import JobStore, store_full
from oddline_workers.telemetry import log

__all__ = ["publish", "submit"]

HEADROOM = 0.7
"""Above this share of the store's memory no job is taken in, so that running ones can end."""


def submit(
    store: JobStore,
    app: Any,
    *,
    owner: str,
    dialect: str,
    lane: str,
    spec: Mapping[str, Any],
    data: BinaryIO,
    filename: str,
) -> Job:
    """Store a job and ring its lane.

    The payload goes first, in pieces that expire by themselves; admission adopts them. When the
    message cannot be sent the job is admitted all the same and the janitor sends it.

    Parameters
    ----------
    store : JobStore
    app : celery.Celery
        From :func:`oddline_workers.app.make_app`.
    owner : str
        The client id.
    dialect : {"ibm", "plain"}
        Fixes the shape of the result.
    lane : {"cpu", "gpu"}
    spec : mapping
        Parameters of :class:`oddline.catalog.Spec`, JSON-ready.
    data : binary file
        The upload, read from where it stands to its end.
    filename : str
        As the client named it.

    Returns
    -------
    Job
        ``submitted`` or ``queued``.

    Raises
    ------
    LimitError
        ``queue_full`` or ``store_full``: 503 with ``retry_after``.
    redis.exceptions.RedisError
        The store is away; no job was taken in, or one that nobody knows of and that expires.
    """
    if not store.has_room(_size(data), HEADROOM):
        raise store_full()
    job_id = str(uuid.uuid4())
    with Writer(store.client, store.payload_key(job_id)) as writer:
        for piece in _pieces(data):
            writer.add(piece)
        job = store.admit(
            Job(
                id=job_id,
                owner=owner,
                dialect=dialect,
                lane=lane,
                spec=spec,
                # A name may hold what UTF-8 has no bytes for.
                filename=filename.encode("utf-8", "replace").decode(),
                size=writer.stored,
                payload=writer.manifest(),
            ),
            writer.pipe,
        )
    return job.evolve(status=Status.QUEUED) if publish(store, app, job.lane, job.id) else job


def publish(store: JobStore, app: Any, lane: str, job_id: str) -> bool:
    """Send the job's message, its id and nothing else; False when that failed and the janitor must."""
    try:
        app.send_task("oddline.detect", (job_id,), queue=lane, ignore_result=True)
        store.queued(job_id)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("message not sent", jobId=job_id, lane=lane, error=str(error))
        return False
    return True


def _size(data: BinaryIO) -> int:
    """Bytes from where the file stands to its end; 0 where that shows only in reading."""
    if not data.seekable():
        return 0
    here = data.tell()
    size = data.seek(0, os.SEEK_END) - here
    data.seek(here)
    return size


def _pieces(data: BinaryIO) -> Iterator[bytes]:
    """At least one piece: an empty upload is stored too, and fails where its table is read."""
    piece = data.read(PIECE)
    yield piece
    while piece := data.read(PIECE):
        yield piece
