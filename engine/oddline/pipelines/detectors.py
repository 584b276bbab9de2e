"""The estimators of WindowAD: how far a window lies from the others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddline.operators.isolation import grow_forest, isolation_scores
from oddline.operators.neighbors import References, compress, pick_references
from oddline.operators.windows import take

__all__ = ["DETECTORS", "Detector", "Forest", "Neighbors", "OnAxes"]

Floats = NDArray[np.float64]

_SAMPLE = 2_000  # windows that the principal axes and the forest are learnt from
_REFERENCES = 1_000
_TREES = 100


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
        """Scores (b,) of flat windows (b, channels·points).

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
    """A detector that looks at the windows along their principal axes."""

    dimensions: ClassVar[int]
    """So many axes."""

    def fit(self, view: NDArray[np.float64]) -> None:
        """Learn the axes from a sample, then the rest."""
        rng = np.random.default_rng(self.seed)
        sample = take(view, pick_references(len(view), _SAMPLE, rng))
        self._axes = compress(sample, self.dimensions)
        self._learn(view, sample, rng)

    @abstractmethod
    def _learn(self, view: NDArray[np.float64], sample: Floats, rng: np.random.Generator) -> None:
        """Learn from windows; ``sample`` are some of them, flat, that gave the axes."""


class Forest(OnAxes):
    """Windows that few random cuts along the principal axes isolate."""

    dimensions = 16

    def _learn(self, view: NDArray[np.float64], sample: Floats, rng: np.random.Generator) -> None:
        self._trees = grow_forest(self._axes.apply(sample), _TREES, self.seed)

    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        return isolation_scores(self._trees, self._axes.apply(windows))

    def parts(self, windows: Floats, channels: int, places: NDArray[np.intp] | None) -> Floats:
        """How much the score falls when one column of a window takes its usual, central course."""
        before = self.scores(windows, places)
        points = windows.shape[1] // channels
        relief = np.empty((len(windows), channels))
        for channel in range(channels):
            eased = windows.copy()
            eased[:, channel * points : (channel + 1) * points] = 0.0
            relief[:, channel] = before - self.scores(eased, places)
        return np.maximum(relief, 0.0)

    def __str__(self) -> str:
        return f"IsolationForest(n_estimators={_TREES},random_state={self.seed})"


class Neighbors(OnAxes):
    """Windows far from their nearest among references from the whole series."""

    dimensions = 32

    def __init__(self, window: int, seed: int, **options: int) -> None:
        super().__init__(window, seed, **options)
        self._count = options["neighbors"]

    def _learn(self, view: NDArray[np.float64], sample: Floats, rng: np.random.Generator) -> None:
        positions = pick_references(len(view), _REFERENCES, rng)
        self._references = References(self._axes.apply(take(view, positions)), positions)
        # At least half of the windows of a short series stay outside of each one's zone.
        self._zone = min(self.window, len(view) // 4)

    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        points = self._axes.apply(windows)
        away = np.empty(len(points))
        for run, first in _runs(len(points), places):
            away[run] = self._references.distances(points[run], self._count, first, self._zone)
        return away / np.sqrt(windows.shape[1])

    def parts(self, windows: Floats, channels: int, places: NDArray[np.intp] | None) -> Floats:
        away = self._away(self._axes.apply(windows), places)
        shape = (len(windows), channels, windows.shape[1] // channels)
        squares: Floats = ((away @ self._axes.axes.T).reshape(shape) ** 2).sum(axis=2)
        return squares

    def _away(self, points: Floats, places: NDArray[np.intp] | None) -> Floats:
        away = np.empty_like(points)
        for run, first in _runs(len(points), places):
            away[run] = self._references.displacement(points[run], self._count, first, self._zone)
        return away

    def __str__(self) -> str:
        return f"NearestNeighbor(n_neighbors={self.options['neighbors']})"


def _runs(count: int, places: NDArray[np.intp] | None) -> Iterator[tuple[slice, int | None]]:
    """The stretches of neighbouring windows, each with the position of its first."""
    breaks = [] if places is None else (np.flatnonzero(np.diff(places) > 1) + 1).tolist()
    for start, stop in pairwise([0, *breaks, count]):
        yield slice(start, stop), None if places is None else int(places[start])


DETECTORS: Mapping[str, type[Detector]] = {"IsolationForest": Forest, "NearestNeighbor": Neighbors}
"""The code of each estimator of WindowAD in :data:`oddline.catalog.ALGORITHMS`."""
