"""Windows far from their nearest like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.neighbors import References, pick_references
from oddline.operators.windows import take
from oddline.pipelines.detectors.base import OnAxes

__all__ = ["Neighbors"]

Floats = NDArray[np.float64]

_REFERENCES = 1_000


class Neighbors(OnAxes):
    """Windows far from their nearest among references from the whole series."""

    def __init__(self, window: int, seed: int, **options: int) -> None:
        super().__init__(window, seed, **options)
        self._count = options["neighbors"]

    def _learn(
        self,
        view: NDArray[np.float64],
        sample: Floats,
        positions: NDArray[np.intp],
        rng: np.random.Generator,
    ) -> None:
        chosen = pick_references(len(view), _REFERENCES, rng)
        self._references = References(self._axes.apply(take(view, chosen)), chosen)
        # At least half of the windows of a short series stay outside of each one's zone.
        self._zone = min(self.window, len(view) // 4)

    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        points = self._axes.apply(windows)
        away = self._references.distances(points, self._count, places, self._zone)
        return away / np.sqrt(points.shape[1])

    def parts(self, windows: Floats, channels: int, places: NDArray[np.intp] | None) -> Floats:
        """Squares of the way from the nearest references, along each column."""
        points = self._axes.apply(windows)
        away = self._references.displacement(points, self._count, places, self._zone)
        return self._axes.squares(away, channels)

    def __str__(self) -> str:
        return f"NearestNeighbor(n_neighbors={self.options['neighbors']})"
