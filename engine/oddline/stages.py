"""The stages of a detection: their names, their share of the work, and how long each took."""

from __future__ import annotations

from time import perf_counter

from oddline.progress import Progress, part

__all__ = ["STAGES", "Stages"]

STAGES = {
    "inspection": 0.0,
    "sampling": 0.10,
    "look-back": 0.15,
    "pipeline": 0.20,
    "scores": 0.22,
    "labels": 0.85,
    "contributions": 0.90,
}
"""The stages, each with the fraction of the work that lies before it."""


class Stages:
    """Names the stage that begins, asks whether to go on, and keeps each stage's run time."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress
        self._name, self._since = "", perf_counter()

    def __call__(self, name: str) -> None:
        self._close()
        self._name = name
        self._progress(STAGES[name], name)

    def inner(self) -> Progress:
        """A progress for the stage that runs, under its own name."""
        name, ends = self._name, [*STAGES.values(), 1.0]
        inside = part(self._progress, STAGES[name], ends[list(STAGES).index(name) + 1])
        return lambda fraction, _: inside(fraction, name)

    def end(self) -> None:
        """Close the last stage."""
        self._close()
        self._progress(1.0, "done")

    def _close(self) -> None:
        now = perf_counter()
        if self._name:
            self.seconds[self._name] = round(now - self._since, 6)
        self._since = now
