"""One slot of a desk: call after call, each to its answer. Its parent is in :mod:`oddline_workers.desk`."""

from __future__ import annotations

import faulthandler
import json
import mmap
import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NoReturn

import redis
from redis.exceptions import OutOfMemoryError, RedisError

from oddline.errors import LimitError, OddlineError, RunError
from oddline_workers import blobs, machine, memory
from oddline_workers.calls import SLOTS, answer_key, call_key, calls_key
from oddline_workers.connections import connect
from oddline_workers.settings import Settings
from oddline_workers.store import store_full
from oddline_workers.telemetry import log

__all__ = ["OPS", "AtHand", "Op", "answer", "lost", "missing", "serve"]

Op = Callable[[redis.Redis, Settings, dict[str, Any], bytes], tuple[dict[str, Any], bytes]]
"""``op(client, settings, arguments, data)`` returns the head and the body of the answer."""

OPS: Mapping[str, Mapping[str, str]] = {
    "data": dict.fromkeys(("put", "delete_rows", "stats"), "oddline_workers.datasets.desk_ops"),
    "predict": {"predict": "oddline_workers.predicting"},
}
"""For each slot what it does, and the module whose function of that name does it."""

ANSWER_SECONDS = 30.0
"""An answer that nobody fetches disappears."""
SLICE_SECONDS = 0.5
ORPHAN_SECONDS = 3.0
"""Without its parent, a process ends at the latest so long after the time of its call."""


class AtHand:
    """What a slot is at, in memory that parent and child share: when the call's time is up, and its id."""

    _LAYOUT = struct.Struct("d36s")

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, self._LAYOUT.size)

    def take(self, seconds: float, call_id: str) -> None:
        """A call is begun, and may take so long."""
        self._LAYOUT.pack_into(self._shared, 0, time.monotonic() + seconds, call_id.encode())

    def drop(self) -> None:
        """It is answered."""
        self._LAYOUT.pack_into(self._shared, 0, 0.0, b"")

    def read(self) -> tuple[float, str]:
        """By :func:`time.monotonic`; zero and an empty id between calls."""
        due, call_id = self._LAYOUT.unpack_from(self._shared)
        return due, call_id.rstrip(b"\0").decode()


class TimeUp(BaseException):
    """The asker's patience is over. No error, and nothing that a call may catch."""


def serve(
    settings: Settings, slot: str, ops: Mapping[str, str], at_hand: AtHand, parent: int, tie: int
) -> NoReturn:
    """The life of a forked process: one call after the other, until its parent says or is gone.

    ``tie`` is the end of a pipe whose other end the parent alone holds.

    It ends too when a call was broken off or out of memory: a library may have been left in pieces.
    """
    stopped, code = threading.Event(), 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGALRM, _time_up)
    threading.Thread(target=_outlive, args=[tie, at_hand], daemon=True).start()
    try:
        memory.hold_to(memory.budget(settings, machine.cores()) // len(SLOTS))
        client = connect(settings, "worker")
        waiting = connect(settings, "janitor")  # of one try: it asks again and again anyway
        key = calls_key(settings.key_prefix, slot)
        whole = True
        while whole and not stopped.is_set() and os.getppid() == parent:
            try:
                came = waiting.blpop(key, timeout=SLICE_SECONDS)
            except RedisError:
                stopped.wait(SLICE_SECONDS)
                continue
            if came:
                told = json.loads(came[1])
                at_hand.take(settings.call_seconds, told["id"])
                whole = _call(client, settings, ops, told, at_hand)
                at_hand.drop()
        code = 0
    except Exception:
        log.exception("desk failed", slot=slot)
    finally:
        os._exit(code)


def _outlive(tie: int, at_hand: AtHand) -> None:
    """When the parent is gone, give the call at hand its time and no more, deaf as it may be.

    Not armed call by call: that costs a thread each, and a quick call four milliseconds now and then.
    """
    os.read(tie, 1)
    left = max(at_hand.read()[0] - time.monotonic(), 0.0)
    faulthandler.dump_traceback_later(left + ORPHAN_SECONDS, exit=True)


def _time_up(*_: Any) -> NoReturn:
    raise TimeUp


def _call(
    client: redis.Redis, settings: Settings, ops: Mapping[str, str], told: dict[str, Any], at_hand: AtHand
) -> bool:
    """One call to its answer; whether this process may do another."""
    call_id, op = told["id"], told["op"]
    key = call_key(settings.key_prefix, call_id)
    pipe = client.pipeline(transaction=False)
    pipe.exists(key)
    pipe.time()
    there, (seconds, micros) = pipe.execute()
    left = told["due"] - seconds - micros / 1e6
    if not there or left <= 0:
        return True  # nobody waits for it any more
    at_hand.take(left, call_id)
    body, whole = b"", True
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, left)
            data = b"".join(blobs.read(client, key, told["data"]))
            head, body = _function(ops, op)(client, settings, told["arguments"], data)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except TimeUp:
        head, whole = _told(LATE), False
    except RedisError as error:
        log.warning("store is away", op=op, error=str(error))
        head = _told(store_full() if isinstance(error, OutOfMemoryError) else AWAY)
    except Exception as error:
        if memory.ran_out(error):
            head, whole = _told(TOO_LARGE), False
        elif isinstance(error, OddlineError):
            head = _told(error)
        else:
            log.exception("call failed", op=op)
            head = _told(RunError(f"This failed: {type(error).__name__}.", code="internal"))
    answer(client, settings, call_id, head, body)
    return whole


def _function(ops: Mapping[str, str], name: str) -> Op:
    if name not in ops:
        raise RunError(f"No {name!r} is done here; expected one of {', '.join(ops)}.", code="internal")
    try:
        module = import_module(ops[name])
    except ModuleNotFoundError as error:
        if not missing(error, ops[name]):
            raise
        raise RunError(f"{name!r} is not part of this installation.", code="not_installed") from None
    op: Op = getattr(module, name)
    return op


def missing(error: ModuleNotFoundError, module: str) -> bool:
    """Whether this module, or a package it is in, is what is not there; and nothing that it imports."""
    return error.name is not None and f"{module}.".startswith(f"{error.name}.")


def answer(
    client: redis.Redis, settings: Settings, call_id: str, head: dict[str, Any], body: bytes = b""
) -> None:
    """Say what came of a call: a line of JSON and the body, which are one so that they come together."""
    key = answer_key(settings.key_prefix, call_id)
    pipe = client.pipeline(transaction=True)
    pipe.rpush(key, json.dumps(head, separators=(",", ":")).encode() + b"\n" + body)
    pipe.pexpire(key, int(ANSWER_SECONDS * 1000))
    try:
        try:
            pipe.execute()
        except OutOfMemoryError:
            # No word can be left, but one be taken away: without its data the asker knows.
            client.unlink(call_key(settings.key_prefix, call_id))
            raise
    except RedisError as error:
        log.warning("call not answered", error=str(error))


def lost(client: redis.Redis, settings: Settings, call_id: str) -> None:
    """Say that the process which was at a call has ended."""
    answer(client, settings, call_id, _told(LOST))


def _told(error: OddlineError) -> dict[str, Any]:
    return {"error": {**error.to_dict(), "status": error.status, "retry_after": error.retry_after}}


LATE = LimitError(
    "This took too long. Send fewer rows at a time, or raise ODDLINE_CALL_SECONDS.",
    code="late",
    status=503,
    retry_after=2.0,
)
AWAY = LimitError("The store was away meanwhile. Try again.", code="store_away", status=503, retry_after=2.0)
TOO_LARGE = LimitError(
    "This needs more memory than is given to one call. Send fewer rows at a time, or raise "
    "ODDLINE_JOB_MEMORY_BYTES.",
    code="out_of_memory",
)
LOST = LimitError(
    "The process that was at this has ended. Try again, with fewer rows if it ends again.",
    code="worker_lost",
    status=503,
    retry_after=1.0,
)
