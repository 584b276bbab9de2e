"""How far a window lies from the others: the estimators of WindowAD, and what auto looks with."""

from __future__ import annotations

from collections.abc import Mapping

from oddline.pipelines.detectors.base import Detector, OnAxes
from oddline.pipelines.detectors.ensemble import Ensemble
from oddline.pipelines.detectors.forests import Contrast, Forest
from oddline.pipelines.detectors.neighbors import Neighbors
from oddline.pipelines.detectors.robust import Robust
from oddline.pipelines.detectors.spectral import ColumnEnergy, JointNeighbors, WindowNeighbors

__all__ = [
    "DETECTORS",
    "ColumnEnergy",
    "Contrast",
    "Detector",
    "Ensemble",
    "Forest",
    "JointNeighbors",
    "Neighbors",
    "OnAxes",
    "Robust",
    "WindowNeighbors",
]

DETECTORS: Mapping[str, type[Detector]] = {
    "IsolationForest": Forest,
    "NearestNeighbor": Neighbors,
    "SyntheticRandomForestTrainer": Contrast,
    "MinCovDet": Robust,
    "AnomalyEnsembler": Ensemble,
}
"""The code of each estimator of WindowAD in :data:`oddline.catalog.ALGORITHMS`."""
