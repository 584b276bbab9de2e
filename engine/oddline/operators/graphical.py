"""Gaussian graphical models: precision matrices with few entries, and what they say of each variable."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

__all__ = ["constrained_precision", "partial_correlations", "sparse_precision", "variable_scores"]

Floats = NDArray[np.float64]

_MOST_STEPS = 500
_TOLERANCE = 1e-4


def sparse_precision(covariance: Floats, penalty: float) -> Floats:
    """The graphical lasso: Θ that maximises ln det Θ − tr(SΘ) − λ·Σ|Θ_ij| over i ≠ j.

    Parameters
    ----------
    covariance : ndarray (d, d)
        S, positive definite: shrink it first.
    penalty : float
        λ ≥ 0; larger keeps fewer entries off the diagonal.

    Returns
    -------
    ndarray (d, d)
        Symmetric, positive definite, with exact zeros.

    Notes
    -----
    By the alternating direction method of multipliers (Boyd et al. 2011, section 6.5): each step is
    one eigendecomposition, O(d³), and some dozens suffice whatever the condition of S.

    References
    ----------
    Friedman, Hastie & Tibshirani (2008), doi:10.1093/biostatistics/kxm045.
    Boyd, Parikh, Chu, Peleato & Eckstein (2011), doi:10.1561/2200000016.

    Examples
    --------
    >>> sparse_precision(np.array([[1.0, 0.1], [0.1, 1.0]]), 0.2).round(3)
    array([[1., 0.],
           [0., 1.]])
    """

    def shrink(matrix: Floats, step: float) -> Floats:
        small = np.sign(matrix) * np.maximum(np.abs(matrix) - penalty / step, 0.0) + 0.0
        np.fill_diagonal(small, np.diagonal(matrix))
        return small

    return _alternate(covariance, shrink)


def constrained_precision(covariance: Floats, support: NDArray[np.bool_]) -> Floats:
    """The likeliest Θ whose entries outside ``support`` are zero: covariance selection.

    Parameters
    ----------
    covariance : ndarray (d, d)
        Positive definite.
    support : ndarray of bool (d, d)
        Symmetric; the diagonal counts as True.

    Returns
    -------
    ndarray (d, d)
        Symmetric, positive definite. Where the support is True its inverse agrees with S.

    References
    ----------
    Dempster (1972), doi:10.2307/2528966.

    Examples
    --------
    >>> s = np.array([[1.0, 0.5, 0.4], [0.5, 1.0, 0.5], [0.4, 0.5, 1.0]])
    >>> chain = np.abs(np.subtract.outer(range(3), range(3))) < 2
    >>> np.linalg.inv(constrained_precision(s, chain)).round(3)
    array([[1.  , 0.5 , 0.25],
           [0.5 , 1.  , 0.5 ],
           [0.25, 0.5 , 1.  ]])
    """
    kept = support | np.eye(len(support), dtype=bool)
    return _alternate(covariance, lambda matrix, step: np.where(kept, matrix, 0.0))


def partial_correlations(precision: Floats) -> Floats:
    """−Θ_ij/√(Θ_ii·Θ_jj): the correlation of each pair given all others; 1 on the diagonal.

    >>> partial_correlations(np.array([[2.0, -1.0], [-1.0, 2.0]]))
    array([[1. , 0.5],
           [0.5, 1. ]])
    """
    root = np.sqrt(np.diagonal(precision))
    partial: Floats = -precision / np.outer(root, root)
    np.fill_diagonal(partial, 1.0)
    return partial


def variable_scores(away: Floats, precision: Floats, noise: float = 0.0) -> Floats:
    """How unlikely each variable is, given the others: −ln p(x_i | the others) above its least.

    Parameters
    ----------
    away : ndarray (n, d)
        Rows less the mean.
    precision : ndarray (d, d)
        Θ.
    noise : float, default 0.0
        Variance that each variable is allowed beyond its conditional variance 1/Θ_ii, so that the
        tightest links do not rule the sum.

    Returns
    -------
    ndarray (n, d)
        r_i²/(2·(1/Θ_ii + noise)) with r_i = (Θ·away)_i/Θ_ii; at least 0.

    References
    ----------
    Idé, Lozano, Abe & Liu (2009), doi:10.1137/1.9781611972795.9.

    Examples
    --------
    >>> variable_scores(np.array([[2.0, 0.0]]), np.eye(2))
    array([[2., 0.]])
    """
    diagonal = np.diagonal(precision)
    scores: Floats = (away @ precision / diagonal) ** 2 / (2.0 * (1.0 / diagonal + noise))
    return scores


def _alternate(covariance: Floats, sparsify: Callable[[Floats, float], Floats]) -> Floats:
    """Minimise tr(SΘ) − ln det Θ plus what ``sparsify`` is the proximal step of."""
    step, unit = 0.1, float(np.sqrt(len(covariance)))
    sparse = np.diag(1.0 / np.diagonal(covariance))
    gap = np.zeros_like(covariance)
    for _ in range(_MOST_STEPS):
        values, axes = eigh(step * (sparse - gap) - covariance, driver="evd")
        dense = (axes * ((values + np.sqrt(values**2 + 4.0 * step)) / (2.0 * step))) @ axes.T
        before, sparse = sparse, sparsify(dense + gap, step)
        gap += dense - sparse
        apart = _size(dense - sparse) / max(_size(sparse), unit)
        moved = _size(sparse - before) / max(_size(gap), unit / step)
        if max(apart, moved) < _TOLERANCE:
            break
        if apart > 3.0 * moved or moved > 3.0 * apart:
            factor = 2.0 if apart > moved else 0.5
            step *= factor
            gap /= factor
    return _definite((sparse + sparse.T) / 2.0, 1.0 / np.diagonal(covariance))


def _size(matrix: Floats) -> float:
    return float(np.linalg.norm(matrix))


def _definite(matrix: Floats, least: Floats) -> Floats:
    """The matrix itself where it is positive definite, else moved towards its diagonal until it is.

    No diagonal entry of a solution is below ``least``, that of a model without links.
    """
    np.fill_diagonal(matrix, np.maximum(np.diagonal(matrix), least))
    while True:
        try:
            np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            matrix = (matrix + np.diag(np.diagonal(matrix))) / 2.0
        else:
            return matrix
