"""What the values of columns are like: how many, how large, how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import redis
from numpy.typing import NDArray

from oddline.errors import DataError, did_you_mean
from oddline_workers.datasets import columnar
from oddline_workers.datasets.arrays import decode, floats, numbers_of
from oddline_workers.datasets.catalogue import Dataset
from oddline_workers.datasets.cells import Cells, typed
from oddline_workers.datasets.dates import from_micros
from oddline_workers.datasets.metadata import match
from oddline_workers.records import Records
from oddline_workers.settings import Settings

__all__ = ["statistics"]

RANGES = 10
"""Of the distribution of numbers."""
VALUES = 20
"""The most frequent ones, of the distribution of others."""

_NUMBERS = ("numeric", "numericMeasure")
_WORDS = 4
_LONG = 40


def statistics(
    client: redis.Redis,
    settings: Settings,
    dataset: Dataset,
    column: str | None = None,
    data_type: str | None = None,
) -> dict[str, dict[str, Any]]:
    """Statistics of one column or of all, JSON-ready.

    Parameters
    ----------
    client : redis.Redis
    settings : Settings
    dataset : Dataset
    column : str, optional
        In any case.
    data_type : str, optional
        Take the values as of this type, one of ``metadata.DATA_TYPES``, and not as of the column's own.

    Returns
    -------
    dict
        For each column ``totalCount``, ``missingCount``, ``errorCount`` (values that are not of the type),
        ``distinctCount``, ``mode``, ``min`` and ``max``, ``distribution`` (of numbers ten ranges with
        ``min``, ``max`` and ``count``, of others the most frequent values), ``suggestedType`` and
        ``lastCalculated``; of numbers ``mean``, ``median``, ``variance`` and ``stddev`` too (those of a
        sample). What cannot be told is left out. ``row_count``, ``errors``, ``non_numeric`` are older words.

    Raises
    ------
    DataError
        There is no such column (``not_found``, 404).
    JobError, RunError
        As of :func:`~oddline_workers.datasets.columnar.fetch`.
    """
    names = [*dataset.columns]
    if column is not None:
        own = match(names).get(column.strip().casefold())
        if own is None:
            shown = column[:60].encode("utf-8", "replace").decode()
            raise DataError(
                f"Item of type column with identifier {shown} was not found.{did_you_mean(shown, names)}",
                code="not_found", status=404, itemType="column", itemId=shown,
            )  # fmt: skip
        names = [own]
    now = from_micros(Records(client, settings).now(), 7)
    answered = {}
    for name in names:
        pieces = columnar.fetch_each(client, settings.key_prefix, dataset.table.segments, name)
        kind = data_type or dataset.columns[name].data_type or "string"
        found = _column([*zip(pieces, (one.rows for one in dataset.table.segments), strict=True)], kind)
        answered[name] = {"lastCalculated": now, **found}
    return answered


def _column(pieces: Sequence[tuple[bytes | None, int]], kind: str) -> dict[str, Any]:
    plain = (
        all(piece is None or decode(piece)[1] for piece, _ in pieces)
        if kind == "logical"
        else kind in _NUMBERS
    )
    if plain:
        parts = [_numbers(piece, rows) for piece, rows in pieces]
        values = np.concatenate([part for part, _ in parts]) if parts else np.empty(0)
        errors = sum(errors for _, errors in parts)
        there = values[~np.isnan(values)]
        total, known = values.size, there.size
        counts, suggested = _of_numbers(there), _type_of(there)
        if errors > known:
            suggested = _cells(pieces).look().data_type or "string"
    else:
        cells = _cells(pieces)
        taken = typed(cells, kind, "")
        texts = [text for text in taken.at(slice(None))[0] if text is not None]
        total, known, errors = cells.rows, len(texts) - taken.misfits, taken.misfits
        counts, suggested = _of_texts(texts, ordered=kind == "date"), _suggested(cells, texts)
    return {
        "totalCount": total, "missingCount": total - known - errors, "errorCount": errors, **counts,
        "suggestedType": suggested,
        "row_count": total, "errors": errors, "non_numeric": errors if plain else known,
    }  # fmt: skip


def _numbers(piece: bytes | None, rows: int) -> tuple[NDArray[np.float64], int]:
    """The numbers of a piece, and how many of its values are none."""
    if piece is None:
        return np.full(rows, np.nan), 0
    found = floats(piece)
    if not np.isnan(found).any():
        return found, 0
    values, plain = decode(piece)
    return found, 0 if plain else int(numbers_of([value or "" for value in values])[1].sum())


def _cells(pieces: Sequence[tuple[bytes | None, int]]) -> Cells:
    cells = Cells()
    for piece, rows in pieces:
        if piece is None:
            cells.pad(cells.rows + rows)
        else:
            cells.add([value or "" for value in decode(piece)[0]])
    return cells


def _of_numbers(values: NDArray[np.float64]) -> dict[str, Any]:
    if not values.size:
        return {"distinctCount": 0, "distribution": []}
    values = np.sort(values)
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    often = int(np.diff(np.append(starts, values.size)).argmax())
    low, high = float(values[0]), float(values[-1])
    found: dict[str, Any] = {
        "distinctCount": int(starts.size),
        "distribution": _ranges(values, low, high),
        "min": low,
        "max": high,
        "mode": float(values[starts[often]]),
    }
    with np.errstate(over="ignore", invalid="ignore"):
        found |= {"mean": float(values.mean()), "median": float(np.median(values))}
        if values.size > 1:
            variance = float(values.var(ddof=1))
            found |= {"variance": variance, "stddev": float(np.sqrt(variance))}
    return {
        name: value for name, value in found.items() if not isinstance(value, float) or np.isfinite(value)
    }


def _ranges(values: NDArray[np.float64], low: float, high: float) -> list[dict[str, Any]]:
    """How many of the sorted values are in each of some ranges of equal width."""
    share = np.arange(RANGES + 1) / RANGES
    edges = low * (1 - share) + high * share
    if low == high or not (np.diff(edges) > 0).all():
        return [{"min": low, "max": high, "count": int(values.size)}]
    places = np.searchsorted(values, edges[:-1], side="left")
    counts = np.diff(np.append(places, values.size))
    return [
        {"min": float(edges[at]), "max": float(edges[at + 1]), "count": int(count)}
        for at, count in enumerate(counts)
    ]


def _of_texts(texts: Sequence[str], *, ordered: bool) -> dict[str, Any]:
    counted = Counter(texts)
    most = counted.most_common(VALUES)
    found: dict[str, Any] = {
        "distinctCount": len(counted),
        "distribution": [{"value": value, "count": count} for value, count in most],
    }
    if texts:
        found["mode"] = most[0][0]
        if ordered:
            found |= {"min": min(counted), "max": max(counted)}
    return found


def _type_of(values: NDArray[np.float64]) -> str:
    truths = (
        values.size and ((values == 0) | (values == 1)).all() and (values == 0).any() and (values == 1).any()
    )
    return "logical" if truths else "numericMeasure"


def _suggested(cells: Cells, texts: Sequence[str]) -> str:
    """The type that the values look like; long ones of several words are text."""
    found = cells.look().data_type or "string"
    if found != "string" or not texts:
        return found
    some = texts[:: max(1, len(texts) // 1000)]
    long = (
        sum(map(len, some)) / len(some) > _LONG and sum(map(len, map(str.split, some))) / len(some) > _WORDS
    )
    return "text" if long else "string"
