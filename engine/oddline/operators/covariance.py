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


def shrunk_covariance(away: Floats, shrinkage: float = 0.1) -> Floats:
    """(1 − a)·S + a·I of rows in units of their standard deviation.

    Parameters
    ----------
    away : ndarray (n, d)
        Rows less the mean, columns of variance about 1 or constant.
    shrinkage : float, default 0.1
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
    array([[1. , 0.9],
           [0.9, 1. ]])
    """
    covariance: Floats = (1.0 - shrinkage) * (away.T @ away) / len(away)
    return covariance + shrinkage * np.eye(len(covariance))


def alike(away: Floats, most: int) -> list[NDArray[np.intp]]:
    """The columns in groups of at most ``most``, those that move together in one group.

    A group is a column and those of the largest absolute covariance with it, as 12 principal axes
    tell it, among the columns that no group has yet. O(n·d·min(n, d)) on a sample.

    Examples
    --------
    >>> rows = np.array([[1.0, 0.1, 2.0, 0.0], [-1.0, 0.0, -2.0, 0.2], [0.0, -0.1, 0.0, -0.2]])
    >>> [group.tolist() for group in alike(rows, 2)]
    [[0, 2], [1, 3]]
    """
    columns = away.shape[1]
    if columns <= most:
        return [np.arange(columns)]
    rows = sampled(away)
    axes = compress(rows, 12).axes
    loads = axes * (rows @ axes).std(axis=0)
    left, groups = np.arange(columns), []
    size = -(-columns // -(-columns // most))  # groups of about one size
    while len(left):
        first = loads[left[(loads[left] ** 2).sum(axis=1).argmax()]]
        order = np.argsort(-np.abs(loads[left] @ first), kind="stable")
        groups.append(np.sort(left[order[:size]]))
        left = np.sort(left[order[size:]])
    return groups


@dataclass(frozen=True, eq=False)
class CovarianceDistance:
    """How far a window is from all rows in covariance and in mean.

    ‖S^(−½)·(S_t − S)·S^(−½)‖_F + ‖S^(−½)·m_t‖, with the covariance S_t and the mean m_t of the window,
    and S of all rows, shrunk and seen along its strongest axes.

    Attributes
    ----------
    axes : ndarray (d, k)
        Orthonormal.
    widths : ndarray (k,)
        √ of the shrunk variance along each axis.
    usual : ndarray (k,)
        The variance along each axis, in units of its width.
    """

    axes: Floats
    widths: Floats
    usual: Floats

    def distances(self, away: Floats, window: int) -> Floats:
        """The distance of every window of so many rows, (n - window + 1,), of rows (n, d)."""
        change, mean = self._change(away, window)
        first, second = np.triu_indices(len(self.widths))
        twice = np.where(first == second, 1.0, 2.0)
        distances: Floats = np.sqrt(change**2 @ twice) + np.linalg.norm(mean, axis=1)
        return distances

    def shares(self, away: Floats, window: int) -> Floats:
        """The distances split over the columns, (n - window + 1, d): each row sums to one."""
        change, mean = self._change(away, window)
        size = len(self.widths)
        first, second = np.triu_indices(size)
        whole = np.empty((len(change), size, size))
        whole[:, first, second] = whole[:, second, first] = change
        # Brought back to the columns the change is V·C·V'; the squares of its row i sum to v_i'·C²·v_i.
        squared = (whole @ whole).reshape(len(whole), -1)
        loads = (self.axes[:, :, None] * self.axes[:, None, :]).reshape(len(self.axes), -1)
        return _split(np.maximum(squared @ loads.T, 0.0)) + _split((mean @ self.axes.T) ** 2)

    def _change(self, away: Floats, window: int) -> tuple[Floats, Floats]:
        """The upper triangle of S_t − S and the mean of every window, both along the axes."""
        seen = away @ self.axes / self.widths
        first, second = np.triu_indices(len(self.widths))
        mean = moving_mean(seen, window)
        covariance = moving_mean(seen[:, first] * seen[:, second], window) - mean[:, first] * mean[:, second]
        return covariance - np.where(first == second, self.usual[first], 0.0), mean


def _split(squares: Floats) -> Floats:
    """Parts of a root, by the squares (n, d) whose sum it is the root of."""
    root = np.sqrt(squares.sum(axis=1, keepdims=True))
    return np.divide(squares, root, out=np.zeros_like(squares), where=root > 0)


def fit_covariance_distance(away: Floats, axes: int = 16, shrinkage: float = 0.1) -> CovarianceDistance:
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
