"""Labelled series of a folder in the layout of TSB-AD: value columns, then ``Label``, one row a step.

``index.csv`` in the folder names ``file``, ``track`` (U or M) and ``eval_window``, the buffer of the
measure; without it every CSV is taken, and the buffer is its dominant period.
``published_vus_pr_U.csv`` and ``…_M.csv``, where there, hold per-file values that others published.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Series", "dominant_period", "published", "read_folder"]

Floats = NDArray[np.float64]

LONGEST_PERIOD = 300
NO_PERIOD = 125


@dataclass(frozen=True, eq=False)
class Series:
    """One labelled series."""

    name: str
    track: str
    """U: one column, M: several."""
    values: Floats
    """(n, d), finite."""
    label: NDArray[np.int64]
    """(n,), 1 where a row belongs to an anomaly."""
    buffer: int
    """The widest buffer of VUS-PR, in rows."""
    train_rows: int
    """So many rows at the head are meant for detectors that need a normal stretch; 0 if unknown."""


def read_folder(folder: str | Path, tracks: str = "UM") -> list[Series]:
    """The series of a folder that belong to some tracks, in the order of their names."""
    folder = Path(folder)
    index = folder / "index.csv"
    if index.exists():
        with index.open(newline="") as lines:
            known = {row["file"]: row for row in csv.DictReader(lines)}
    else:
        known = {path.name: {} for path in folder.glob("*.csv") if not path.name.startswith("published_")}
    found = (read_series(folder / name, known[name]) for name in sorted(known))
    return [series for series in found if series.track in tracks]


def read_series(path: Path, known: dict[str, str]) -> Series:
    """One file, and what the index knows about it."""
    with path.open() as lines:
        columns = lines.readline().strip().split(",")
    if columns[-1] != "Label":
        raise ValueError(f"{path.name}: the last column is {columns[-1]!r}; expected 'Label'")
    table = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    values = np.ascontiguousarray(table[:, :-1])
    return Series(
        path.name,
        known.get("track") or ("U" if values.shape[1] == 1 else "M"),
        values,
        table[:, -1].astype(np.int64),
        int(known.get("eval_window") or dominant_period(values[:, 0])),
        int(known.get("train_length") or 0),
    )


def published(folder: str | Path, track: str) -> dict[str, dict[str, float]]:
    """Published VUS-PR by method and file; empty where the folder has none."""
    path = Path(folder) / f"published_vus_pr_{track}.csv"
    if not path.exists():
        return {}
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    methods = [name for name in rows[0] if name != "file"]
    return {m: {row["file"]: float(row[m]) for row in rows if row[m]} for m in methods}


def dominant_period(column: Floats) -> int:
    """The lag of 3 … 300 rows with the highest peak of the autocorrelation; 125 where none peaks.

    >>> dominant_period(np.sin(np.arange(1000) * 2 * np.pi / 40))
    40
    """
    head = column[:20_000] - column[:20_000].mean()
    power = np.abs(np.fft.rfft(head, 2 * len(head))) ** 2
    correlation = np.fft.irfft(power)[: min(LONGEST_PERIOD + 2, len(head))]
    inner = correlation[1:-1]
    peaks = 1 + np.flatnonzero((inner > correlation[:-2]) & (inner > correlation[2:]) & (inner > 0))
    peaks = peaks[peaks >= 3]
    return int(peaks[correlation[peaks].argmax()]) if len(peaks) else NO_PERIOD
