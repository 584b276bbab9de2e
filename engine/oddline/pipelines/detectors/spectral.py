"""Windows seen along every column's own principal axes: their energy, and their nearest like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.neighbors import Compression, References, compress, pick_references
from oddline.operators.spectra import Spectra, fit_spectra
from oddline.operators.windows import take
from oddline.pipelines.detectors.base import Detector

__all__ = ["ColumnEnergy", "JointNeighbors", "WindowNeighbors"]

Floats = NDArray[np.float64]

_ROUNDING = 1e-9
_REFERENCES = 1_000
_NEIGHBORS = 5
_FOLDS = 4  # of the references in WindowNeighbors: the near ones in time seldom meet in one
_DIMENSIONS = 48
_COORDINATES = 8  # of a column's window in the joint one, or fewer: 512 for all columns
_MOST_COORDINATES = 512
_JOINT = 64


class WindowNeighbors(Detector):
    """Windows of one column, far from their nearest among references from the whole series.

    Parameters
    ----------
    window, seed : int
    whitening : float from 0 to 1
        Each principal axis of the windows is measured in the power ``whitening`` of its own
        width: at 0 in the values' units, where slow swings count most; at 1 all axes count alike
        (a Mahalanobis distance), so that a small departure along an axis on which the series
        hardly ever moves counts as much as a large one of the usual kind.

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


class ColumnEnergy(Detector):
    """Windows whose columns, each by itself, do what they seldom do.

    Parameters
    ----------
    window, seed : int
    weights : ndarray (d,)
        How much each column counts.

    Notes
    -----
    Each column's windows are taken along the stronger half of their principal axes and measured
    in the width of each axis (a Mahalanobis distance). A departure that is small but goes where
    the column never goes so counts more than a large one of the usual kind. The score is the
    distance over all columns, each times its weight. O(d·window²/2) a window.

    References
    ----------
    Hotelling (1931), The generalization of Student's ratio, doi:10.1214/aoms/1177732979.
    """

    def __init__(self, window: int, seed: int, weights: Floats) -> None:
        super().__init__(window, seed)
        self.weights = weights / np.linalg.norm(weights)

    def fit(self, view: NDArray[np.float64]) -> None:
        """Learn the axes of each column from windows (m, d, points)."""
        rng = np.random.default_rng(self.seed)
        self._spectra: Spectra = fit_spectra(view, (view.shape[2] + 1) // 2, rng)
        sample = take(view, pick_references(len(view), _REFERENCES, rng))
        self._usual: Floats = np.median(self._spectra.energies(sample), axis=0)

    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        return np.linalg.norm(self._spectra.energies(windows) * self.weights, axis=1)

    def parts(self, windows: Floats, channels: int, places: NDArray[np.intp] | None) -> Floats:
        """What each column does more than usual; the parts sum to the score."""
        each = self._spectra.energies(windows)
        # The usual is what some window has: by rounding alone it must not have more.
        more = np.maximum(each - self._usual * (1 + _ROUNDING), 0.0) * self.weights
        return _summing_to(np.linalg.norm(each * self.weights, axis=1), more**2)

    def __str__(self) -> str:
        return f"ColumnEnergy(window={self.window})"


class JointNeighbors(Detector):
    """Windows of all columns together, far from their nearest among 1,000 references.

    Each column gives the leading 8 coordinates of its window, times its weight, and the principal
    64 axes of all of them are compared; so that the work does not grow with the square of the
    columns.
    """

    def __init__(self, window: int, seed: int, weights: Floats) -> None:
        super().__init__(window, seed)
        self.weights = weights / weights.max()

    def fit(self, view: NDArray[np.float64]) -> None:
        """Learn axes and references from windows (m, d, points)."""
        rng = np.random.default_rng(self.seed)
        each = max(1, min(_COORDINATES, _MOST_COORDINATES // view.shape[1]))
        self._spectra: Spectra = fit_spectra(view, each, rng)
        positions = pick_references(len(view), _REFERENCES, rng)
        references = self._side_by_side(take(view, positions))
        self._axes: Compression = compress(references, _JOINT)
        self._references = References(self._axes.apply(references), positions)
        self._zone = min(self.window, len(view) // 4)

    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        return self._scores(self._axes.apply(self._side_by_side(windows)), places)

    def parts(self, windows: Floats, channels: int, places: NDArray[np.intp] | None) -> Floats:
        """Shared by the squares of the way to the nearest references; the parts sum to the score."""
        points = self._axes.apply(self._side_by_side(windows))
        away = self._references.displacement(points, _NEIGHBORS, places, self._zone)
        return _summing_to(self._scores(points, places), self._axes.squares(away, channels))

    def _scores(self, points: Floats, places: NDArray[np.intp] | None) -> Floats:
        away = self._references.distances(points, _NEIGHBORS, places, self._zone)
        return away / np.sqrt(points.shape[1])

    def _side_by_side(self, windows: Floats) -> Floats:
        apart = self._spectra.coordinates(windows) * self.weights[:, None, None]
        return np.ascontiguousarray(apart.transpose(1, 0, 2)).reshape(len(windows), -1)

    def __str__(self) -> str:
        return f"JointNeighbors(window={self.window},n_neighbors={_NEIGHBORS})"


def _summing_to(scores: Floats, parts: Floats) -> Floats:
    """Parts (b, d) stretched so that each row sums to its score (b,); even where all are 0."""
    total = parts.sum(axis=1, keepdims=True)
    even = np.full_like(parts, 1.0 / parts.shape[1])
    return np.divide(parts, total, out=even, where=total > 0) * scores[:, None]
