"""Slots: how many transfers of one kind may hold a thread at a time, and how many of one client."""

from __future__ import annotations

from collections import Counter
from threading import Condition

from oddline.errors import LimitError

__all__ = ["Slots"]

WAIT_SECONDS = 2.0
"""So long a transfer waits for others to end before it is turned away."""


class Slots:
    """A bounded number of transfers under one name, such as ``"uploads"``.

    Each :meth:`take` is followed by one :meth:`release`. One client gets no more than half of them
    (and one at least), so that others always find some.
    """

    def __init__(self, kind: str, count: int) -> None:
        self.kind, self.count, self.share = kind, count, (count + 1) // 2
        self._held: Counter[str] = Counter()
        self._changed = Condition()

    def take(self, client: str) -> None:
        """Wait briefly for a slot.

        Raises
        ------
        LimitError
            503, none became free.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._free(client), WAIT_SECONDS):
                raise LimitError(
                    f"Too many {self.kind} are under way; try again shortly.",
                    code="busy",
                    status=503,
                    retry_after=5.0,
                )
            self._held[client] += 1

    def release(self, client: str) -> None:
        """Let another transfer begin."""
        with self._changed:
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]
            self._changed.notify_all()

    def _free(self, client: str) -> bool:
        return self._held[client] < self.share and self._held.total() < self.count
