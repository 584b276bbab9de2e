"""Nearest neighbours among windows: compress, then compare with a thousand references."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from oddline.operators.windows import blocks

__all__ = ["Compression", "References", "compress", "pick_references"]

Floats = NDArray[np.float64]
Places = NDArray[np.intp] | None

_ROWS = 256  # whose distances to a thousand references stay in the cache

_LEAST_WIDTH = 1e-3  # of the widest: what is narrower is rounding


@dataclass(frozen=True, eq=False)
class Compression:
    """Principal axes of the windows, and the unit of length along each.

    Parameters
    ----------
    mean : ndarray (points,)
    axes : ndarray (points, dimensions)
        Orthonormal.
    width : ndarray (dimensions,) or float, default 1
    """

    mean: Floats
    axes: Floats
    width: Floats | float = 1.0

    def apply(self, windows: Floats) -> Floats:
        """(m, points) windows as (m, dimensions) coordinates."""
        scaled = self.axes / self.width
        return windows @ scaled - self.mean @ scaled

    def squares(self, away: Floats, channels: int) -> Floats:
        """Squared lengths of coordinates (m, dimensions) as they fall on the columns, (m, channels)."""
        back = (away @ self.axes.T).reshape(len(away), channels, -1)
        return np.asarray(np.einsum("bcp,bcp->bc", back, back))


def compress(sample: Floats, dimensions: int, whiten: bool = False) -> Compression:
    """Principal axes of a sample of windows, the strongest first.

    Parameters
    ----------
    sample : ndarray (m, points)
    dimensions : int
        At most so many axes; directions without variance are dropped.
    whiten : bool, default False
        Measure along each axis in deviations of the sample, so that a small departure counts
        where the windows never depart (a Mahalanobis distance). A deviation below a thousandth
        of the largest counts as that.

    Notes
    -----
    The eigenvectors of the smaller of the two product matrices, O(m·points·min(m, points)).
    """
    mean = sample.mean(axis=0)
    away = sample - mean
    rows, points = away.shape
    dimensions = max(1, min(dimensions, rows, points))
    if points <= rows:
        values, axes = eigh(away.T @ away, subset_by_index=(points - dimensions, points - 1))
    else:
        values, left = eigh(away @ away.T, subset_by_index=(rows - dimensions, rows - 1))
        axes = away.T @ left / np.sqrt(np.maximum(values, np.finfo(float).tiny))
    strong = values > 1e-10 * max(float(values[-1]), np.finfo(float).tiny)
    strong[-1] = True
    axes = axes[:, strong][:, ::-1]
    if not np.isfinite(axes).all() or values[-1] <= 0:
        return Compression(mean, np.zeros((points, 1)))
    axes = np.ascontiguousarray(axes)
    if not whiten:
        return Compression(mean, axes)
    width = np.sqrt(values[strong][::-1] / rows)
    return Compression(mean, axes, np.maximum(width, _LEAST_WIDTH * width[0]))


def pick_references(count: int, most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Positions of at most ``most`` of ``count`` windows, in order: one at random from each stretch.

    Equal stretches cover the whole series; a random place in each avoids beating with a period.
    """
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, most + 1)
    starts = np.floor(edges[:-1]).astype(np.intp)
    lengths = np.floor(edges[1:]).astype(np.intp) - starts
    return starts + np.floor(rng.random(most) * lengths).astype(np.intp)


@dataclass(frozen=True, eq=False)
class References:
    """Compressed reference windows (m, dimensions) and the positions they were taken from (m,)."""

    points: Floats
    positions: NDArray[np.intp]

    def squares(self, points: Floats, places: Places = None, zone: int = 0) -> Floats:
        """Squared distances of ``points`` (b, dimensions) to every reference, (b, m).

        Parameters
        ----------
        points : ndarray (b, dimensions)
        places : ndarray of int (b,), optional
            Where the points are windows of the learnt series itself: their positions, ascending.
            A reference closer than ``zone`` windows is then no neighbour (``inf``).
        zone : int
        """
        squares = self._beyond(points, places, zone)
        squares += np.einsum("ij,ij->i", points, points)[:, None]
        return np.maximum(squares, 0.0, out=squares)

    def distances(
        self, points: Floats, neighbors: int, places: Places = None, zone: int = 0, folds: int = 1
    ) -> Floats:
        """Mean distance to the nearest references, (b,); 0 where no reference is left.

        With ``folds``, references that lie far apart in time are taken by so many together and
        only the nearest of them counts. Near ones seldom meet there, and the sorting is quicker.
        """
        width = len(self.positions) // folds
        if width < neighbors:
            folds, width = 1, len(self.positions)
        count = min(neighbors, width)
        nearest = np.empty((len(points), count))
        for start in range(0, len(points), _ROWS):
            piece = slice(start, start + _ROWS)
            some = points[piece]
            beyond = self._beyond(some, None if places is None else places[piece], zone)
            if folds > 1:
                beyond = beyond[:, : folds * width].reshape(len(some), folds, width).min(axis=1)
            beyond.partition(count - 1, axis=1)
            nearest[piece] = beyond[:, :count]
        nearest += np.einsum("ij,ij->i", points, points)[:, None]
        return _mean_finite(np.sqrt(np.maximum(nearest, 0.0)))

    def _beyond(self, points: Floats, places: Places, zone: int) -> Floats:
        """Squared distances less the square of each point, which does not change their order."""
        length = np.einsum("ij,ij->i", self.points, self.points)
        beyond = np.column_stack([points, np.ones(len(points))]) @ np.vstack([-2.0 * self.points.T, length])
        if places is not None and len(places) and zone > 0:
            # Only the references around this block can be too close: mask that strip alone.
            low, high = np.searchsorted(self.positions, [places[0] - zone, places[-1] + zone])
            near = np.abs(self.positions[low:high] - places[:, None]) < zone
            beyond[:, low:high][near] = np.inf
        return np.asarray(beyond)

    def displacement(self, points: Floats, neighbors: int, places: Places = None, zone: int = 0) -> Floats:
        """From the mean of the nearest references to each point, (b, dimensions)."""
        count = min(neighbors, len(self.positions))
        away = np.empty_like(points)
        for piece in blocks(len(points), len(self.positions)):
            squares = self.squares(points[piece], None if places is None else places[piece], zone)
            index = np.argpartition(squares, count - 1, axis=1)[:, :count]
            weight = np.isfinite(np.take_along_axis(squares, index, axis=1)).astype(float)
            weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1.0)
            away[piece] = points[piece] - np.einsum("bk,bkr->br", weight, self.points[index])
        return away


def _mean_finite(distances: Floats) -> Floats:
    finite = np.isfinite(distances)
    if finite.all():
        return distances.mean(axis=1)
    total = np.where(finite, distances, 0.0).sum(axis=1)
    return total / np.maximum(finite.sum(axis=1), 1)
