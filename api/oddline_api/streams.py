"""A stored result on its way out: passed through as stored, never held whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from flask import Response, request

from oddline_api.backend import backend
from oddline_workers import results
from oddline_workers.jobs import Job

__all__ = ["deliver", "json_body"]


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

    A client that takes gzip gets the stored pieces as they are; ``change`` needs plain bytes, so
    it switches that off.
    """
    packed = change is None and _takes_gzip()
    behind = backend()
    key = behind.store.result_key(job.id, job.attempt)
    stored = results.stream(behind.redis, key, job, head, tail, gzip=packed)
    chunks = stored.chunks if change is None else change(stored.chunks)
    response = Response(chunks, content_type="application/json")
    response.headers["Vary"] = "Accept-Encoding"
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    if change is None:
        response.headers["Content-Length"] = str(stored.content_length)
    return response


def _takes_gzip() -> bool:
    named = "gzip" in request.environ.get("HTTP_ACCEPT_ENCODING", "")
    return named and request.accept_encodings["gzip"] > 0
