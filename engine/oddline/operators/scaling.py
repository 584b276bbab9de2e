"""Common units for columns, and a lid on values that would rule every sum of squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scale", "clip_tails", "fit_scale", "robust_scale"]

Floats = NDArray[np.float64]

MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, eq=False)
class Scale:
    """Subtract ``center``, divide by ``width``; both of shape (d,)."""

    center: Floats
    width: Floats

    def apply(self, values: Floats) -> Floats:
        """``values`` (n, d) in common units."""
        return (values - self.center) / self.width


def fit_scale(values: Floats) -> Scale:
    """Mean and standard deviation of each column, the global scale; constant columns get width 1.

    Examples
    --------
    >>> fit_scale(np.array([[0.0, 7.0], [2.0, 7.0]])).width
    array([1., 1.])
    """
    center = values.mean(axis=0)
    width = values.std(axis=0)
    # A constant column has a deviation of pure rounding, which must not be blown up.
    flat = width <= 1e-12 * np.maximum(np.abs(center), np.finfo(float).tiny)
    return Scale(center, np.where(flat | ~np.isfinite(width), 1.0, width))


def robust_scale(values: Floats) -> tuple[float, float]:
    """Median and width of one series: 1.4826·MAD, else the standard deviation, else 0."""
    center = float(np.median(values))
    away = np.abs(values - center)
    width = MAD_TO_SIGMA * float(np.median(away))
    return center, width if width > 0 else float(np.sqrt(np.mean(away**2)))


def clip_tails(series: Floats, widths: float = 6.0) -> Floats:
    """The series with values further than so many robust widths from the median pulled in.

    Learning from the clipped copy keeps a few wild rows from ruling a least-squares fit.
    A series that is constant for most rows has no robust width and is clipped by its deviation.
    """
    center, width = robust_scale(series)
    return np.clip(series, center - widths * width, center + widths * width)
