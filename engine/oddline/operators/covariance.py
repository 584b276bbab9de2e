"""Covariances that can be inverted, and how far one of few rows is from that of many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddline.operators.neighbors import compress
from oddline.operators.windows import moving_mean

__all__ = ["CovarianceDistance", "alike", "fit_covariance_distance", "sampled", "shrunk_covariance"]

Floats = NDArray[np.float64]

_SAMPLE = 20_000
_CELLS = 10_000_000


def shrunk_covariance(away: Floats, shrinkage: float = 0.5) -> Floats:
    """(1 − a)·S + a·I of rows in units of their standard deviation.

    Parameters
    ----------
    away : ndarray (n, d)
        Rows less the mean, columns of variance about 1 or constant.
    shrinkage : float, default 0.5
        a, above 0 and up to 1: no direction has less variance than a.

    Returns
    -------
    ndarray (d, d)
        Positive definite, whatever the rows.

    References
    ----------
    Ledoit & Wolf (2004), doi:10.1016/S0047-259X(03)00096-4.

    Examples
    --------
    >>> shrunk_covariance(np.array([[1.0, 1.0], [-1.0, -1.0]]))
    array([[1. , 0.5],
           [0.5, 1. ]])
    """
    covariance: Floats = (1.0 - shrinkage) * (away.T @ away) / len(away)
    return covariance + shrinkage * np.eye(len(covariance))


def alike(away: Floats, most: int) -> list[NDArray[np.intp]]:
    """The columns in groups of at most ``most``, those that move together in one group.

    Columns are put in order of the principal axis that each loads on most, and by its load; a
    few columns are one group.

    Examples
    --------
    >>> rows = np.array([[1.0, 0.1, 2.0, 0.0], [-1.0, 0.0, -2.0, 0.2], [0.0, -0.1, 0.0, -0.2]])
    >>> [group.tolist() for group in alike(rows, 2)]
    [[0, 2], [1, 3]]
    """
    columns = away.shape[1]
    if columns <= most:
        return [np.arange(columns)]
    axes = compress(sampled(away), 12).axes
    axis = np.abs(axes).argmax(axis=1)
    order = np.lexsort((axes[np.arange(columns), axis], axis))
    return [np.sort(group) for group in np.array_split(order, -(-columns // most))]


@dataclass(frozen=True, eq=False)
class CovarianceDistance:
    """How far the covariance of a window is from that of all rows, ‖S^(−½)·(S_t − S)·S^(−½)‖_F.

    S is shrunk and seen along its strongest axes; S_t is taken about the mean of all rows, so
    that a lasting shift counts.

    Attributes
    ----------
    axes : ndarray (d, k)
        Orthonormal.
    widths : ndarray (k,)
        √ of the shrunk variance along each axis.
    usual : ndarray (k,)
        The variance of a coordinate as :meth:`_coordinates` gives it.
    """

    axes: Floats
    widths: Floats
    usual: Floats

    def distances(self, away: Floats, window: int) -> Floats:
        """The distance of every window of so many rows, (n - window + 1,), of rows (n, d)."""
        first, second = np.triu_indices(len(self.widths))
        change = self._change(away, window, first, second)
        squares: Floats = change**2 @ np.where(first == second, 1.0, 2.0)
        return np.sqrt(squares)

    def shares(self, away: Floats, window: int) -> Floats:
        """The squared distances split over the columns, (n - window + 1, d): each row sums to one."""
        size = len(self.widths)
        first, second = np.triu_indices(size)
        change = self._change(away, window, first, second)
        whole = np.empty((len(change), size, size))
        whole[:, first, second] = whole[:, second, first] = change
        # Brought back to the columns the change is V·C·V'; the squares of its row i sum to v_i'·C²·v_i.
        squared = (whole @ whole).reshape(len(whole), -1)
        loads = (self.axes[:, :, None] * self.axes[:, None, :]).reshape(len(self.axes), -1)
        return np.maximum(squared @ loads.T, 0.0)

    def _change(self, away: Floats, window: int, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
        """S_t − S of every window, the entries of its upper triangle."""
        seen = away @ self.axes / self.widths
        moments = moving_mean(seen[:, first] * seen[:, second], window)
        return moments - np.where(first == second, self.usual[first], 0.0)


def fit_covariance_distance(away: Floats, axes: int = 16, shrinkage: float = 0.5) -> CovarianceDistance:
    """Learn S from rows (n, d) less their mean, columns of variance about 1 or constant.

    Notes
    -----
    O(n·d·min(n, d)) on a sample of at most 20,000 rows; the axes are those of the largest variance.

    References
    ----------
    Ledoit & Wolf (2004), doi:10.1016/S0047-259X(03)00096-4.
    """
    found = compress(sampled(away), axes).axes
    variance = np.mean((away @ found) ** 2, axis=0)
    shrunk = (1.0 - shrinkage) * variance + shrinkage
    return CovarianceDistance(found, np.sqrt(shrunk), variance / shrunk)


def sampled(rows: Floats) -> Floats:
    """Rows at even steps: at most 20,000 of them and ten million cells."""
    most = max(1, min(_SAMPLE, _CELLS // rows.shape[1]))
    return rows[:: -(-len(rows) // most)]
