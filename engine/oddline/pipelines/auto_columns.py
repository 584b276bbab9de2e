"""What ``auto`` looks at in several columns: each column by itself, and all of them together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.neighbors import References, compress, pick_references
from oddline.operators.spectra import Spectra, fit_spectra, information
from oddline.operators.windows import take
from oddline.pipelines.detectors import Detector, Neighbors
from oddline.pipelines.views import View

__all__ = ["ColumnEnergy", "JointNeighbors", "column_views", "column_weights"]

Floats = NDArray[np.float64]

_SHORT, _LONG = 32, 128
_COORDINATES = 8  # of a column's window in the joint one, or fewer: 512 for all columns
_MOST_COORDINATES = 512
_JOINT = 64
_REFERENCES = 1_000
_MOST_RELATED = 512
_RIDGE = 0.01


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
        more = np.maximum(each - self._usual, 0.0) * self.weights
        return _summing_to(np.linalg.norm(each * self.weights, axis=1), more**2)

    def __str__(self) -> str:
        return f"ColumnEnergy(window={self.window})"


class JointNeighbors(Neighbors):
    """Windows of all columns together, far from their nearest among 1,000 references.

    Each column gives the leading 8 coordinates of its window, times its weight, and the principal
    64 axes of all of them are compared; so that the work does not grow with the square of the
    columns.
    """

    def __init__(self, window: int, seed: int, weights: Floats, neighbors: int = 5) -> None:
        super().__init__(window, seed, neighbors=neighbors)
        self.weights = weights / weights.max()

    def fit(self, view: NDArray[np.float64]) -> None:
        """Learn axes and references from windows (m, d, points)."""
        rng = np.random.default_rng(self.seed)
        each = max(1, min(_COORDINATES, _MOST_COORDINATES // view.shape[1]))
        self._spectra = fit_spectra(view, each, rng)
        positions = pick_references(len(view), _REFERENCES, rng)
        references = self._side_by_side(take(view, positions))
        self._axes = compress(references, _JOINT)
        self._references = References(self._axes.apply(references), positions)
        self._zone = min(self.window, len(view) // 4)

    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        return super().scores(self._side_by_side(windows), places)

    def parts(self, windows: Floats, channels: int, places: NDArray[np.intp] | None) -> Floats:
        """Shared by the squares of the way to the nearest references; the parts sum to the score."""
        flat = self._side_by_side(windows)
        return _summing_to(super().scores(flat, places), super().parts(flat, channels, places))

    def _side_by_side(self, windows: Floats) -> Floats:
        apart = self._spectra.coordinates(windows) * self.weights[:, None, None]
        return np.ascontiguousarray(apart.transpose(1, 0, 2)).reshape(len(windows), -1)

    def __str__(self) -> str:
        return f"JointNeighbors(window={self.window},n_neighbors={self.options['neighbors']})"


def unexplained(series: Floats) -> Floats | None:
    """The matrix (d, d) that takes a scaled row to what the other columns do not say of each.

    Column j of the result is proportional to the residual of column j in a ridge regression on
    all the others; one inverse solves all regressions. None for less than 2 or more than 512
    columns, or without ten rows for each.

    References
    ----------
    Hoerl & Kennard (1970), Ridge regression, doi:10.1080/00401706.1970.10488634.
    """
    rows, columns = series.shape
    if not 2 <= columns <= min(_MOST_RELATED, rows // 10):
        return None
    away = series - series.mean(axis=0)
    precision = np.linalg.inv(away.T @ away / rows + _RIDGE * np.eye(columns))
    return np.asarray(precision / np.diagonal(precision))


def _summing_to(scores: Floats, parts: Floats) -> Floats:
    """Parts (b, d) stretched so that each row sums to its score (b,); even where all are 0."""
    total = parts.sum(axis=1, keepdims=True)
    even = np.full_like(parts, 1.0 / parts.shape[1])
    return np.divide(parts, total, out=even, where=total > 0) * scores[:, None]


def column_weights(series: Floats) -> Floats:
    """How much each column of a scaled series (n, d) counts: the bits that one of its values tells.

    Command flags and states that hardly ever change would otherwise be most of a machine's columns,
    and each of their rare changes an anomaly. All alike where no column tells anything.
    """
    bits = information(series)
    return bits if bits.any() else np.ones_like(bits)


def column_views(series: Floats, causal: bool, seed: int) -> list[View]:
    """The views of a scaled series (n, d), not yet fitted.

    Single columns over 32 and over 128 rows, what the other columns do not explain of each over
    32, and all columns together over 128; windows never take more than a tenth of the rows.
    """
    weights = column_weights(series)
    columns = np.flatnonzero(weights)
    weights = weights[columns]
    most = max(1, len(series) // 10)
    short, long = min(_SHORT, most), min(_LONG, most)
    views = [View(ColumnEnergy(window, seed, weights), causal, columns) for window in sorted({short, long})]
    mix = unexplained(series[:, columns])
    if mix is not None:
        views.append(View(ColumnEnergy(short, seed, weights), causal, columns, mix))
    views.append(View(JointNeighbors(long, seed, weights), causal, columns))
    return views
