"""When something that ended may start again."""

from __future__ import annotations

import time

__all__ = ["Restarts"]

HEALTHY_AFTER = 10.0  # seconds of life after which an end counts as the first again
LONGEST_DELAY = 5.0


class Restarts:
    """A growing delay before each further start, short again after a healthy life.

    Attributes
    ----------
    due : float
        When it may start again, by ``time.monotonic``.
    failures : int
        Ends in a row without a healthy life between.
    """

    def __init__(self) -> None:
        self.due = 0.0
        self.failures = 0
        self._started = 0.0

    def begin(self) -> None:
        """It starts now."""
        self._started = time.monotonic()

    def end(self) -> float:
        """It ended, or did not come up; the seconds until it may start again."""
        now = time.monotonic()
        self.failures = 1 if now - self._started > HEALTHY_AFTER else self.failures + 1
        delay = min(LONGEST_DELAY, 0.1 * 2 ** min(self.failures - 1, 10))
        self.due = now + delay
        return delay
