"""How far one row lies from the bulk of others, in the units in which they spread."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.special import gammaincinv

__all__ = ["Scatter", "fit_scatter", "unit_of"]

Floats = NDArray[np.float64]

_AXES = 128  # beyond them all directions are taken for equally wide
_FREEDOM = 5.0
_STEPS, _PASSES = 6, 4
_LEAST = 1e-9  # of the mean variance: what is narrower is rounding
_MOST = 1e300


@dataclass(frozen=True, eq=False)
class Scatter:
    """A center, and the directions and widths of a covariance that can be inverted.

    Attributes
    ----------
    center : ndarray (d,)
    unit : ndarray (d,)
        What each column is divided by.
    axes : ndarray (d, k)
        Orthonormal, for columns in those units.
    width : ndarray (k,)
        √ of the variance along each axis.
    rest : float
        √ of the variance along every direction that is across all axes.
    """

    center: Floats
    unit: Floats
    axes: Floats
    width: Floats
    rest: float

    def squares(self, rows: Floats) -> Floats:
        """Squared Mahalanobis distances (m,) of rows (m, d): at least 0 and finite."""
        with np.errstate(over="ignore", invalid="ignore"):
            away = (rows - self.center) / self.unit
            along = away @ self.axes
            seen = along / self.width
            squares = np.einsum("ij,ij->i", seen, seen)
            if self.axes.shape[1] < len(self.center):
                across = np.einsum("ij,ij->i", away, away) - np.einsum("ij,ij->i", along, along)
                squares += np.maximum(across, 0.0) / self.rest**2
        return np.nan_to_num(squares, copy=False, nan=_MOST, posinf=_MOST)


def fit_scatter(rows: Floats) -> Scatter:
    """The center and scatter of rows (m, d), finite, by which far ones hardly weigh.

    The maximum-likelihood fit of a multivariate t distribution with five degrees of freedom: a row
    at the squared distance s weighs (5 + d)/(5 + s). The covariance of the weighted rows is shrunk
    towards equal variances by as much as their number leaves unsure (OAS), and scaled until half
    of the rows lie where half of normal ones would: squared distances of normal rows follow χ²(d).

    Unlike the half of least determinant (MCD) it does not take columns that are mostly constant,
    as those of rare categories are, for having no width at all.

    Notes
    -----
    O(m·d·min(m, d)) a step, six steps. Of more than 128 columns 128 axes are kept, found by subspace
    iteration; the variance across them is taken for the same in every direction (Tipping & Bishop
    1999), so that a distance costs O(128·d).

    References
    ----------
    Lange, Little & Taylor (1989), Robust statistical modeling using the t distribution,
    doi:10.1080/01621459.1989.10478852.
    Chen, Wiesel, Eldar & Hero (2010), Shrinkage algorithms for MMSE covariance estimation,
    doi:10.1109/TSP.2010.2053029.
    Tipping & Bishop (1999), Probabilistic principal component analysis, doi:10.1111/1467-9868.00196.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(10_000, 2)) * [1.0, 1000.0]
    >>> rows[0] = [1e9, 1e9]
    >>> fit_scatter(rows).squares(np.array([[3.0, 0.0], [0.0, 3000.0]])).round()
    array([9., 9.])
    """
    center, unit = np.array([unit_of(column) for column in rows.T]).T
    away = (rows - center) / unit
    free = max(1, int((away.min(axis=0) < away.max(axis=0)).sum()))
    found = Scatter(np.zeros_like(unit), np.ones_like(unit), _first_axes(len(unit)), np.ones(0), 1.0)
    squares = np.einsum("ij,ij->i", away, away)
    for step in range(_STEPS):
        weight = (_FREEDOM + free) / (_FREEDOM + squares)
        weight /= weight.sum()
        mean = weight @ away
        near = (away - mean) * np.sqrt(weight)[:, None]
        total, squared, axes, values = _principal(near, found.axes, 1 if step else _PASSES)
        share = _chance(total, squared, 1.0 / float(weight @ weight), free)
        even = share * (total / free or 1.0)
        width = np.sqrt((1.0 - share) * np.maximum(values, 0.0) + even)
        left = max(0.0, total - float(values.sum())) / max(1, len(unit) - len(values))
        rest = float(np.sqrt((1.0 - share) * left + even))
        found = replace(found, center=mean, axes=axes, width=width, rest=rest)
        squares = found.squares(away)
    half = float(np.median(squares)) / (2.0 * float(gammaincinv(free / 2.0, 0.5)))
    scale = float(np.sqrt(half)) if half > _LEAST else 1.0
    return Scatter(center + found.center * unit, unit, found.axes, found.width * scale, found.rest * scale)


def _first_axes(columns: int) -> Floats:
    """Directions to begin with, where not all are kept."""
    if columns <= _AXES:
        return np.eye(columns)
    return np.random.default_rng(0).standard_normal((columns, _AXES))


def _principal(near: Floats, axes: Floats, passes: int) -> tuple[float, float, Floats, Floats]:
    """Of C = near'·near: trace C, trace C², its strongest axes and the variance along each.

    All of them, or so many as ``axes`` are, by subspace iteration from those.
    """
    rows, columns = near.shape
    product = near.T @ near if columns <= rows else near @ near.T  # the smaller of the two
    total, squared = float(np.trace(product)), float(np.vdot(product, product))
    if columns <= _AXES:
        values, found = eigh(product if columns <= rows else near.T @ near)
        return total, squared, np.ascontiguousarray(found), values
    for _ in range(passes):
        axes, _ = np.linalg.qr(product @ axes if columns <= rows else near.T @ (near @ axes))
    along = near @ axes
    values, turn = eigh(along.T @ along)
    return total, squared, axes @ turn, values


def _chance(total: float, squared: float, count: float, free: int) -> float:
    """The share of the target in a covariance of ``count`` rows, by the traces of it and of its square."""
    apart = (count + 1.0 - 2.0 / free) * (squared - total**2 / free)
    chance = (1.0 - 2.0 / free) * squared + total**2
    return max(_LEAST, min(1.0, chance / apart)) if apart > 0 else 1.0


def unit_of(values: Floats) -> tuple[float, float]:
    """The median of finite numbers and a width that is never 0, whatever a few of them do.

    The width is 1.4826 times the median of what they are away from it; where most are not away, the
    median of those that are. That of a constant is its size, or 1.

    >>> unit_of(np.array([0.0, 0.0, 0.0, 0.0, 8.0]))
    (0.0, 8.0)
    """
    center = float(np.median(values))
    away = np.abs(values - center)
    width = 1.4826 * float(np.median(away))
    if not width:
        some = away[away > 0]
        width = float(np.median(some)) if len(some) else abs(center) or 1.0
    return center, max(width, np.finfo(float).tiny)
