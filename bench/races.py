"""Who runs against whom in the speed bench, on windows of the same length; and the calls of our side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterparts import WINDOW
from oddline import detect
from ours import NAMES, pair, tracks_of

__all__ = ["CALLS", "Race", "races", "series_of"]

Floats = NDArray[np.float64]
Call = Callable[[Floats], Floats]

AGAINST = {
    "auto": "PyOD KNN k=50",
    "DeepAD": "scikit-learn Ridge, best 5 of 75",
    "PredAD": "scikit-learn Ridge, best of 75",
    "ReconstructAD DNN_AutoEncoder": "scikit-learn MLPRegressor",
    "RelationshipAD Covariance": "scikit-learn LedoitWolf",
    "RelationshipAD GMM_L1": "scikit-learn GraphicalLasso",
    "RelationshipAD MachineTranslation": "scikit-learn Ridge a column",
    "WindowAD AnomalyEnsembler": "scikit-learn, mean of those four",
    "WindowAD IsolationForest": "scikit-learn IsolationForest",
    "WindowAD MinCovDet": "scikit-learn MinCovDet",
    "WindowAD NearestNeighbor": "scikit-learn NearestNeighbors",
    "WindowAD SyntheticRandomForestTrainer": "scikit-learn RandomForestClassifier",
}
"""The same algorithm in a library, or for ``auto`` the best peer of the quality bench."""


def whole(values: Floats, algorithm: str, lookback: int | str = "auto") -> Floats:
    """All seven stages, labels and runs included, from numbers to a detection."""
    return np.asarray(detect(values, algorithm_type=algorithm, lookback_window=lookback).score)


CALLS: dict[str, Call] = {
    **{title: pair(*names, lookback=WINDOW) for title, names in NAMES.items()},
    "detect auto": lambda values: whole(values, "auto"),
    "detect PredAD": lambda values: whole(values, "PredAD"),
    "detect PredAD L=100": lambda values: whole(values, "PredAD", 100),
}
"""What our side runs, by title."""


@dataclass(frozen=True)
class Race:
    """One of ours, a peer where there is one, and how many columns both get."""

    ours: str
    peer: str | None
    columns: int = 1


def races() -> list[Race]:
    """Every pair of the catalogue, on one column, or on four where one is not enough."""
    return [Race(title, AGAINST.get(title), 1 if "U" in tracks_of(title) else 4) for title in NAMES]


def series_of(rows: int, columns: int) -> Floats:
    """A season of 48 rows, a slower one, correlated noise and a burst now and then: (rows, columns)."""
    rng = np.random.default_rng(rows)
    time = np.arange(rows)[:, None]
    phase = rng.uniform(0, 6, columns)
    noise = rng.normal(size=(rows, columns))
    noise[1:] += 0.6 * noise[:-1]
    values = 3 * np.sin(2 * np.pi * time / 48 + phase) + np.sin(2 * np.pi * time / 331) + 0.3 * noise
    for start in range(500, rows - 20, 2500):
        values[start : start + 12] += rng.normal(scale=4, size=(12, columns))[: rows - start]
    return np.asarray(values)
