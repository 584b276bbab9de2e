"""What others offer: detectors of scikit-learn, PyOD, aeon and stumpy, from (n, d) values to (n,) scores.

Runs in ``.venv-bench``, which ``make peers`` makes. Each is called as its authors propose: windows
of one dominant period (125 rows where there is none) on a lone column; of several columns the
libraries for tables see rows, those for series joint windows. Labels are never shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from series import dominant_period

__all__ = ["PEERS", "tracks_of"]

Floats = NDArray[np.float64]

WIDEST = 1000
"""Values in a joint window of several columns, at most."""


def window_of(values: Floats) -> int:
    """The dominant period of the first column, short enough for the series and for all columns."""
    columns = values.shape[1]
    window = min(dominant_period(values[:, 0]), len(values) // 4)
    return max(2, window if columns == 1 else min(window, WIDEST // columns))


def windows(values: Floats, length: int) -> Floats:
    """All windows as rows of a table: (n - length + 1, length * d)."""
    view = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)
    return np.ascontiguousarray(view.reshape(len(view), -1))


def centred(scores: Floats, rows: int) -> Floats:
    """The score of a window on its middle row; the ends repeat the outermost."""
    head = (rows - len(scores) + 1) // 2
    return np.pad(scores, (head, rows - len(scores) - head), mode="edge")


def points(values: Floats) -> Floats:
    """What a detector for tables sees: windows of a lone column, else the rows; each column standardised."""
    return standardised(windows(values, window_of(values)) if values.shape[1] == 1 else values)


def standardised(table: Floats) -> Floats:
    """Each column with mean 0 and variance 1."""
    width = table.std(axis=0)
    return np.asarray((table - table.mean(axis=0)) / np.where(width > 0, width, 1.0))


def pyod(model: str, values: Floats, **parameters: Any) -> Floats:
    """A PyOD detector on :func:`points`."""
    module, name = model.split(":")
    detector = getattr(import_module(f"pyod.models.{module}"), name)(**parameters)
    return centred(np.nan_to_num(detector.fit(points(values)).decision_scores_), len(values))


def isolation_forest(values: Floats) -> Floats:
    from sklearn.ensemble import IsolationForest

    table = points(values)
    return centred(-IsolationForest(random_state=0).fit(table).score_samples(table), len(values))


def local_outlier_factor(values: Floats) -> Floats:
    from sklearn.neighbors import LocalOutlierFactor

    return centred(-LocalOutlierFactor().fit(points(values)).negative_outlier_factor_, len(values))


def nearest_neighbors(values: Floats) -> Floats:
    from sklearn.neighbors import NearestNeighbors

    distance, _ = NearestNeighbors(n_neighbors=5).fit(points(values)).kneighbors()
    return centred(distance.mean(axis=1), len(values))


def robust_covariance(values: Floats) -> Floats:
    from sklearn.covariance import MinCovDet

    table = points(values)
    return centred(MinCovDet(random_state=0).fit(table).mahalanobis(table), len(values))


def perceptron_autoencoder(values: Floats) -> Floats:
    from sklearn.neural_network import MLPRegressor

    table = points(values).astype(np.float32)
    net = MLPRegressor(hidden_layer_sizes=(64, 16, 64), early_stopping=True, max_iter=50, random_state=0).fit(
        table, table
    )
    return centred(((net.predict(table) - table) ** 2).mean(axis=1).astype(float), len(values))


def aeon(model: str, values: Floats, **parameters: Any) -> Floats:
    """A detector of aeon; ``window_size`` is the dominant period where none is given."""
    module, name = model.split(":")
    kind = getattr(import_module(f"aeon.anomaly_detection.series.{module}"), name)
    if "window_size" in kind().get_params():
        parameters.setdefault("window_size", window_of(values))
    data = values if values.shape[1] > 1 else values[:, 0]
    scores = kind(**parameters).fit_predict(data, axis=0)
    return np.nan_to_num(np.asarray(scores, dtype=float))


def matrix_profile(values: Floats) -> Floats:
    import stumpy

    series = values[:, 0]
    profile = stumpy.stump(series, m=max(3, window_of(values)))[:, 0].astype(float)
    return centred(np.nan_to_num(profile, posinf=0.0), len(values))


Detector = Callable[[Floats], Floats]

EVERY: dict[str, Detector] = {
    "scikit-learn IsolationForest": isolation_forest,
    "scikit-learn LocalOutlierFactor": local_outlier_factor,
    "scikit-learn NearestNeighbors k=5": nearest_neighbors,
    "scikit-learn MLP autoencoder": perceptron_autoencoder,
    "PyOD KNN k=50 (Sub-KNN)": partial(pyod, "knn:KNN", n_neighbors=50),
    "PyOD PCA (Sub-PCA)": partial(pyod, "pca:PCA"),
    "PyOD IForest": partial(pyod, "iforest:IForest", random_state=0),
    "PyOD HBOS": partial(pyod, "hbos:HBOS"),
    "PyOD COPOD": partial(pyod, "copod:COPOD"),
    "PyOD ECOD": partial(pyod, "ecod:ECOD"),
    "PyOD OCSVM": partial(pyod, "ocsvm:OCSVM"),
    "PyOD MCD": partial(pyod, "mcd:MCD", random_state=0),
    "aeon KMeansAD": partial(aeon, "distance_based:KMeansAD", random_state=0),
    "aeon KMeansAD, 20 rows": partial(aeon, "distance_based:KMeansAD", random_state=0, window_size=20),
    "aeon IsolationForest": partial(aeon, "outlier_detection:IsolationForest", random_state=0),
}
LONE_COLUMN: dict[str, Detector] = {
    "scikit-learn MinCovDet": robust_covariance,
    "aeon STOMP": partial(aeon, "distance_based:STOMP"),
    "aeon LeftSTAMPi": partial(aeon, "distance_based:LeftSTAMPi", n_init_train=200),
    "aeon ROCKAD": partial(aeon, "distance_based:ROCKAD"),
    "aeon DWT_MLEAD": partial(aeon, "distribution_based:DWT_MLEAD"),
    "stumpy matrix profile": matrix_profile,
}
PEERS: dict[str, Detector] = {**EVERY, **LONE_COLUMN}
"""The peers by name, the library first."""


def tracks_of(name: str) -> str:
    """U: a lone column only, UM: several columns too."""
    return "U" if name in LONE_COLUMN else "UM"
