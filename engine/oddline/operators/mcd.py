"""Where the bulk of some points lies, and how it spreads, whatever the rest does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import gammainc, gammaincinv

__all__ = ["Ellipsoid", "fit_mcd"]

Floats = NDArray[np.float64]

_RANDOM = 8  # starts beside the two that are no chance
_FIRST_STEPS, _MOST_STEPS = 2, 30
_BEST = 3
_FLOOR = 1e-8


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """A location and a scatter matrix.

    Parameters
    ----------
    center : ndarray (p,)
    whitener : ndarray (p, p)
        Differences from the center times this have the identity for their scatter.
    volume : float
        Half the logarithm of the determinant of the scatter.
    """

    center: Floats
    whitener: Floats
    volume: float

    def squares(self, points: Floats) -> Floats:
        """Squared Mahalanobis distances (m,) of points (m, p)."""
        away = points @ self.whitener
        away -= self.center @ self.whitener
        return np.einsum("ij,ij->i", away, away)


def fit_mcd(
    points: Floats, rng: np.random.Generator, support: float = 0.5, shrinkage: float = 0.0
) -> Ellipsoid:
    """The share of the points whose covariance has the least determinant (FAST-MCD).

    Each start takes two concentration steps: the next estimate is made of the points nearest by
    the present one, so that the determinant never grows. The three best go on until they stand
    still. Then the scatter is made consistent at the normal distribution, and mean and covariance
    of all points within its 97.5 % ellipsoid are taken.

    Parameters
    ----------
    points : ndarray (m, p)
        More than 2·p of them. The unit of an axis should be about its deviation: 1e-4 of a unit
        is the least width there is.
    rng : Generator
    support : float in [0.5, 1], default 0.5
        The share. One half withstands most, three quarters know more.
    shrinkage : float in [0, 1), default 0
        So much of the scatter of all points is blended in, for points that are few or whose bulk
        hardly moves in some direction.

    Notes
    -----
    Two of the starts are the points nearest to the median, by column and by the covariance of
    directions; the others random. O(m·p²) a step, some 80 steps.

    References
    ----------
    Rousseeuw & Van Driessen (1999), doi:10.1080/00401706.1999.10485670.
    Hubert, Rousseeuw & Verdonck (2012), doi:10.1080/10618600.2012.672100.
    Boudt, Rousseeuw, Vanduffel & Verdonck (2020), doi:10.1007/s11222-019-09869-x.
    """
    rows, axes = points.shape
    size = min(rows, max((rows + axes + 1) // 2, int(support * rows)))
    tried = [_concentrate(points, start, size, _FIRST_STEPS) for start in _starts(points, rng)]
    best = min(
        (_concentrate(points, one, size, _MOST_STEPS) for one in sorted(tried, key=_volume)[:_BEST]),
        key=_volume,
    )
    squares = best.squares(points)
    # The nearest share is too narrow at the normal: its line is scaled up to consistency.
    line = 2.0 * gammaincinv(axes / 2, 0.975) * np.median(squares) / (2.0 * gammaincinv(axes / 2, 0.5))
    kept, share = points[squares <= line], 0.975
    if len(kept) < size:
        kept, share = points[np.sort(np.argpartition(squares, size - 1)[:size])], size / rows
    center, scatter = _moments(kept)
    if share < 1.0:
        scatter *= share / gammainc(axes / 2 + 1, gammaincinv(axes / 2, share))
    return _ellipsoid(center, (1.0 - shrinkage) * scatter + shrinkage * _moments(points)[1])


def _starts(points: Floats, rng: np.random.Generator) -> list[Ellipsoid]:
    rows, axes = points.shape
    away = points - np.median(points, axis=0)
    width = np.median(np.abs(away), axis=0)
    scaled = away / np.where(width > 0, width, 1.0)
    norms = np.linalg.norm(scaled, axis=1)
    signs = scaled / np.where(norms > 0, norms, 1.0)[:, None]
    size = min(rows, (rows + axes + 1) // 2)
    by_sign = _ellipsoid(*_moments(signs)).squares(scaled)
    picks = [np.argsort(far, kind="stable")[:size] for far in (norms, by_sign)]
    picks += [rng.permutation(rows)[: min(rows, 2 * axes + 1)] for _ in range(_RANDOM)]
    return [_ellipsoid(*_moments(points[pick])) for pick in picks]


def _concentrate(points: Floats, present: Ellipsoid, size: int, steps: int) -> Ellipsoid:
    for step in range(steps):
        nearest = np.sort(np.argpartition(present.squares(points), size - 1)[:size])
        following = _ellipsoid(*_moments(points[nearest]))
        if step and following.volume >= present.volume - 1e-9:
            break
        present = following
    return present


def _moments(points: Floats) -> tuple[Floats, Floats]:
    center = points.mean(axis=0)
    away = points - center
    return center, away.T @ away / len(points)


def _ellipsoid(center: Floats, scatter: Floats) -> Ellipsoid:
    identity = np.eye(len(scatter))
    root = np.linalg.cholesky(scatter + _FLOOR * identity)
    whitener = np.ascontiguousarray(solve_triangular(root, identity, lower=True).T)
    return Ellipsoid(center, whitener, float(np.log(np.diag(root)).sum()))


def _volume(ellipsoid: Ellipsoid) -> float:
    return ellipsoid.volume
