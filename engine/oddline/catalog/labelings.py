"""The label methods: how scores become labels."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LABELINGS", "Labeling"]


@dataclass(frozen=True)
class Labeling:
    """A label method: static (one line for all rows) or dynamic (a line that moves)."""

    name: str
    blurb: str
    dynamic: bool


LABELINGS: tuple[Labeling, ...] = (
    Labeling("Chi-Square", "Flags a score too large for the variance of the scores before it.", True),
    Labeling("IID", "One line for all rows, from the bulk and the tail of the scores.", False),
    Labeling("Sliding-Window", "Flags a score far above the mean of the scores before it.", True),
)
