"""The body of a request as it comes in: counted to its announced length, within a deadline."""

from __future__ import annotations

import time
from typing import IO

from oddline.errors import DataError, LimitError
from oddline_api.slots import Slots

__all__ = ["MAX_BLOCK_BYTES", "CountedStream"]

FIRST_BLOCK_BYTES, MAX_BLOCK_BYTES = 1 << 10, 1 << 18
QUICK_SECONDS = 0.1


class CountedStream:
    """The body of a request, read to exactly its announced length or refused.

    Servers hand a broken-off upload on as if it had ended, so only counting tells them apart.
    A read blocks until all it asked for is there, however slowly that comes; so blocks start
    small and grow only while they come quickly, and the deadline is looked at between them.
    """

    def __init__(self, raw: IO[bytes], length: int, seconds: float, slots: Slots | None = None) -> None:
        self._raw, self._length, self._left = raw, length, length
        self._seconds, self._deadline = seconds, time.monotonic() + seconds
        self._block = FIRST_BLOCK_BYTES
        self._slots, self._holds = slots, False

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
            raise LimitError(
                f"The upload took longer than {self._seconds:g} s; send a smaller file or use a faster line.",
                code="upload_timeout",
                status=408,
            )
        try:
            block = self._raw.read(min(size, self._left, self._block))
        except OSError:
            block = b""
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
            self._slots.release()

    def _take_slot(self) -> None:
        if self._slots is None or self._holds:
            return
        self._slots.take()
        self._holds = True
