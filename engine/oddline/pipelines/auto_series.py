"""What ``auto`` looks at in one column: short, middle and long windows of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oddline.operators.windows import around, moving_mean, pad_head, spread
from oddline.pipelines.detectors import ColumnEnergy, Detector, WindowNeighbors
from oddline.pipelines.views import View
from oddline.progress import Progress, silent

__all__ = ["SmoothView", "series_views"]

Floats = NDArray[np.float64]

_SHORT, _MIDDLE, _LONG = 16, 96, 224
_ENERGY = 128


class SmoothView(View):
    """A view whose row scores are averaged, and averaged again, over ``width`` rows.

    A short window sees a spike where it is; smoothed, a cluster of weak ones adds up.
    """

    def __init__(self, detector: Detector, causal: bool, width: int) -> None:
        super().__init__(detector, causal)
        self.width = width

    @property
    def reach(self) -> int:
        return super().reach + self.width - 1

    def scores(
        self,
        series: Floats,
        learnt: int,
        progress: Progress = silent,
        rows: NDArray[np.intp] | None = None,
    ) -> Floats:
        rows = np.arange(len(series)) if rows is None else rows
        near = around(rows, self.width - 1, 0 if self.causal else self.width - 1, len(series))
        rough = np.zeros(len(series))
        rough[near] = super().scores(series, learnt, progress, near)
        if self.causal:
            smooth = moving_mean(pad_head(rough, len(rough) + self.width - 1), self.width)
        else:
            padded = pad_head(rough, self.width)
            smooth = spread(moving_mean(padded, self.width), self.width)[len(padded) - len(rough) :]
        return np.asarray(smooth[rows])

    def __str__(self) -> str:
        return f"Smooth({super().__str__()},width={self.width})"


def series_views(series: Floats, causal: bool, seed: int) -> list[View]:
    """The views of a scaled series (n, 1), not yet fitted.

    Neighbours of windows of 16, 96 and 224 rows, and the energy of windows of 128, which does not
    need an event to be unlike all others; none takes more than a sixth of the rows.
    """
    most = max(1, len(series) // 6)
    short, middle, long, energy = (min(most, rows) for rows in (_SHORT, _MIDDLE, _LONG, _ENERGY))
    return [
        SmoothView(WindowNeighbors(short, seed, whitening=1.0), causal, short),
        View(WindowNeighbors(middle, seed, whitening=1.0), causal),
        View(WindowNeighbors(long, seed, whitening=0.0), causal),
        View(ColumnEnergy(energy, seed, np.ones(1)), causal),
    ]
