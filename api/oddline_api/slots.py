"""Slots: how many transfers of one kind may hold a thread at a time."""

from __future__ import annotations

from threading import BoundedSemaphore

from oddline.errors import LimitError

__all__ = ["Slots"]

WAIT_SECONDS = 2.0
"""So long a transfer waits for others to end before it is turned away."""


class Slots:
    """A bounded number of transfers under one name, such as ``"uploads"``.

    Each :meth:`take` is followed by one :meth:`release`.
    """

    def __init__(self, kind: str, count: int) -> None:
        self.kind, self.count = kind, count
        self._free = BoundedSemaphore(count)

    def take(self) -> None:
        """Wait briefly for a slot.

        Raises
        ------
        LimitError
            503, none became free.
        """
        if not self._free.acquire(timeout=WAIT_SECONDS):
            raise LimitError(
                f"Too many {self.kind} are under way; try again shortly.",
                code="busy",
                status=503,
                retry_after=5.0,
            )

    def release(self) -> None:
        """Let another transfer begin."""
        self._free.release()
