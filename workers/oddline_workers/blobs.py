"""Blobs: payloads and results as hashes of pieces, each with its checksum in a manifest.

The store does not check what it keeps, so every piece is checked when it is read. The
manifest goes into the job's record: ``{"pieces": [[bytes, crc32], …], "stored": bytes}``,
and what the writer adds.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import redis
from redis.exceptions import ConnectionError as AwayError
from redis.exceptions import OutOfMemoryError
from redis.exceptions import TimeoutError as HangingError

from oddline.errors import JobError, RunError
from oddline_workers.store import store_full

__all__ = ["PIECE", "Writer", "read", "verified"]

PIECE = 1 << 20
"""Bytes of one piece of a payload, and what a writer holds back before it sends."""

WRITING_SECONDS = 600
"""A blob that nobody adopts disappears; admission and finishing set the time it really lives."""


class Writer:
    """Writes a blob piece by piece; the last pieces wait in ``pipe`` for the caller's own command.

    So a small blob and the step that adopts it are one round trip. As a context it takes back
    what it has written when its block fails: a full store gets its room again at once.
    """

    def __init__(self, client: redis.Redis, key: str, ttl: float = WRITING_SECONDS) -> None:
        self.client = client
        self.pipe = client.pipeline(transaction=False)
        self.pieces: list[list[int]] = []
        self.stored = 0
        self.key = key
        self._ttl = int(ttl * 1000)
        self._waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        # A store that does not answer is not asked again: there the pieces expire by themselves.
        if error is not None and not isinstance(error, AwayError | HangingError):
            self.drop()

    def add(self, piece: bytes) -> None:
        """Append one piece.

        Raises
        ------
        LimitError
            ``store_full``.
        """
        self.pipe.hset(self.key, str(len(self.pieces)), piece)
        if not self.pieces:
            self.pipe.pexpire(self.key, self._ttl)
        self.pieces.append([len(piece), zlib.crc32(piece)])
        self.stored += len(piece)
        self._waiting += len(piece)
        if self._waiting > PIECE:
            self.flush()

    def flush(self) -> None:
        """Send what waits in ``pipe``; for a blob that no command of the caller's adopts.

        Raises
        ------
        LimitError
            ``store_full``.
        """
        try:
            self.pipe.execute()
        except OutOfMemoryError as error:
            raise store_full() from error
        self._waiting = 0

    def drop(self) -> None:
        """Take back what is written."""
        self.pipe.reset()
        self.client.unlink(self.key)

    def manifest(self, **more: Any) -> dict[str, Any]:
        """What a reader needs; ``more`` is kept beside it."""
        return {"pieces": self.pieces, "stored": self.stored, **more}


def read(
    client: redis.Redis, key: str, manifest: Mapping[str, Any], head: bytes | None = None
) -> Iterator[bytes]:
    """The pieces of a blob in order, each verified.

    Parameters
    ----------
    client : redis.Redis
    key : str
    manifest : mapping
        As its writer returned it.
    head : bytes, optional
        The first piece where the caller has fetched it already.

    Raises
    ------
    JobError
        The blob has expired, before or while it was read (code ``"expired"``).
    RunError
        A piece is missing or altered (code ``"damaged"``).
    """
    for number, (length, crc) in enumerate(manifest["pieces"]):
        piece = head if number == 0 and head is not None else client.hget(key, str(number))
        if piece is None and not client.exists(key):
            raise JobError("What the job kept has expired. Submit it again.", code="expired")
        yield verified(piece, length, crc, number)


def verified(piece: Any, length: int, crc: int, number: int) -> bytes:
    """The piece, when it is the one the manifest describes."""
    if not isinstance(piece, bytes) or len(piece) != length or zlib.crc32(piece) != crc:
        raise RunError(
            f"Piece {number} of the stored data is missing or altered. Submit the job again.",
            code="damaged",
            piece=number,
        )
    return piece
