"""The catalogue: every algorithm, estimator, label method and parameter, as data.

Schemas, command line, documents and the engine itself are all read from here, so a
name, range or default is written once. Standard library only: the gateway imports it.
"""

from __future__ import annotations

from oddline.catalog.algorithms import (
    ALGORITHMS,
    Algorithm,
    Estimator,
    estimators_of,
    lane_of,
    least_columns_of,
)
from oddline.catalog.checking import check, named
from oddline.catalog.costs import memory_of
from oddline.catalog.labelings import LABELINGS, Labeling
from oddline.catalog.parameters import PARAMETERS, Parameter, Spec

__all__ = [
    "ALGORITHMS",
    "LABELINGS",
    "PARAMETERS",
    "Algorithm",
    "Estimator",
    "Labeling",
    "Parameter",
    "Spec",
    "check",
    "estimators_of",
    "lane_of",
    "least_columns_of",
    "memory_of",
    "named",
]
