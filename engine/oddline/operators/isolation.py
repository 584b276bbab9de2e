"""Isolation scores from scikit-learn's trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["grow_forest", "isolation_scores"]

Floats = NDArray[np.float64]


def grow_forest(sample: Floats, trees: int, random_state: int | np.random.RandomState | None) -> Any:
    """An isolation forest grown on ``sample`` (m, points).

    References
    ----------
    Liu, Ting & Zhou (2008), Isolation forest, doi:10.1109/ICDM.2008.17.
    """
    # Loaded here: the ensemble module takes a second that nearest neighbours need not wait for.
    from sklearn.ensemble import IsolationForest

    return IsolationForest(n_estimators=trees, random_state=random_state).fit(sample)


def isolation_scores(forest: Any, windows: Floats) -> Floats:
    """s = 2^(−E[h]/c(m)) of each window, in (0, 1): near 1 is isolated, 0.5 and less is not."""
    return -np.asarray(forest.score_samples(windows), dtype=float)
