"""What we offer: every pair of the catalogue with its defaults; and floors that cost next to nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from oddline.catalog import check, least_columns_of
from oddline.pipelines import PIPELINES
from oddline.workflow import detect

__all__ = ["FLOORS", "NAMES", "OURS", "pair", "tracks_of"]

Floats = NDArray[np.float64]


def pair(algorithm: str, estimator: str, lookback: int | str = "auto") -> Callable[[Floats], Floats]:
    """What ``oddline.detect`` scores, and so the command line and the service: (n, d) to (n,)."""
    spec = check({"algorithm": algorithm, "estimator": estimator, "lookback": lookback})
    return lambda values: detect(values, spec).score


def title(algorithm: str, estimator: str) -> str:
    """What a pair is called in a table."""
    return algorithm if estimator == "Default" else f"{algorithm} {estimator}"


NAMES = {title(*names): names for names in PIPELINES}
"""Algorithm and estimator by title."""

OURS = {name: pair(*names) for name, names in NAMES.items()}
"""Every pair with its defaults, by title."""


def tracks_of(name: str) -> str:
    """The tracks a pair or a floor can judge: U, one column; M, several."""
    return "M" if name in NAMES and least_columns_of(NAMES[name][0]) > 1 else "UM"


def standardised(values: Floats) -> Floats:
    width = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(width > 0, width, 1.0))


def moving_mean(values: Floats, window: int) -> Floats:
    """The mean over ``window`` rows around each row, fewer at the ends."""
    rows = np.arange(len(values))
    low = np.maximum(rows - window // 2, 0)
    high = np.minimum(low + window, len(values))
    sums = np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])
    return np.asarray((sums[high] - sums[low]) / (high - low)[:, None])


def moving_variance(values: Floats) -> Floats:
    """The variance of 96 rows around each row, the mean over the columns."""
    z = standardised(values)
    variance = moving_mean(z**2, 96) - moving_mean(z, 96) ** 2
    return np.asarray(np.maximum(variance, 0.0).mean(axis=1))


def last_three(values: Floats) -> Floats:
    """How far each row lies from the mean of the three before it."""
    z = standardised(values)
    padded = np.vstack([z[:1]] * 3 + [z])
    before = (padded[:-3] + padded[1:-2] + padded[2:-1]) / 3
    return np.asarray(np.abs(z - before).mean(axis=1))


def window_energy(values: Floats) -> Floats:
    """The mean square of 96 standardised rows around each row."""
    return np.asarray(moving_mean(standardised(values) ** 2, 96).mean(axis=1))


FLOORS = {
    "moving variance, 96 rows": moving_variance,
    "difference to the last 3 rows": last_three,
    "window energy, 96 rows": window_energy,
}
"""No algorithm may be worse than these."""
