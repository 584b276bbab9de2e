"""Results: rendered once by the worker, stored compressed, streamed to every reader as they are."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import redis

from oddline.errors import JobError
from oddline_workers import blobs
from oddline_workers.deflate import HEADER, combine, deflate, inflate, trailer
from oddline_workers.jobs import Job
from oddline_workers.render import render

__all__ = ["Stream", "add", "render", "stream"]


class Stream(NamedTuple):
    """An answer's body: its exact length, and its bytes, of which nothing is computed ahead.

    ``chunks`` raises RunError (``damaged``) where a later piece turns out to be altered: the
    transfer must then be broken off, so that its reader sees it is not whole.
    """

    content_length: int
    chunks: Iterator[bytes]


def add(writer: blobs.Writer, texts: Iterable[bytes]) -> dict[str, Any]:
    """Compress the rendered texts into ``writer`` and return the manifest.

    The manifest holds beside the pieces the length and the CRC-32 of the whole text, from
    which :func:`stream` makes the frame of a gzip member around it. Of a result that cannot
    be written to its end, nothing stays in the store.

    Raises
    ------
    LimitError
        ``store_full``.
    """
    length, crc = 0, 0
    with writer:
        for text in texts:
            writer.add(deflate(text))
            length += len(text)
            crc = zlib.crc32(text, crc)
    return writer.manifest(length=length, crc32=crc)


def stream(client: redis.Redis, key: str, job: Job, head: bytes, tail: bytes, *, gzip: bool) -> Stream:
    """The stored result of a job between ``head`` and ``tail``.

    Parameters
    ----------
    client : redis.Redis
    key : str
        ``JobStore.result_key(job.id, job.attempt)``.
    job : Job
        Done.
    head, tail : bytes
        The answer's text around the result.
    gzip : bool
        Whether the reader takes ``Content-Encoding: gzip``: then the stored pieces pass
        through as they are, as one gzip member; else they are inflated on the way.

    Raises
    ------
    JobError
        The job has no result (409) or it has expired.
    RunError
        Its first piece is missing or altered: raised here, before anything is sent.
    """
    manifest = job.result
    if manifest is None:
        raise JobError(f"Job {job.id} has no result: it is {job.status}.", code="no_result", status=409)
    pieces = blobs.read(client, key, manifest)
    first = next(pieces)
    if not gzip:
        length = len(head) + manifest["length"] + len(tail)
        return Stream(length, _plain(head, first, pieces, tail))
    opening, closing = HEADER + deflate(head), deflate(tail, last=True) + _end(manifest, head, tail)
    length = len(opening) + manifest["stored"] + len(closing)
    return Stream(length, _chain(opening, first, pieces, closing))


def _end(manifest: Mapping[str, Any], head: bytes, tail: bytes) -> bytes:
    crc = combine(zlib.crc32(head), manifest["crc32"], manifest["length"])
    crc = combine(crc, zlib.crc32(tail), len(tail))
    return trailer(crc, len(head) + manifest["length"] + len(tail))


def _chain(opening: bytes, first: bytes, pieces: Iterator[bytes], closing: bytes) -> Iterator[bytes]:
    yield opening
    yield first
    yield from pieces
    yield closing


def _plain(head: bytes, first: bytes, pieces: Iterator[bytes], tail: bytes) -> Iterator[bytes]:
    yield head
    yield inflate(first)
    yield from map(inflate, pieces)
    yield tail
