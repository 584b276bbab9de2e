"""What ``auto`` looks at in one column: short, middle and long windows of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.neighbors import References, pick_references
from oddline.operators.spectra import Spectra, fit_spectra
from oddline.operators.windows import around, moving_mean, pad_head, spread, take
from oddline.pipelines.auto_columns import ColumnEnergy
from oddline.pipelines.detectors import Detector
from oddline.pipelines.views import View
from oddline.progress import Progress, silent

__all__ = ["SmoothView", "WindowNeighbors", "series_views"]

Floats = NDArray[np.float64]

_REFERENCES = 1_000
_NEIGHBORS = 5
_FOLDS = 4
_DIMENSIONS = 48
_SHORT, _MIDDLE, _LONG = 16, 96, 224
_ENERGY = 128


class WindowNeighbors(Detector):
    """Windows of one column, far from their nearest among references from the whole series.

    Parameters
    ----------
    window, seed : int
    whitening : float from 0 to 1
        Each principal axis of the windows is measured in the power ``whitening`` of its own
        width: at 0 in the values'
        units, where slow swings count most; at 1 all axes count alike (a Mahalanobis distance),
        so that a small departure along an axis on which the series hardly ever moves counts as
        much as a large one of the usual kind.

    References
    ----------
    Ramaswamy, Rastogi & Shim (2000), doi:10.1145/342009.335437.
    Mahalanobis (1936), On the generalized distance in statistics.
    """

    def __init__(self, window: int, seed: int, *, whitening: float) -> None:
        super().__init__(window, seed)
        self.whitening = whitening

    def fit(self, view: NDArray[np.float64]) -> None:
        """Learn axes and references from windows (m, 1, points)."""
        rng = np.random.default_rng(self.seed)
        self._spectra: Spectra = fit_spectra(view, _DIMENSIONS, rng)
        positions = pick_references(len(view), _REFERENCES, rng)
        self._references = References(self._points(take(view, positions)), positions)
        # At least half of the windows of a short series stay outside of each one's zone.
        self._zone = min(self.window, len(view) // 4)

    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        return self._references.distances(self._points(windows), _NEIGHBORS, places, self._zone, _FOLDS)

    def parts(self, windows: Floats, channels: int, places: NDArray[np.intp] | None) -> Floats:
        return np.ones((len(windows), channels))  # the one column has it all

    def _points(self, windows: Floats) -> Floats:
        return np.asarray(self._spectra.coordinates(windows)[0] / self._spectra.width[0] ** self.whitening)

    def __str__(self) -> str:
        return f"WindowNeighbors(window={self.window},n_neighbors={_NEIGHBORS},whitening={self.whitening:g})"


class SmoothView(View):
    """A view whose row scores are averaged, and averaged again, over ``width`` rows.

    A short window sees a spike where it is; smoothed, a cluster of weak ones adds up.
    """

    def __init__(self, detector: Detector, causal: bool, width: int) -> None:
        super().__init__(detector, causal)
        self.width = width

    @property
    def reach(self) -> int:
        return super().reach + self.width - 1

    def scores(
        self,
        series: Floats,
        learnt: int,
        progress: Progress = silent,
        rows: NDArray[np.intp] | None = None,
    ) -> Floats:
        rows = np.arange(len(series)) if rows is None else rows
        near = around(rows, self.width - 1, 0 if self.causal else self.width - 1, len(series))
        rough = np.zeros(len(series))
        rough[near] = super().scores(series, learnt, progress, near)
        if self.causal:
            smooth = moving_mean(pad_head(rough, len(rough) + self.width - 1), self.width)
        else:
            padded = pad_head(rough, self.width)
            smooth = spread(moving_mean(padded, self.width), self.width)[len(padded) - len(rough) :]
        return np.asarray(smooth[rows])

    def __str__(self) -> str:
        return f"Smooth({super().__str__()},width={self.width})"


def series_views(series: Floats, causal: bool, seed: int) -> list[View]:
    """The views of a scaled series (n, 1), not yet fitted.

    Neighbours of windows of 16, 96 and 224 rows, and the energy of windows of 128, which does not
    need an event to be unlike all others; none takes more than a sixth of the rows.
    """
    most = max(1, len(series) // 6)
    short, middle, long, energy = (min(most, rows) for rows in (_SHORT, _MIDDLE, _LONG, _ENERGY))
    return [
        SmoothView(WindowNeighbors(short, seed, whitening=1.0), causal, short),
        View(WindowNeighbors(middle, seed, whitening=1.0), causal),
        View(WindowNeighbors(long, seed, whitening=0.0), causal),
        View(ColumnEnergy(energy, seed, np.ones(1)), causal),
    ]
