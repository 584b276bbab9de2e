"""The algorithms of our catalogue, built from scikit-learn and PyOD: what speed is measured against.

Runs in ``.venv-bench``, which ``make peers`` makes. All see windows of :data:`WINDOW` rows, as ours do in
that measurement, and judge every row; where a library has the algorithm, the call is the library's own.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peers import centred, matrix_profile, standardised, windows

__all__ = ["COUNTERPARTS", "WINDOW"]

Floats = NDArray[np.float64]

WINDOW = 48
LAGS = (6, 12, 24, 36, 48)
RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def table_of(values: Floats) -> Floats:
    """Windows as rows of a table, columns standardised."""
    return standardised(windows(values, WINDOW))


def isolation_forest(values: Floats) -> Floats:
    from sklearn.ensemble import IsolationForest

    table = table_of(values)
    return centred(-IsolationForest(random_state=0).fit(table).score_samples(table), len(values))


def nearest_neighbors(values: Floats) -> Floats:
    from sklearn.neighbors import NearestNeighbors

    distance, _ = NearestNeighbors(n_neighbors=5).fit(table_of(values)).kneighbors()
    return centred(distance.mean(axis=1), len(values))


def robust_covariance(values: Floats) -> Floats:
    from sklearn.covariance import MinCovDet

    table = table_of(values)
    return centred(MinCovDet(random_state=0).fit(table).mahalanobis(table), len(values))


def real_or_synthetic(values: Floats) -> Floats:
    """A random forest that tells windows from uniform noise; out of bag for the windows."""
    from sklearn.ensemble import RandomForestClassifier

    real = table_of(values)
    low, high = real.min(axis=0), real.max(axis=0)
    noise = np.random.default_rng(0).uniform(low - 0.1 * (high - low), high + 0.1 * (high - low), real.shape)
    both, is_noise = np.vstack([real, noise]), np.repeat([0, 1], len(real))
    forest = RandomForestClassifier(oob_score=True, random_state=0).fit(both, is_noise)
    return centred(np.nan_to_num(forest.oob_decision_function_[: len(real), 1]), len(values))


def ensemble(values: Floats) -> Floats:
    """The mean of four standardised scores."""
    members = (isolation_forest, nearest_neighbors, robust_covariance, real_or_synthetic)
    return np.asarray(np.mean([standardised(member(values)[:, None])[:, 0] for member in members], axis=0))


def forecasters(values: Floats, kept: int) -> Floats:
    """75 ridge forecasters (5 look-backs, 3 windowings, 5 strengths) by their error on the last quarter."""
    from sklearn.linear_model import Ridge

    series = standardised(values)[:, 0]
    ranked = []
    for lag in LAGS:
        table = windows(series[:, None], lag + 1)
        past, target = table[:, :-1], table[:, -1]
        mean, width = past.mean(axis=1), past.std(axis=1) + 1e-9
        steps = np.diff(past, axis=1)
        views: list[tuple[Floats, Floats, Any, Any]] = [
            (past, target, 0.0, 1.0),
            ((past - mean[:, None]) / width[:, None], (target - mean) / width, mean, width),
            (steps, target - past[:, -1], past[:, -1], 1.0),
        ]
        split = len(past) * 3 // 4
        for inputs, output, shift, scale in views:
            for strength in RIDGES:
                model = Ridge(strength).fit(inputs[:split], output[:split])
                forecast = model.predict(inputs) * scale + shift
                error = np.mean((forecast[split:] - target[split:]) ** 2)
                ranked.append((error, lag, strength, inputs, output, shift, scale, target))
    ranked.sort(key=lambda entry: entry[0])
    squares = np.zeros((kept, len(values)))
    for row, (_, lag, strength, inputs, output, shift, scale, target) in zip(squares, ranked, strict=False):
        forecast = Ridge(strength).fit(inputs, output).predict(inputs) * scale + shift
        row[lag:] = (forecast - target) ** 2
    return np.asarray(np.median(squares, axis=0))


def autoencoder(values: Floats) -> Floats:
    from sklearn.neural_network import MLPRegressor

    table = table_of(values).astype(np.float32)
    net = MLPRegressor(hidden_layer_sizes=(64, 16, 64), early_stopping=True, max_iter=50, random_state=0)
    rebuilt = net.fit(table, table).predict(table)
    return centred(((rebuilt - table) ** 2).mean(axis=1).astype(float), len(values))


def moving_covariance(values: Floats) -> Floats:
    from sklearn.covariance import LedoitWolf

    table = standardised(values)
    whole = LedoitWolf().fit(table).covariance_
    view = np.lib.stride_tricks.sliding_window_view(table, WINDOW, axis=0)
    gaps = np.array([np.linalg.norm(LedoitWolf().fit(window.T).covariance_ - whole) for window in view])
    return centred(gaps, len(values))


def graphical_lasso(values: Floats) -> Floats:
    from sklearn.covariance import GraphicalLasso

    table = standardised(values)
    return np.asarray(GraphicalLasso(0.1).fit(table).mahalanobis(table))


def translation(values: Floats) -> Floats:
    """Each column from windows of the others, by ridge regression."""
    from sklearn.linear_model import Ridge

    table = standardised(values)
    view = np.lib.stride_tricks.sliding_window_view(table, WINDOW, axis=0)
    score = np.zeros(len(values))
    for column in range(table.shape[1]):
        inputs = np.delete(view, column, axis=1).reshape(len(view), -1)
        target = table[WINDOW - 1 :, column]
        score[WINDOW - 1 :] += (Ridge(1.0).fit(inputs, target).predict(inputs) - target) ** 2
    return score


def pyod_neighbors(values: Floats) -> Floats:
    from pyod.models.knn import KNN

    return centred(KNN(n_neighbors=50).fit(table_of(values)).decision_scores_, len(values))


COUNTERPARTS = {
    "scikit-learn IsolationForest": isolation_forest,
    "scikit-learn NearestNeighbors": nearest_neighbors,
    "scikit-learn MinCovDet": robust_covariance,
    "scikit-learn RandomForestClassifier": real_or_synthetic,
    "scikit-learn, mean of those four": ensemble,
    "scikit-learn Ridge, best of 75": partial(forecasters, kept=1),
    "scikit-learn Ridge, best 5 of 75": partial(forecasters, kept=5),
    "scikit-learn MLPRegressor": autoencoder,
    "scikit-learn LedoitWolf": moving_covariance,
    "scikit-learn GraphicalLasso": graphical_lasso,
    "scikit-learn Ridge a column": translation,
    "PyOD KNN k=50": pyod_neighbors,
    "stumpy matrix profile": matrix_profile,
}
"""By name, the library first."""
