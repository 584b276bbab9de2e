"""Taking a job in, for the first time or again: payload, admission, and the message that wakes a worker."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from oddline.catalog import memory_of
from oddline.errors import JobError, LimitError, RunError
from oddline_workers.blobs import PIECE, WRITING_SECONDS, Writer
from oddline_workers.jobs import Job, Status
from oddline_workers.store import JobStore, store_full
from oddline_workers.telemetry import log

__all__ = ["HEADROOM", "publish", "retry", "size_of", "submit"]

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
    rows: int = 0,
    columns: int = 0,
    key: str = "",
    kind: str = "detect",
    after: str = "",
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
    dialect : {"ibm", "plain", "nexosis"}
        Fixes the shape of the result.
    lane : {"cpu", "gpu"}
    spec : mapping
        What is to be done, JSON-ready; of a detection the parameters of :class:`oddline.catalog.Spec`.
    data : binary file
        The upload, read from where it stands to its end.
    filename : str
        As the client named it.
    rows, columns : int
        About how many the table has: more of them may take longer, and need more memory.
    key : str
        The client's idempotency key. A call that repeats one of the last 24 hours makes no second job.
    kind : str
        One of :data:`oddline_workers.jobs.KINDS`.
    after : str
        The ids of jobs that must be over before this one starts, with spaces between.

    Returns
    -------
    Job
        ``submitted`` or ``queued``; the earlier call's job as it stands where ``key`` repeats it.

    Raises
    ------
    LimitError
        ``queue_full`` or ``store_full``: 503 with ``retry_after``. ``too_large_for_memory`` (413): no
        worker of the lane could finish it.
    ParameterError
        ``key`` was used with other data or parameters (422).
    redis.exceptions.RedisError
        The store is away; no job was taken in, or one that only its ``key`` leads to.
    """
    key = _hashed(key)
    if not (key and store.knows(owner, key)):  # what was acknowledged is not refused when asked for again
        if not store.has_room(size_of(data), HEADROOM):
            raise store_full()
        algorithm = "rows" if kind == "session" else str(spec.get("algorithm_type"))
        _require_memory(store, lane, algorithm, rows, columns)
    job_id = str(uuid.uuid4())
    request = hashlib.sha256(json.dumps([dialect, kind, spec], sort_keys=True).encode())
    with Writer(store.client, store.payload_key(job_id)) as writer:
        for piece in _pieces(data):
            writer.add(piece)
            if key:
                request.update(piece)
        fresh = Job(
            id=job_id,
            owner=owner,
            dialect=dialect,
            lane=lane,
            spec=spec,
            # A name may hold what UTF-8 has no bytes for.
            filename=filename.encode("utf-8", "replace").decode(),
            size=writer.stored,
            payload=writer.manifest(),
            cells=min(rows * columns, store.settings.max_cells),
            kind=kind,
            after=after,
        )
        job = store.admit(fresh, writer.pipe, key=key, request=request.hexdigest())
    return _acknowledged(store, app, job, ring=job.id == job_id)


def retry(store: JobStore, app: Any, job_id: str, owner: str, *, key: str = "") -> Job:
    """Do a failed job again: a new job with the same data and parameters, linked to the old one.

    Parameters
    ----------
    store, app, key
        As of :func:`submit`.
    job_id, owner : str
        The failed job, and whose it is.

    Returns
    -------
    Job
        The new one, its ``retry_of`` the old one's id.

    Raises
    ------
    JobError
        The job is not this owner's (404), has not failed (409), or its data is not kept any more (409).
    LimitError
        ``queue_full`` or ``store_full``: 503 with ``retry_after``.
    ParameterError
        ``key`` was used for another request (422).
    """
    old = store.get(job_id, owner)
    if old.status is not Status.ERROR:
        hint = " Submit its file again." if old.status is Status.CANCELLED else ""
        raise JobError(
            f"Job {old.id} is {old.status}; only a job that failed can be done again.{hint}",
            code="not_failed",
            status=409,
        )
    if old.kind != "detect":
        raise JobError(
            f"Job {old.id} is of the kind {old.kind}, whose request was not kept. Send it again.",
            code="expired",
            status=409,
        )
    key = _hashed(key)
    if not (key and store.knows(owner, key)) and not store.has_room(old.size, HEADROOM):
        raise store_full()
    fresh = Job(
        id=str(uuid.uuid4()),
        owner=owner,
        dialect=old.dialect,
        lane=old.lane,
        spec=old.spec,
        filename=old.filename,
        size=old.size,
        payload=old.payload,
        cells=old.cells,
        kind=old.kind,
        retry_of=old.id,
    )
    pipe = store.client.pipeline(transaction=False)
    pipe.copy(store.payload_key(old.id), store.payload_key(fresh.id))
    pipe.pexpire(store.payload_key(fresh.id), WRITING_SECONDS * 1000)
    try:
        job = store.admit(fresh, pipe, key=key, request="retry " + old.id)
    except RunError as error:
        raise JobError(
            f"The data of job {old.id} has expired. Submit its file again.", code="expired", status=409
        ) from error
    return _acknowledged(store, app, job, ring=job.id == fresh.id)


def _require_memory(store: JobStore, lane: str, algorithm: str, rows: int, columns: int) -> None:
    """Refuse what no worker of the lane could finish; what is only near that is left to the worker."""
    needed, there = memory_of(algorithm, rows, columns), store.budget(lane)
    if there is not None and needed > there:
        raise LimitError(
            f"The table has about {rows:,} rows of {columns:,} columns, for which {algorithm} needs about "
            f"{needed / 1e6:,.0f} MB; a worker gives {there / 1e6:,.0f} MB to a job. Send fewer rows or "
            "columns, or raise ODDLINE_JOB_MEMORY_BYTES.",
            code="too_large_for_memory",
            status=413,
        )


def _acknowledged(store: JobStore, app: Any, job: Job, *, ring: bool) -> Job:
    if ring and publish(store, app, job.lane, job.id):
        job = job.evolve(status=Status.QUEUED)
    store.await_journal()  # last: by now it mostly has it
    return job


def _hashed(key: str) -> str:
    """What of a client's key becomes part of a name in the store: nothing of its text."""
    return hashlib.sha256(key.encode()).hexdigest() if key else ""


def publish(store: JobStore, app: Any, lane: str, job_id: str) -> bool:
    """Send the job's message, its id and nothing else; False when that failed and the janitor must."""
    try:
        app.send_task("oddline.detect", (job_id,), queue=lane, ignore_result=True)
        store.queued(job_id)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("message not sent", jobId=job_id, lane=lane, error=str(error))
        return False
    return True


def size_of(data: BinaryIO) -> int:
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
