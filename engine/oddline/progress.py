"""How a long computation says how far it is, and learns that it should stop."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "part", "silent"]

Progress = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and the stage's name; may raise ``CancelledError``."""


def silent(fraction: float, stage: str) -> None:
    """The progress of one who does not want to know."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """A progress that maps its own 0…1 onto ``start``…``stop`` of ``progress``."""

    def report(fraction: float, stage: str) -> None:
        progress(start + (stop - start) * min(1.0, max(0.0, fraction)), stage)

    return report
