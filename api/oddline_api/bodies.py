"""The body of a request as it comes in: counted to its announced length, within a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import IO, Any

from oddline.errors import DataError, LimitError
from oddline_api.slots import Slots

__all__ = ["MAX_BLOCK_BYTES", "CountedStream"]

FIRST_BLOCK_BYTES, MAX_BLOCK_BYTES = 1 << 10, 1 << 16
QUICK_SECONDS = 0.1


class CountedStream:
    """The body of a request, read to exactly its announced length or refused.

    Servers hand a broken-off upload on as if it had ended, so only counting tells them apart.
    A read blocks until all it asked for is there, however slowly that comes; so blocks start
    small and grow only while they come quickly, and the deadline is looked at between them.

    Parameters
    ----------
    raw : binary file
        What the server gives.
    length : int
        As announced.
    seconds : float
        The deadline, from now.
    slots : Slots, optional
        One of them is held while it is read.
    client : str
        Who holds it.
    waiting : callable
        Gives the :class:`~oddline_api.stalls.Wait` that each read is put into.
    """

    def __init__(
        self,
        raw: IO[bytes],
        length: int,
        seconds: float,
        slots: Slots | None = None,
        client: str = "",
        waiting: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self._raw, self._length, self._left = raw, length, length
        self._seconds, self._deadline = seconds, time.monotonic() + seconds
        self._block = FIRST_BLOCK_BYTES
        self._slots, self._client, self._holds = slots, client, False
        self._waiting = waiting

    def read(self, size: int | None = -1) -> bytes:
        """The next block of at most ``size`` bytes, or all; b"" at the announced end.

        Raises
        ------
        DataError
            The upload broke off.
        LimitError
            408, it took too long; 503, too many uploads are under way.
        """
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(MAX_BLOCK_BYTES), b""))
        if self._left == 0 or size == 0:
            return b""
        self._take_slot()
        begun = time.monotonic()
        if begun > self._deadline:
            raise _too_slow(f"took longer than {self._seconds:g} s")
        asked = min(size, self._left, self._block)
        with self._waiting() as wait:
            try:
                block = self._raw.read(asked)
            except OSError:
                block = b""
        if len(block) < asked and wait is not None and wait.ended:
            raise _too_slow("stood still")
        if not block:
            got = self._length - self._left
            raise DataError(
                f"The upload broke off: {got} of {self._length} bytes arrived; send it again.",
                code="broken_upload",
            )
        quick = time.monotonic() - begun < QUICK_SECONDS
        self._block = min(2 * self._block, MAX_BLOCK_BYTES) if quick else FIRST_BLOCK_BYTES
        self._left -= len(block)
        if self._left == 0:
            self.close()
        return block

    def close(self) -> None:
        """Let another upload begin."""
        if self._holds and self._slots is not None:
            self._holds = False
            self._slots.release(self._client)

    def _take_slot(self) -> None:
        if self._slots is None or self._holds:
            return
        self._slots.take(self._client)
        self._holds = True


def _too_slow(what: str) -> LimitError:
    return LimitError(
        f"The upload {what}; send a smaller file or use a faster line.", code="upload_timeout", status=408
    )
