"""Windows outside of the ellipsoid that holds the bulk of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.mcd import Ellipsoid, fit_mcd
from oddline.pipelines.detectors.base import OnAxes

__all__ = ["Robust"]

Floats = NDArray[np.float64]

_SUPPORT = 0.75
_SHRINKAGE = 0.3
_WINDOWS_AN_AXIS = 5


class Robust(OnAxes):
    """Windows far from the bulk, by its own scatter, along as many axes as there are windows for."""

    def _learn(
        self,
        view: NDArray[np.float64],
        sample: Floats,
        positions: NDArray[np.intp],
        rng: np.random.Generator,
    ) -> None:
        axes = max(1, len(sample) // _WINDOWS_AN_AXIS)
        self._bulk: Ellipsoid = fit_mcd(sample[:, :axes], rng, _SUPPORT, _SHRINKAGE)

    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        return self._bulk.squares(self._axes.apply(windows)[:, : len(self._bulk.center)])

    def parts(self, windows: Floats, channels: int, places: NDArray[np.intp] | None) -> Floats:
        """Squares of the way from the center, along each column."""
        points = self._axes.apply(windows)
        axes = len(self._bulk.center)
        away = np.zeros_like(points)
        # Whitened and turned back, so that the squares of all columns sum to the score.
        away[:, :axes] = (points[:, :axes] - self._bulk.center) @ self._bulk.whitener
        return self._axes.squares(away, channels)

    def __str__(self) -> str:
        return f"MinCovDet(support_fraction={_SUPPORT},random_state={self.seed})"
