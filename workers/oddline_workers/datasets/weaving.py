"""New segments of old rows and new ones, in the order that is asked for."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import redis
from numpy.typing import NDArray
from redis.exceptions import OutOfMemoryError

from oddline_workers.blobs import Writer
from oddline_workers.datasets import columnar
from oddline_workers.datasets.arrays import decode
from oddline_workers.datasets.catalogue import Dataset, Datasets
from oddline_workers.datasets.cells import Values
from oddline_workers.datasets.columnar import HIDDEN, Segment, TableWriter, pack, segment_rows
from oddline_workers.store import store_full

__all__ = ["KEYS", "Part", "Weaver", "hashes", "parts_of"]

Places = NDArray[np.intp]

KEYS = HIDDEN + "keys"
"""The piece with the hash of each row's key: 64 bits, little-endian, in the order of the rows."""


class Part(NamedTuple):
    """A segment, and of a time series its first and last time."""

    segment: Segment
    bounds: tuple[str, str] | None = None

    @property
    def rows(self) -> int:
        """How many."""
        return self.segment.rows


def parts_of(dataset: Dataset | None) -> list[Part]:
    """The parts that a dataset consists of."""
    if dataset is None:
        return []
    bounds = dataset.bounds or (None,) * len(dataset.table.segments)
    return [Part(*pair) for pair in zip(dataset.table.segments, bounds, strict=True)]


def hashes(keys: Sequence[str]) -> NDArray[np.uint64]:
    """A number for each key; equal ones have equal numbers, others hardly ever."""
    digests = b"".join([hashlib.blake2b(key.encode(), digest_size=8).digest() for key in keys])
    return np.frombuffer(digests, dtype="<u8")


class Weaver:
    """Writes segments; as a context it takes them back when its block fails.

    Parameters
    ----------
    datasets : Datasets
    columns : sequence of str
        All of the dataset.
    new : mapping of Values
        The new rows, of some columns.
    key, timestamp : str, optional
        The column that knows the rows.
    """

    def __init__(
        self,
        datasets: Datasets,
        columns: Sequence[str],
        new: Mapping[str, Values],
        *,
        key: str | None = None,
        timestamp: str | None = None,
    ) -> None:
        self.client: redis.Redis = datasets.client
        self.root = datasets.root
        self.full = segment_rows(len(columns))
        self.fresh: list[Segment] = []
        self.key, self.timestamp = key, timestamp
        self._datasets, self._columns, self._new = datasets, tuple(columns), new

    def __enter__(self) -> Weaver:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._datasets.discard(self.fresh)

    def has(self, name: str) -> bool:
        """Whether the new rows have this column."""
        return name in self._new

    def known(self, name: str) -> list[str]:
        """The texts of a column of the new rows that has no gaps."""
        return [text for text in self._new[name].at(slice(None))[0] if text is not None]

    def weave(self, old: Sequence[Segment], rows: Places, order: Places | None = None) -> list[Part]:
        """Write segments.

        Parameters
        ----------
        old : sequence of Segment
            A few: their rows are in memory at once.
        rows : ndarray of intp
            Which of the new rows follow them.
        order : ndarray of intp, optional
            Which of these rows, counted through, come out and in what order; all as they are without it.

        Raises
        ------
        LimitError
            ``store_full``.
        """
        total = sum(one.rows for one in old) + rows.size if order is None else order.size
        if not total:
            return []
        if not old and order is None:
            return [
                self._write({name: values.at(rows[a:b]) for name, values in self._new.items()}, b - a)
                for a, b in self._cuts(total)
            ]
        pieces = [columnar.fetch(self.client, self.root, one, self._columns) for one in old]
        cuts = self._cuts(total, even=order is not None)
        woven = [Woven({}, b - a) for a, b in cuts]
        for position, name in enumerate(self._columns):
            values, numbers = self._joined(old, [found[position] for found in pieces], name, rows)
            if order is not None:
                values = [values[at] for at in order.tolist()]
            for part, (a, b) in zip(woven, cuts, strict=True):
                if any(value is not None for value in values[a:b]):
                    part.columns[name] = (values[a:b], numbers)
        return [self._write(*part) for part in woven]

    def _cuts(self, total: int, *, even: bool = False) -> list[tuple[int, int]]:
        """Where segments begin and end: all full but the last, or of about one size."""
        size = -(-total // -(-total // self.full)) if even else self.full
        return [(at, min(at + size, total)) for at in range(0, total, size)]

    def _joined(
        self, old: Sequence[Segment], pieces: Sequence[bytes | None], name: str, rows: Places
    ) -> tuple[list[str | None], bool]:
        values: list[str | None] = []
        numbers = True
        for segment, piece in zip(old, pieces, strict=True):
            found, plain = ([None] * segment.rows, True) if piece is None else decode(piece)
            values += found
            numbers &= plain
        if rows.size:
            new = self._new.get(name)
            found, plain = ([None] * rows.size, True) if new is None else new.at(rows)
            values += found
            numbers &= plain
        return values, numbers

    def _write(self, columns: Mapping[str, tuple[list[str | None], bool]], rows: int) -> Part:
        key = f"segment:{uuid.uuid4()}"
        writer = Writer(self.client, self.root + key)
        table = TableWriter(writer, key)
        pieces = {name: pack(values, numbers=numbers) for name, (values, numbers) in columns.items()}
        if self.key is not None:
            pieces[KEYS] = hashes([text or "" for text in columns[self.key][0]]).tobytes()
        with writer:
            table.add(pieces, rows)
            try:
                writer.pipe.execute()
            except OutOfMemoryError as error:
                raise store_full() from error
        [segment] = table.table().segments
        self.fresh.append(segment)
        if self.timestamp is None:
            return Part(segment)
        times = columns[self.timestamp][0]
        return Part(segment, (str(times[0]), str(times[-1])))


class Woven(NamedTuple):
    """Columns of a segment to be, with whether they are numbers, and its rows."""

    columns: dict[str, tuple[list[str | None], bool]]
    rows: int
