"""The desk's side played by a thread: what a gateway asks is done here, by the real functions."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from oddline.errors import OddlineError, RunError
from oddline_workers import blobs
from oddline_workers.answering import OPS, answer
from oddline_workers.calls import call_key, calls_key, desk_key
from oddline_workers.connections import connect
from oddline_workers.settings import Settings

__all__ = ["at_desk"]

SLICE_SECONDS = 0.05


@contextmanager
def at_desk(settings: Settings) -> Iterator[None]:
    """Until the block ends, every call is answered; ``settings`` are the worker's."""
    stopped = threading.Event()
    threads = [threading.Thread(target=_serve, args=(settings, slot, stopped)) for slot in OPS]
    client, root = connect(settings, "worker"), settings.key_prefix
    for slot in OPS:
        client.set(desk_key(root, slot), "by hand")
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
        client.close()


def _serve(settings: Settings, slot: str, stopped: threading.Event) -> None:
    client, key = connect(settings, "worker"), calls_key(settings.key_prefix, slot)
    while not stopped.is_set():
        if came := client.blpop(key, timeout=SLICE_SECONDS):
            _answer(client, settings, slot, json.loads(came[1]))
    client.close()


def _answer(client: Any, settings: Settings, slot: str, told: dict[str, Any]) -> None:
    body = b""
    try:
        data = b"".join(blobs.read(client, call_key(settings.key_prefix, told["id"]), told["data"]))
        op = getattr(import_module(OPS[slot][told["op"]]), told["op"])
        head, body = op(client, settings, told["arguments"], data)
    except Exception as error:
        met = error if isinstance(error, OddlineError) else RunError(repr(error), code="internal")
        head = {"error": {**met.to_dict(), "status": met.status, "retry_after": met.retry_after}}
    answer(client, settings, told["id"], head, body)
