"""A stored result on its way out: passed through as stored, and never held whole where it is large."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from flask import Response, g, request

from oddline_api.backend import backend
from oddline_workers import results
from oddline_workers.jobs import Job

__all__ = ["deliver", "flow", "json_body"]

WHOLE_BYTES = 1 << 20
"""Up to here an answer is handed over in one block, which the server sends without a thread of ours."""


def json_body(body: bytes, status: int = 200) -> Response:
    """A small answer."""
    return Response(body, status, content_type="application/json")


def deliver(
    job: Job,
    head: bytes = b"",
    tail: bytes = b"",
    *,
    change: Callable[[Iterable[bytes]], Iterator[bytes]] | None = None,
) -> Response:
    """The stored result of a job between ``head`` and ``tail``.

    A large one occupies a thread for as long as its client takes to read it, and so needs a slot.
    A client that takes gzip gets the stored pieces as they are; ``change`` needs plain bytes, so
    it switches that off.

    Raises
    ------
    LimitError
        503, too many large results are under way.
    """
    packed = change is None and _takes_gzip()
    behind = backend()
    key = behind.store.result_key(job.id, job.attempt)
    stored = results.stream(behind.redis, key, job, head, tail, gzip=packed)
    chunks = stored.chunks if change is None else change(stored.chunks)
    if stored.content_length <= WHOLE_BYTES:
        response = Response(b"".join(chunks), content_type="application/json")
    else:
        response = flow(chunks, "application/json")
    response.headers["Vary"] = "Accept-Encoding"
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    if change is None:
        response.headers["Content-Length"] = str(stored.content_length)
    return response


def flow(chunks: Iterable[bytes], content_type: str) -> Response:
    """An answer that is handed over chunk by chunk, as its client takes it, in a slot.

    Raises
    ------
    LimitError
        503, too many large results are under way.
    """
    behind = backend()
    behind.download_slots.take(g.client)
    waiting = partial(behind.stalls.waiting, request.remote_addr or "", sending=True)
    response = Response(_sent(chunks, waiting), content_type=content_type)
    response.call_on_close(partial(behind.download_slots.release, g.client))
    return response


def _sent(chunks: Iterable[bytes], waiting: Callable[[], AbstractContextManager[Any]]) -> Iterator[bytes]:
    """The same chunks; while the client takes one, it is waited for."""
    for chunk in chunks:
        with waiting():
            yield chunk


def _takes_gzip() -> bool:
    named = "gzip" in request.environ.get("HTTP_ACCEPT_ENCODING", "")
    return named and request.accept_encodings["gzip"] > 0
