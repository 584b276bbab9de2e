"""A detection as a picture: the values, and the score with its line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oddline.errors import ModelError
from oddline.result import Detection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot"]

# One pixel column shows at most a lowest and a highest value: more points only cost time.
_BINS = 2_000
_COLUMNS = 8
_FLAGGED, _LABELLED = "#d62728", "#f2b134"


def plot(
    detection: Detection,
    path: str | os.PathLike[str] | None = None,
    *,
    windows: Iterable[tuple[int, int]] = (),
    title: str = "",
) -> Figure:
    """Draw the values, the score, its line and the flagged rows, in order of time.

    Long series are drawn by the lowest and highest value of each of 2,000 stretches, so no
    peak is lost and a million rows draw as fast as a thousand. No display is needed.

    Parameters
    ----------
    detection : Detection
    path : path, optional
        Where to write the picture; its ending chooses the format (``.png``, ``.svg``, ``.pdf``).
    windows : iterable of (int, int)
        Earliest and latest row of stretches known to be anomalous, drawn beside what was found.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModelError
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter, MaxNLocator
    except ImportError as error:
        raise ModelError(
            'drawing needs matplotlib, which is not installed: pip install "oddline[plot]"',
            code="missing_extra",
        ) from error
    order = detection.order()
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    shown = min(detection.values.shape[1], _COLUMNS)
    figure = Figure(figsize=(12, 2.2 + 1.6 * shown + 1.6), layout="constrained")
    axes = figure.subplots(shown + 1, 1, sharex=True, squeeze=False, height_ratios=[1.0] * shown + [1.2])[
        :, 0
    ]
    for column, axis in enumerate(axes[:-1]):
        rows, values = _thinned(detection.values[order, column])
        axis.plot(rows, values, color="#33475b", linewidth=0.7)
        axis.set_ylabel(detection.columns[column])
        axis.margins(x=0)
    _draw_score(axes[-1], detection, order)
    known = [(place[first], place[last]) for first, last in windows]
    found = [(place[run.start_row], place[run.end_row]) for run in detection.anomalies[:_BINS]]
    for axis in axes:
        for number, (first, last) in enumerate(known):
            axis.axvspan(
                first - 0.5,
                last + 0.5,
                color=_LABELLED,
                alpha=0.25,
                linewidth=0,
                label="labelled" if number == 0 else None,
            )
        for first, last in found:
            axis.axvspan(first - 0.5, last + 0.5, color=_FLAGGED, alpha=0.3, linewidth=0)
    axes[-1].xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes[-1].xaxis.set_major_formatter(FuncFormatter(lambda x, _: _time_text(detection, order, x)))
    axes[-1].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, fontsize="small", frameon=False)
    left_out = detection.values.shape[1] - shown
    heading = title or f"{len(detection.anomalies)} anomalies in {len(detection):,} rows"
    figure.suptitle(heading + (f" ({left_out} more columns not drawn)" if left_out else ""))
    if path is not None:
        figure.savefig(path, dpi=110)
    return figure


def _time_text(detection: Detection, order: NDArray[np.intp], x: float) -> str:
    """The time of a place, date above time of day so that neighbours do not run into each other."""
    if x != int(x) or not 0 <= x < len(detection):
        return ""
    return detection.index[order[int(x)]].replace("T", " ").replace(" ", "\n", 1)


def _draw_score(axis: Any, detection: Detection, order: NDArray[np.intp]) -> None:
    judged = detection.judged
    score = np.where(judged, detection.score, np.nan)[order]
    line = np.where(judged, detection.threshold, np.nan)[order]
    axis.plot(*_thinned(score), color="#1f77b4", linewidth=0.7, label="score")
    axis.plot(*_thinned(line), color="#555555", linewidth=0.9, linestyle="--", label="threshold")
    flagged = np.where(detection.label < 0, detection.score, np.nan)[order]
    axis.plot(*_thinned(flagged), ".", color=_FLAGGED, markersize=5, label="flagged")
    axis.set_ylabel("score")
    axis.margins(x=0)
    positive = detection.score[judged & (detection.score > 0)]
    # Squared errors span many decades: a plain axis would show the largest peak and nothing else.
    if positive.size and positive.max() > 50 * np.median(positive):
        axis.set_yscale("symlog", linthresh=float(np.median(positive)))


def _thinned(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Rows and values of at most 2·_BINS points: each stretch's lowest and highest, in order."""
    n = len(values)
    if n <= 2 * _BINS:
        return np.arange(n), values
    size = -(-n // _BINS)
    bins = -(-n // size)
    padded = np.full(bins * size, np.nan)
    padded[:n] = values
    stretches = padded.reshape(bins, size)
    empty = np.isnan(stretches)
    low = np.where(empty, np.inf, stretches).argmin(axis=1)
    high = np.where(empty, -np.inf, stretches).argmax(axis=1)
    rows = np.sort(np.stack([low, high], axis=1), axis=1) + size * np.arange(bins)[:, None]
    rows = np.minimum(rows.ravel(), n - 1)
    return rows, values[rows]
