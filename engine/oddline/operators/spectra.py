"""Every column's windows along that column's own principal axes, and how much a column can tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddline.operators.neighbors import pick_references

__all__ = ["Spectra", "fit_spectra", "information"]

Floats = NDArray[np.float64]

_SAMPLE = 4_000  # windows of a column that its axes are learnt from
_LEAST = 1e-6  # of the strongest variance: what is weaker is rounding or noise of the instrument
_CLASSES = 64


@dataclass(frozen=True, eq=False)
class Spectra:
    """Axes of each column's windows: ``axes`` (d, points, k), ``mean`` (d, k), ``width`` (d, k).

    ``mean`` and ``width`` are those of the coordinates; a width is never zero.
    """

    axes: Floats
    mean: Floats
    width: Floats

    def coordinates(self, windows: Floats) -> Floats:
        """Flat windows (b, d·points) as coordinates (d, b, k), centred."""
        columns, points, _ = self.axes.shape
        apart = windows.reshape(len(windows), columns, points).transpose(1, 0, 2)
        return np.asarray(np.matmul(apart, self.axes) - self.mean[:, None])

    def energies(self, windows: Floats) -> Floats:
        """How far each column's part of a window (b, d·points) is out of the ordinary, (b, d).

        The root mean square of its coordinates, each in its own width: about 1 for a usual
        window (the Mahalanobis distance along these axes).
        """
        inside = self.coordinates(windows)
        inside /= self.width[:, None]
        return np.asarray(np.sqrt(np.einsum("dbk,dbk->bd", inside, inside) / inside.shape[2]))


def fit_spectra(view: NDArray[np.float64], dimensions: int, rng: np.random.Generator) -> Spectra:
    """The strongest axes of each column of windows (m, d, points).

    Parameters
    ----------
    view : ndarray (m, d, points)
    dimensions : int
        At most so many axes a column.
    rng : Generator
        Picks the 4,000 windows that are looked at.

    Notes
    -----
    O(d·(4,000·points² + points³)); axes weaker than a millionth of a column's strongest keep the
    width of that millionth.
    """
    _, columns, points = view.shape
    dimensions = max(1, min(dimensions, points))
    axes = np.empty((columns, points, dimensions))
    mean = np.empty((columns, dimensions))
    width = np.empty((columns, dimensions))
    picked = pick_references(len(view), _SAMPLE, rng)
    for column in range(columns):
        sample = np.ascontiguousarray(view[picked, column])
        center = sample.mean(axis=0)
        away = sample - center
        variances, vectors = np.linalg.eigh(away.T @ away / len(away))
        axes[column] = vectors[:, : -dimensions - 1 : -1]
        mean[column] = center @ axes[column]
        strongest = float(variances[-1])
        least = _LEAST * strongest if strongest > np.finfo(float).tiny else 1.0
        width[column] = np.sqrt(np.maximum(variances[: -dimensions - 1 : -1], least))
    return Spectra(axes, mean, width)


def information(values: Floats) -> Floats:
    """How many bits a value of each column tells, (d,), from 0 to 6.

    The entropy of the values over 64 equal classes between the 0.5 % and the 99.5 % quantile. A
    measurement that spreads out tells 5 bits or so, a switch at most 1, a flag that is hardly
    ever set almost nothing, a constant nothing.

    Parameters
    ----------
    values : ndarray (n, d)

    Examples
    --------
    >>> levels = np.arange(640.0)
    >>> flag = levels == 7
    >>> information(np.column_stack([levels, levels % 2, flag, flag * 0])).round(1).tolist()
    [6.0, 1.0, 0.0, 0.0]
    """
    bits = np.zeros(values.shape[1])
    ends = np.quantile(values, (0.005, 0.995), axis=0)
    for place, (column, low, high) in enumerate(zip(values.T, *ends, strict=True)):
        if low >= high:
            low, high = column.min(), column.max()
        if low < high:
            # Divided first: the difference of the ends may be too small for 64 steps of it.
            classes = np.clip((column - low) / (high - low), 0.0, 1.0) * _CLASSES
            counts = np.bincount(np.minimum(classes.astype(np.intp), _CLASSES - 1))
            share = counts[counts > 0] / len(column)
            bits[place] = max(0.0, -float(share @ np.log2(share)))
    return bits
