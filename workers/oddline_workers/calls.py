"""Calls: what a client waits for, asked of a worker that does nothing else, and answered at once.

A job is kept, queued and done when its turn comes. A prediction, or a page of rows to be stored, is of no
use later: its asker waits for it. So the request goes to the list of a slot, a desk (see
:mod:`oddline_workers.desk`) takes it from there, and the answer comes back in a list of its own. What is not
answered in time is withdrawn. Nothing here is kept beyond a minute.
"""

from __future__ import annotations

import io
import json
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO, NamedTuple, cast

import redis
from redis.exceptions import OutOfMemoryError, RedisError

from oddline.errors import LimitError, OddlineError
from oddline_workers.blobs import PIECE, Writer
from oddline_workers.settings import Settings
from oddline_workers.store import JobStore, store_full
from oddline_workers.submit import HEADROOM, size_of

__all__ = [
    "MOST_WAITING",
    "SLOTS",
    "Answer",
    "answer_key",
    "ask",
    "call_key",
    "calls_key",
    "desk_key",
    "expect",
]

SLOTS = ("data", "predict")
"""Each is one process of every desk: a long batch of rows holds up no prediction."""

MOST_WAITING = 64
"""So many calls of a slot may wait; those beyond are refused at once."""

ON_ITS_WAY_SECONDS = 20.0
"""A desk that was expected and has not come by then is not there."""

SLICE_SECONDS = 0.5
"""A wait for the answer is asked for in slices, shorter than the patience of a connection."""


class Answer(NamedTuple):
    """What a desk says: ``head`` JSON-ready, ``body`` bytes in the form that was asked for."""

    head: dict[str, Any]
    body: bytes


def call_key(root: str, call_id: str) -> str:
    """Where the data of a call is; a call without it is withdrawn."""
    return f"{root}call:{call_id}"


def calls_key(root: str, slot: str) -> str:
    """The calls of a slot that wait, the oldest first."""
    return f"{root}calls:{slot}"


def answer_key(root: str, call_id: str) -> str:
    """Where the answer to a call comes."""
    return f"{root}answer:{call_id}"


def desk_key(root: str, slot: str) -> str:
    """There while a desk looks after the slot."""
    return f"{root}desk:{slot}"


def expect(client: redis.Redis, settings: Settings) -> None:
    """Let calls wait for a desk that is on its way, and not be refused because there is none yet."""
    with suppress(OutOfMemoryError):  # a full store takes no calls either
        for slot in SLOTS:
            client.set(desk_key(settings.key_prefix, slot), "", px=int(ON_ITS_WAY_SECONDS * 1000))


def ask(
    store: JobStore,
    slot: str,
    op: str,
    arguments: Mapping[str, Any],
    data: bytes | BinaryIO = b"",
    *,
    seconds: float | None = None,
) -> Answer:
    """Have something done by a desk, and wait for it.

    Parameters
    ----------
    store : JobStore
    slot : {"data", "predict"}
    op : str
        What is to be done, see :data:`oddline_workers.desk.OPS`.
    arguments : mapping
        JSON-ready and small.
    data : bytes or binary file
        What it is to be done with, read from where it stands to its end.
    seconds : float, optional
        How long to wait; ``Settings.call_seconds`` without it.

    Raises
    ------
    LimitError
        503 with ``retry_after``: ``no_desk``, none is at work; ``too_many_calls``, ``late``, ``store_full``.
    OddlineError
        What the desk refuses, or failed of.
    redis.exceptions.RedisError
        The store is away.
    """
    client, root = store.client, store.root
    limit = seconds or store.settings.call_seconds
    data = io.BytesIO(data) if isinstance(data, bytes) else data
    pipe = client.pipeline(transaction=False)
    pipe.exists(desk_key(root, slot))
    pipe.llen(calls_key(root, slot))
    pipe.time()
    at_work, waiting, (now, _) = pipe.execute()
    if not at_work:
        raise _no_desk()
    if waiting >= MOST_WAITING:
        raise _refused(f"{waiting} others wait for this already.", code="too_many_calls", wait=1.0)
    if not store.has_room(size_of(data), HEADROOM):
        raise store_full()
    call_id, deadline = str(uuid.uuid4()), time.monotonic() + limit
    with Writer(client, call_key(root, call_id), ttl=limit + 10) as writer:
        writer.add(data.read(PIECE))
        while piece := data.read(PIECE):
            writer.add(piece)
        told = {
            "id": call_id,
            "op": op,
            "arguments": dict(arguments),
            "due": now + limit,
            "data": writer.manifest(),
        }
        message = json.dumps(told, separators=(",", ":"))
        writer.pipe.rpush(calls_key(root, slot), message)
        try:
            writer.pipe.execute()
        except OutOfMemoryError as error:
            raise store_full() from error
    try:
        return _awaited(store, slot, call_id, message, deadline, limit)
    finally:
        # Withdrawn, where nobody has answered; else gone already. A store that is away now takes nothing of
        # what was answered, and lets it all expire.
        with suppress(RedisError):
            pipe = client.pipeline(transaction=False)
            pipe.lrem(calls_key(root, slot), 1, message)
            pipe.unlink(call_key(root, call_id), answer_key(root, call_id))
            pipe.execute()


def _awaited(store: JobStore, slot: str, call_id: str, message: str, deadline: float, limit: float) -> Answer:
    client, root = store.client, store.root
    key = answer_key(root, call_id)
    while (left := deadline - time.monotonic()) > 0:
        if came := client.blpop(key, timeout=min(SLICE_SECONDS, max(left, 0.01))):
            head, _, body = cast(bytes, came[1]).partition(b"\n")
            told = json.loads(head)
            if error := told.get("error"):
                raise _met(error)
            return Answer(told, body)
        pipe = client.pipeline(transaction=False)
        pipe.exists(desk_key(root, slot))
        pipe.exists(call_key(root, call_id))
        at_work, there = pipe.execute()
        if not there:
            if client.exists(key):
                continue  # answered in between
            raise store_full()  # its desk had no room for the answer
        # One that a leaving desk is at is answered yet; one that nobody has taken is not.
        if not at_work and client.lrem(calls_key(root, slot), 1, message):
            raise _no_desk()
    raise _refused(
        f"This took longer than {limit:g} s. Send fewer rows at a time, or raise ODDLINE_CALL_SECONDS.",
        code="late",
        wait=2.0,
    )


def _met(told: Mapping[str, Any]) -> OddlineError:
    """The error that a desk met, raised here."""
    where = {k: v for k, v in told.items() if k not in ("code", "error", "status", "retry_after")}
    return OddlineError(
        told["error"], code=told["code"], status=told["status"], retry_after=told["retry_after"], **where
    )


def _no_desk() -> LimitError:
    return _refused(
        "Nobody is there to do this at the moment; a worker-desk must run.", code="no_desk", wait=2.0
    )


def _refused(text: str, *, code: str, wait: float) -> LimitError:
    return LimitError(text, code=code, status=503, retry_after=wait)
