"""What every detector of odd windows does, and those that look along principal axes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddline.operators.neighbors import Compression, compress, pick_references
from oddline.operators.windows import take

__all__ = ["Detector", "OnAxes"]

Floats = NDArray[np.float64]

_SAMPLE = 2_000  # windows that the principal axes, trees and ellipsoids are learnt from


class Detector(ABC):
    """Windows in, one score each out; larger is odder.

    Parameters
    ----------
    window : int
        Rows of a window.
    seed : int
    **options
        What the pipeline lets people set; a detector takes those it knows.
    """

    def __init__(self, window: int, seed: int, **options: int) -> None:
        self.window, self.seed, self.options = window, seed, options

    @abstractmethod
    def fit(self, view: NDArray[np.float64]) -> None:
        """Learn from windows (m, channels, points)."""

    @abstractmethod
    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        """Scores (b,), at least 0, of flat windows (b, channels·points).

        ``places`` are their positions, ascending, where they are windows of the learnt series: a
        window is then not its own neighbour.
        """

    @abstractmethod
    def parts(self, windows: Floats, channels: int, places: NDArray[np.intp] | None) -> Floats:
        """Non-negative parts (b, channels) of the scores, on any scale."""

    @abstractmethod
    def __str__(self) -> str:
        """The step of the model's summary, without blanks."""


class OnAxes(Detector):
    """A detector that looks at the windows along their principal axes, each in its own deviation.

    Along axes that carry little variance windows hardly ever depart, and one that does is odd:
    without the deviations such a departure drowns in the everyday of the strong axes.
    """

    dimensions: ClassVar[int] = 48
    """At most so many axes."""

    def fit(self, view: NDArray[np.float64]) -> None:
        """Learn the axes from a sample, then the rest."""
        rng = np.random.default_rng(self.seed)
        positions = pick_references(len(view), _SAMPLE, rng)
        sample = take(view, positions)
        self._axes: Compression = compress(sample, self.dimensions, whiten=True)
        self._learn(view, self._axes.apply(sample), positions, rng)

    @abstractmethod
    def _learn(
        self,
        view: NDArray[np.float64],
        sample: Floats,
        positions: NDArray[np.intp],
        rng: np.random.Generator,
    ) -> None:
        """Learn from windows; ``sample`` are the coordinates of those at ``positions``."""

    def parts(self, windows: Floats, channels: int, places: NDArray[np.intp] | None) -> Floats:
        """How much the score falls when one column of a window takes its usual, central course."""
        before = self.scores(windows, places)
        points = windows.shape[1] // channels
        relief = np.empty((len(windows), channels))
        for channel in range(channels):
            here = slice(channel * points, (channel + 1) * points)
            eased = windows.copy()
            eased[:, here] = self._axes.mean[here]
            relief[:, channel] = before - self.scores(eased, places)
        return np.maximum(relief, 0.0)
