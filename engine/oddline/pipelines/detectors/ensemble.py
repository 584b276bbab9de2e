"""The opinions of all other detectors, in common units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.neighbors import pick_references
from oddline.operators.windows import take
from oddline.pipelines.detectors.base import Detector
from oddline.pipelines.detectors.forests import Contrast, Forest
from oddline.pipelines.detectors.neighbors import Neighbors
from oddline.pipelines.detectors.robust import Robust

__all__ = ["Ensemble"]

Floats = NDArray[np.float64]

_JUDGED = 1_000


class Ensemble(Detector):
    """The mean of the other detectors' scores, each in deviations of its own on learnt windows.

    A z-score would also take away each mean. That shifts all scores alike; left out, they stay
    at least 0.
    """

    def fit(self, view: NDArray[np.float64]) -> None:
        """Learn every member, and how much its scores vary."""
        kinds: tuple[type[Detector], ...] = (Forest, Neighbors, Contrast, Robust)
        self._members = [kind(self.window, self.seed, **self.options) for kind in kinds]
        places = pick_references(len(view), _JUDGED, np.random.default_rng(self.seed))
        windows = take(view, places)
        self._widths: list[float] = []
        for member in self._members:
            member.fit(view)
            width = float(member.scores(windows, places).std())
            self._widths.append(width if width > 1e-12 else 1.0)

    def scores(self, windows: Floats, places: NDArray[np.intp] | None) -> Floats:
        total = np.zeros(len(windows))
        for member, width in zip(self._members, self._widths, strict=True):
            total += member.scores(windows, places) / width
        return total / len(self._members)

    def parts(self, windows: Floats, channels: int, places: NDArray[np.intp] | None) -> Floats:
        """Each member's shares, as much as its opinion counts."""
        total = np.zeros((len(windows), channels))
        for member, width in zip(self._members, self._widths, strict=True):
            parts = member.parts(windows, channels, places)
            whole = parts.sum(axis=1, keepdims=True)
            weight = (member.scores(windows, places) / width)[:, None]
            total += np.divide(parts, whole, out=np.zeros_like(parts), where=whole > 0) * weight
        return total

    def __str__(self) -> str:
        return f"AnomalyEnsembler([{','.join(map(str, self._members))}])"
