"""The estimators of WindowAD: how far a window lies from the others."""

from __future__ import annotations

from collections.abc import Mapping

from oddline.pipelines.detectors.base import Detector, OnAxes
from oddline.pipelines.detectors.ensemble import Ensemble
from oddline.pipelines.detectors.forests import Contrast, Forest
from oddline.pipelines.detectors.neighbors import Neighbors
from oddline.pipelines.detectors.robust import Robust

__all__ = ["DETECTORS", "Contrast", "Detector", "Ensemble", "Forest", "Neighbors", "OnAxes", "Robust"]

DETECTORS: Mapping[str, type[Detector]] = {
    "IsolationForest": Forest,
    "NearestNeighbor": Neighbors,
    "SyntheticRandomForestTrainer": Contrast,
    "MinCovDet": Robust,
    "AnomalyEnsembler": Ensemble,
}
"""The code of each estimator of WindowAD in :data:`oddline.catalog.ALGORITHMS`."""
