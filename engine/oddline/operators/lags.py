"""Products of a series with its own past: one matrix for every look-back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

__all__ = ["NestedRidge", "lag_gram"]

Floats = NDArray[np.float64]


def lag_gram(series: Floats, order: int) -> Floats:
    """G[i, j] = Σ x[t−i]·x[t−j] over t = order … n−1, for lags 0 … order.

    Parameters
    ----------
    series : ndarray (n,) with n > order
    order : int

    Returns
    -------
    ndarray (order + 1, order + 1), symmetric

    Notes
    -----
    Each entry differs from its upper left neighbour by two products only, so the cost is
    O(n·order + order²) instead of O(n·order²).
    """
    rows = len(series)
    gram = np.empty((order + 1, order + 1))
    young = series[order:]
    gram[0] = [series[order - lag : rows - lag] @ young for lag in range(order + 1)]
    gram[:, 0] = gram[0]
    if order:
        head = series[order - 1 :: -1][:order] if order < rows else series[::-1][1 : order + 1]
        tail = series[rows - order :][::-1]
        for lag in range(order):
            gram[lag + 1, 1:] = gram[lag, :-1] + head[lag] * head - tail[lag] * tail
    return gram


class NestedRidge:
    """Ridge solutions of every order from one Cholesky factor.

    The leading block of a Cholesky factor is the factor of the leading block, so the factor of
    the largest look-back solves all shorter ones by back substitution.

    Parameters
    ----------
    gram : ndarray (p, p)
        Products of the features, the nearest lag first.
    alpha : float
        Ridge strength relative to the mean of the diagonal.
    """

    def __init__(self, gram: Floats, alpha: float) -> None:
        size = float(np.trace(gram)) / max(1, len(gram))
        lift = max(alpha * size, np.finfo(float).tiny)
        while True:
            try:
                self.factor = cholesky(gram + lift * np.eye(len(gram)), lower=True)
                break
            except np.linalg.LinAlgError:
                lift = max(10 * lift, 1e-12 * size)

    def project(self, products: Floats) -> Floats:
        """Forward substitution of the products with the target, once for all orders."""
        return np.asarray(solve_triangular(self.factor, products, lower=True))

    def weights(self, projected: Floats, order: int) -> Floats:
        """The coefficients of the first ``order`` lags."""
        return np.asarray(
            solve_triangular(self.factor[:order, :order], projected[:order], lower=True, trans="T")
        )
