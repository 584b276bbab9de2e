"""The columns of a session as arrays, and its rows with their scores as the tables of its result."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import redis
from numpy.typing import NDArray

from oddline.progress import Progress
from oddline_workers.blobs import Writer
from oddline_workers.datasets import arrays, columnar
from oddline_workers.datasets.columnar import Table, TableWriter
from oddline_workers.sessions.features import DISTANCE, SCORE, Features

__all__ = ["read", "truths", "write"]

Floats = NDArray[np.float64]

_TRUTHS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


def read(
    client: redis.Redis,
    root: str,
    table: Table,
    features: Features,
    missing: Iterable[str],
    progress: Progress,
) -> dict[str, NDArray[Any]]:
    """The columns to learn from, as :func:`oddline.rows.fit_rows` takes them; one round trip a segment.

    Parameters
    ----------
    client : redis.Redis
    root : str
        The prefix of all keys.
    table : Table
    features : Features
    missing : iterable of str
        Texts that count as missing; among numbers what is equal to one of them.
    progress : Progress

    Raises
    ------
    JobError, RunError
        As of :func:`oddline_workers.datasets.columnar.fetch`.
    """
    rows, missing = table.rows, frozenset(missing)
    kinds = features.kinds
    numbers = arrays.numbers_of([*missing])[0]
    numbers = numbers[~np.isnan(numbers)]
    columns: dict[str, NDArray[Any]] = {
        name: np.full(rows, np.nan) if kind == "number" else np.full(rows, None)
        for name, kind in kinds.items()
    }
    start = 0
    for segment in table.segments:
        progress(start / rows, "reading")
        stop = start + segment.rows
        for name, piece in zip(kinds, columnar.fetch(client, root, segment, [*kinds]), strict=True):
            if piece is None:
                continue
            if kinds[name] == "category":
                columns[name][start:stop] = _categories(columnar.unpack(piece), missing)
                continue
            values = arrays.floats(piece)
            if name in features.logical and np.isnan(values).any():
                values = truths(columnar.unpack(piece))
            if numbers.size:
                values[np.isin(values, numbers)] = np.nan
            columns[name][start:stop] = values
        start = stop
    return columns


def write(
    client: redis.Redis,
    root: str,
    table: Table,
    shown: Sequence[str],
    scores: Floats,
    distances: Floats,
    writer: Writer,
    progress: Progress,
) -> tuple[Table, Table]:
    """Write all rows with their scores and distances, and those among them that are anomalous.

    Parameters
    ----------
    client, root, table
        As of :func:`read`.
    shown : sequence of str
        The columns to be there beside the scores; their pieces are copied as they are.
    scores, distances : ndarray (rows,)
        At 0 and below a row is anomalous.
    writer : blobs.Writer
        Of the result.
    progress : Progress

    Returns
    -------
    all, anomalous : Table

    Raises
    ------
    JobError, LimitError, RunError
        As of :func:`oddline_workers.datasets.columnar.fetch`; ``store_full``.
    """
    key = writer.key.removeprefix(root)
    every, odd = TableWriter(writer, key), TableWriter(writer, key)
    names = [*shown, SCORE, DISTANCE]
    most = columnar.segment_rows(len(names))
    chosen: dict[str, list[str | None]] = {name: [] for name in names}

    def put(count: int) -> None:
        if count:
            pieces = {name: columnar.pack(values[:count], numbers=False) for name, values in chosen.items()}
            odd.add(pieces, count)
        for values in chosen.values():
            del values[:count]

    start = 0
    for segment in table.segments:
        progress(start / len(scores), "writing")
        block = slice(start, start + segment.rows)
        start = block.stop
        found = zip(shown, columnar.fetch(client, root, segment, shown), strict=True)
        pieces = {name: piece for name, piece in found if piece is not None}
        for name, values in ((SCORE, scores), (DISTANCE, distances)):
            pieces[name] = columnar.pack(arrays.format_numbers(values[block]), numbers=True)
        every.add(pieces, segment.rows)
        places = np.flatnonzero(scores[block] <= 0).tolist()
        for name, kept in chosen.items():
            texts = columnar.unpack(pieces[name]) if name in pieces and places else []
            kept += [texts[place] for place in places] if texts else [None] * len(places)
        while len(chosen[SCORE]) >= most:
            put(most)
    put(len(chosen[SCORE]))
    return every.table(), odd.table()


def truths(texts: Sequence[str | None]) -> Floats:
    """The numbers that truths are: 1 and 0, in words or digits, NaN for what is missing or neither."""
    return np.array([_TRUTHS.get(text.casefold() if text else "", np.nan) for text in texts])


def _categories(texts: Sequence[str | None], missing: frozenset[str]) -> NDArray[Any]:
    """Texts as an array in which those that are alike are one object."""
    known = {text: None if text is None or text in missing else sys.intern(text) for text in {*texts}}
    return np.fromiter((known[text] for text in texts), dtype=object, count=len(texts))
