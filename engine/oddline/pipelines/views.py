"""A detector of odd windows as a judge of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from oddline.operators.windows import around, blocks, coarsen, flatten, pad_head, spread, take
from oddline.pipelines.detectors import Detector
from oddline.progress import Progress, silent

__all__ = ["View"]

Floats = NDArray[np.float64]


class View:
    """Every window of a series before one detector; a row gets the mean of the windows on it.

    Parameters
    ----------
    detector : Detector
        Made for this window.
    causal : bool
        A row is judged by the window that ends at it, and by no other.
    columns : ndarray of int, optional
        The columns that the detector sees; without it all.
    mix : ndarray (columns, columns), optional
        What it sees in place of each of them, as a sum of them all: ``series @ mix``.

    Notes
    -----
    Time grows with rows·window·columns; memory is a few copies of the series and blocks of some
    megabytes.
    """

    def __init__(
        self,
        detector: Detector,
        causal: bool,
        columns: NDArray[np.intp] | None = None,
        mix: Floats | None = None,
    ) -> None:
        self.detector, self.causal, self.columns, self.mix = detector, causal, columns, mix

    @property
    def window(self) -> int:
        """Rows of a window."""
        return self.detector.window

    @property
    def reach(self) -> int:
        """A row's score depends on so many rows before it and, unless causal, after it."""
        return self.window - 1

    def fit(self, series: Floats) -> None:
        """Learn from a series (n, d) of at least ``window`` rows."""
        seen = self._seen(series)
        self.detector.fit(flatten(*coarsen(seen, self.window), self.window))

    def scores(
        self,
        series: Floats,
        learnt: int,
        progress: Progress = silent,
        rows: NDArray[np.intp] | None = None,
    ) -> Floats:
        """Scores (k,) of some rows, ascending, or of all.

        Parameters
        ----------
        series : ndarray (n, d)
        learnt : int
            Its first rows, so many, are those learnt from.
        progress : callable, optional
        rows : ndarray of int (k,), optional
            Only windows that cover them are looked at.
        """
        rows = np.arange(len(series)) if rows is None else rows
        return self._judge(self.detector.scores, (), series, learnt, rows, progress)

    def parts(
        self, series: Floats, learnt: int, rows: NDArray[np.intp], progress: Progress = silent
    ) -> Floats:
        """Non-negative parts (k, d) of the scores of some rows, ascending.

        They sum to the scores where those of the detector do.
        """
        count = series.shape[1] if self.columns is None else len(self.columns)

        def judge(windows: Floats, places: NDArray[np.intp] | None) -> Floats:
            return self.detector.parts(windows, count, places)

        parts = self._judge(judge, (count,), series, learnt, rows, progress)
        if self.columns is None:
            return parts
        every = np.zeros((len(parts), series.shape[1]))
        every[:, self.columns] = parts
        return every

    def _judge(
        self,
        judge: Callable[[Floats, NDArray[np.intp] | None], Floats],
        shape: tuple[int, ...],
        series: Floats,
        learnt: int,
        rows: NDArray[np.intp],
        progress: Progress,
    ) -> Floats:
        """What a judge, whose answers have a shape, says of the windows on each of some rows."""
        view, padded = self.windows(series)
        window = self.window
        near = rows if self.causal else around(rows + padded, window - 1, 0, len(view))
        said = np.empty((len(near), *shape))
        for part, windows, places in self._walk(view, padded, learnt, near):
            said[part] = judge(windows, places)
            progress(part.stop / len(near), "score")
        if self.causal or not len(near):
            return said
        # Stretches of windows stand side by side; those that cover a wanted row are neighbours.
        rows = rows + padded
        first = np.searchsorted(near, np.maximum(rows - window + 1, 0))
        return spread(said, window)[np.where(rows < window, rows, first + window - 1)]

    def _seen(self, series: Floats) -> Floats:
        seen = series if self.columns is None else series[:, self.columns]
        return seen if self.mix is None else seen @ self.mix

    def windows(self, series: Floats) -> tuple[NDArray[np.float64], int]:
        """The windows of a series as a view, and how many rows were put in front to have one."""
        series = self._seen(series)
        padded = pad_head(series, len(series) + self.window - 1 if self.causal else self.window)
        return flatten(*coarsen(padded, self.window), self.window), len(padded) - len(series)

    def _walk(
        self, view: NDArray[np.float64], padded: int, learnt: int, places: NDArray[np.intp]
    ) -> Iterator[tuple[slice, Floats, NDArray[np.intp] | None]]:
        """Blocks of the windows at some places of the view.

        The third value are their places in the series, where they were learnt from.
        """
        own = int(np.searchsorted(places, learnt - self.window + 1 + padded)) if learnt else 0
        width = view.shape[1] * view.shape[2]
        for start, stop, known in ((0, own, True), (own, len(places), False)):
            for piece in blocks(stop - start, width):
                rows = slice(start + piece.start, start + piece.stop)
                yield rows, take(view, places[rows]), places[rows] - padded if known else None

    def __str__(self) -> str:
        """The step of the model's summary, without blanks."""
        return str(self.detector) if self.mix is None else f"Unexplained({self.detector})"
