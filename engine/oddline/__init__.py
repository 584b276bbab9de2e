"""Oddline: anomaly detection for time series and tables.

``oddline.detect(...)`` is the one call; ``oddline.fit(...)`` learns once, to score later. The names
below are loaded on first use, so importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oddline.model import Model
    from oddline.persist import load, save
    from oddline.result import Detection
    from oddline.workflow import detect, fit

__version__ = "0.1.0"
__all__ = ["Detection", "Model", "__version__", "detect", "fit", "load", "save"]

_HOMES = {
    "Detection": "oddline.result",
    "Model": "oddline.model",
    "detect": "oddline.workflow",
    "fit": "oddline.workflow",
    "load": "oddline.persist",
    "save": "oddline.persist",
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'oddline' has no attribute {name!r}")
