"""Columns of numbers and texts, with values missing, as points: what is learnt of them, and then applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddline.operators.scatter import unit_of
from oddline.progress import Progress, silent

__all__ = ["IMPUTATIONS", "KINDS", "Categories", "Encoding", "learn_encoding"]

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

KINDS = ("number", "category")
"""What a column can be."""

IMPUTATIONS = ("zeroes", "mean", "median", "mode", "min", "max")
"""What a missing value can be replaced by."""

_LARGEST = 1e290  # sums and differences of such numbers are numbers
_WIDEST = 1e300  # beside which those are nothing
_FAR = 1e30  # in units of a column, held in single precision
_MOST_VALUES, _MOST_AXES = 8, 1_024
_LEAST_ROWS, _RARE = 2, 200


@dataclass(frozen=True, eq=False)
class Categories:
    """The frequent values of a column, each an axis of its own, and one more axis for all others.

    Attributes
    ----------
    values : tuple of str
        The most frequent first.
    fill : str
        What stands for a missing value.
    """

    values: tuple[str, ...]
    fill: str

    def places(self, texts: NDArray[Any]) -> NDArray[np.intp]:
        """The axis of each text, (n,), from 0 to the number of values."""
        axis: dict[str | None, int] = {value: place for place, value in enumerate(self.values)}
        other = len(axis)
        axis[None] = axis.get(self.fill, other)
        return np.fromiter((axis.get(text, other) for text in texts), dtype=np.intp, count=len(texts))


@dataclass(frozen=True, eq=False)
class Encoding:
    """Columns as points.

    Attributes
    ----------
    numbers : tuple of str, length k
        Columns that become an axis each: less ``center``, over ``width``.
    fill, center, width : ndarray (k,)
        ``fill`` replaces what is missing, in the column's own unit.
    texts : tuple of str, length c
        Columns that become an axis for each frequent value and one for all others, 0 or 1.
    categories : tuple of Categories, length c
    """

    numbers: tuple[str, ...]
    fill: Floats
    center: Floats
    width: Floats
    texts: tuple[str, ...]
    categories: tuple[Categories, ...]

    def size(self) -> int:
        """How many axes there are."""
        return len(self.numbers) + sum(len(known.values) + 1 for known in self.categories)

    def points(self, columns: Columns, rows: slice | NDArray[np.intp], count: int) -> Floats:
        """Some rows as points (count, axes), finite; a column that is not there is missing in all of them."""
        axes = np.zeros((self.size(), count))
        numbers = axes[: len(self.numbers)]
        for axis, name, fill in zip(numbers, self.numbers, self.fill, strict=True):
            axis[:] = columns[name][rows] if name in columns else fill
        np.copyto(numbers, self.fill[:, None], where=np.isnan(numbers))
        np.clip(numbers, -_LARGEST, _LARGEST, out=numbers)
        with np.errstate(over="ignore"):
            numbers -= self.center[:, None]
            numbers /= self.width[:, None]
        np.clip(numbers, -_FAR, _FAR, out=numbers)
        first, row = len(self.numbers), np.arange(count)
        for name, known in zip(self.texts, self.categories, strict=True):
            texts = columns[name][rows] if name in columns else np.full(count, None)
            axes[first + known.places(texts), row] = 1.0
            first += len(known.values) + 1
        return axes.T


def learn_encoding(
    columns: Columns,
    kinds: Mapping[str, str],
    imputation: Mapping[str, str],
    sample: NDArray[np.intp],
    progress: Progress = silent,
) -> Encoding:
    """What columns of at least one row teach: what to fill in, units and frequent values.

    Parameters
    ----------
    columns : mapping of str to ndarray (n,)
        From :func:`oddline.rows.reading.read_columns`.
    kinds, imputation : mapping of str to str
        Checked.
    sample : ndarray of int (m,)
        The rows that units are learnt from.
    progress : callable, optional
    """
    numbers = tuple(name for name, kind in kinds.items() if kind == "number")
    texts = tuple(name for name, kind in kinds.items() if kind == "category")
    fill, center, width = np.zeros((3, len(numbers)))
    for place, name in enumerate(numbers):
        progress(place / len(kinds), "learning")
        values = columns[name]
        fill[place] = _number(values, imputation.get(name, "mean"))
        some = np.where(np.isnan(values[sample]), fill[place], values[sample])
        center[place], width[place] = unit_of(np.clip(some, -_LARGEST, _LARGEST))
        if np.isnan(values).all():  # it teaches nothing, so that no value of it will be odd
            width[place] = _WIDEST
    most = max(1, min(_MOST_VALUES, _MOST_AXES // max(1, len(texts)) - 1))
    categories = []
    for place, name in enumerate(texts):
        progress((len(numbers) + place) / len(kinds), "learning")
        categories.append(_learn(columns[name], imputation.get(name, "mode"), most))
    return Encoding(numbers, fill, center, width, texts, tuple(categories))


def _number(values: Floats, way: str) -> float:
    """What replaces a missing number; infinite ones have no say in it, and without any it is 0."""
    known = values[np.isfinite(values)]
    if way == "zeroes" or not len(known):
        return 0.0
    known = np.clip(known, -_LARGEST, _LARGEST)
    if way == "mode":
        found, counts = np.unique(known, return_counts=True)
        return float(found[counts.argmax()])
    ways: dict[str, Callable[[Floats], Any]]
    ways = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max}
    return float(ways[way](known))


def _learn(texts: NDArray[Any], way: str, most: int) -> Categories:
    """The frequent values of a column of texts, and what replaces a missing one.

    Texts have no mean: but for the ways that texts know (the first, the last, an empty one) it is
    the most frequent.
    """
    counts = Counter(text for text in texts if text is not None)
    missing = len(texts) - counts.total()
    fill = ""
    if counts and way in ("min", "max"):
        fill = min(counts) if way == "min" else max(counts)
    elif counts and way != "zeroes":
        fill = min(counts, key=lambda text: (-counts[text], text))
    if missing:
        counts[fill] += missing
    least = max(_LEAST_ROWS, len(texts) // _RARE)
    frequent = [text for text, count in counts.items() if count >= least and missing < len(texts)]
    frequent.sort(key=lambda text: (-counts[text], text))
    return Categories(tuple(frequent[:most]), fill)
