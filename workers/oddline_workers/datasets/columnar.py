"""Rows kept by columns: segments of some rows, each column of a segment one compressed piece.

A piece is a JSON array of texts, or of number tokens that are texts without their quotes, packed
by zlib; a missing value is ``null``. Pieces are fields of a hash in the store (``segment:<id>``, or
a result) and each is checked when it is read. Segments never change: who rewrites rows makes new
ones, and who has begun to read keeps the old.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import redis

from oddline.errors import JobError, RunError
from oddline_workers.blobs import Writer

__all__ = [
    "HIDDEN",
    "SEGMENT_CELLS",
    "SEGMENT_ROWS",
    "Segment",
    "Table",
    "TableWriter",
    "batches",
    "csv_block",
    "csv_lines",
    "fetch",
    "fetch_each",
    "pack",
    "page",
    "segment_rows",
    "unpack",
    "values_of",
]

SEGMENT_ROWS = 10_000
"""The most rows of a segment."""

SEGMENT_CELLS = 500_000
"""About the most cells of a segment: a wide table has fewer rows in one."""

HIDDEN = "\0"
"""What the names of pieces begin with that are no columns."""

_LEVEL = 1
_QUOTED = ('"', ",", "\r", "\n")


def segment_rows(columns: int) -> int:
    """How many rows a full segment of so many columns has."""
    return max(1, min(SEGMENT_ROWS, SEGMENT_CELLS // max(1, columns)))


@dataclass(frozen=True)
class Segment:
    """Some rows in a row: where they are, how many, and the pieces of their columns."""

    key: str
    """Of the hash, without the prefix."""
    rows: int
    pieces: Mapping[str, tuple[int, int, int]]
    """For each column its field, the length of the piece and its CRC-32; a column may be missing."""

    def to_json(self) -> list[Any]:
        """JSON-ready: key, rows, and a list of name, field, length and CRC-32 for each piece."""
        return [self.key, self.rows, [[name, *piece] for name, piece in self.pieces.items()]]

    @classmethod
    def from_json(cls, found: Sequence[Any]) -> Segment:
        """The segment that :meth:`to_json` wrote."""
        key, rows, pieces = found
        return cls(key, rows, {name: (field, length, crc) for name, field, length, crc in pieces})


@dataclass(frozen=True)
class Table:
    """Columns in order, and the segments that hold their rows, in order."""

    columns: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(segment.rows for segment in self.segments)

    @property
    def size(self) -> int:
        """Bytes of all pieces as they are stored."""
        return sum(length for segment in self.segments for _, length, _ in segment.pieces.values())

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, and short: names are written once."""
        names = [*dict.fromkeys([*self.columns, *(name for one in self.segments for name in one.pieces)])]
        return {
            "columns": len(self.columns),
            "names": names,
            "segments": [
                [one.key, one.rows, [one.pieces.get(name) for name in names]] for one in self.segments
            ],
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Table:
        """The table that :meth:`to_json` wrote."""
        names = found["names"]
        segments = tuple(
            Segment(
                key,
                rows,
                {name: (*piece,) for name, piece in zip(names, pieces, strict=True) if piece is not None},
            )
            for key, rows, pieces in found["segments"]
        )
        return cls(tuple(names[: found["columns"]]), segments)


class TableWriter:
    """Makes a table of pieces in the blob of ``writer``; several tables may share one.

    Parameters
    ----------
    writer : blobs.Writer
    key : str
        The blob's, without the prefix.
    """

    def __init__(self, writer: Writer, key: str) -> None:
        self._writer, self._key = writer, key
        self._segments: list[Segment] = []

    def add(self, columns: Mapping[str, bytes], rows: int) -> None:
        """Append rows: a packed piece for each column, each of ``rows`` values.

        Raises
        ------
        LimitError
            ``store_full``.
        """
        pieces = {}
        for name, piece in columns.items():
            self._writer.add(piece)
            length, crc = self._writer.pieces[-1]
            pieces[name] = (len(self._writer.pieces) - 1, length, crc)
        self._segments.append(Segment(self._key, rows, pieces))

    def table(self) -> Table:
        """What was added; columns in the order in which they first came."""
        names = dict.fromkeys(name for segment in self._segments for name in segment.pieces)
        shown = tuple(name for name in names if not name.startswith(HIDDEN))
        return Table(shown, tuple(self._segments))


def pack(values: Sequence[str | None], *, numbers: bool) -> bytes:
    """One piece.

    Parameters
    ----------
    values : sequence of str or None
        With ``numbers`` each text is a number as JSON writes it; else any text that UTF-8 can write.
    numbers : bool
    """
    if numbers:
        text = ("[" + ",".join(["null" if value is None else value for value in values]) + "]").encode()
    else:
        text = orjson.dumps([*values])
    return zlib.compress(text, _LEVEL)


def unpack(piece: bytes) -> list[str | None]:
    """The values of a piece, as they went into :func:`pack`."""
    return values_of(zlib.decompress(piece))


def values_of(text: bytes, stop: int | None = None) -> list[str | None]:
    """The values in the text of a piece, unpacked; up to ``stop``, and perhaps some more."""
    if b'"' in text:
        values: list[str | None] = orjson.loads(text)
        return values
    if text == b"[]":
        return []
    words: list[str | None] = [*text[1:-1].decode().split(",", -1 if stop is None else stop)[:stop]]
    return words if b"n" not in text else [None if word == "null" else word for word in words]


def fetch(client: redis.Redis, root: str, segment: Segment, names: Sequence[str]) -> list[bytes | None]:
    """The pieces of some columns, each verified; None where the segment has no such column.

    One round trip.

    Raises
    ------
    JobError
        The segment has expired (code ``"expired"``): its rows were replaced or deleted a while ago.
    RunError
        A piece is missing or altered (code ``"damaged"``).
    """
    fields = _fields(segment, names)
    if not fields:
        return [None for _ in names]
    found: Any = client.hmget(root + segment.key, fields)
    return _verified(client, root, segment, names, found)


def fetch_each(client: redis.Redis, root: str, segments: Sequence[Segment], name: str) -> list[bytes | None]:
    """One piece of each segment, as :func:`fetch` gives it. One round trip for all."""
    pipe = client.pipeline(transaction=False)
    for segment in segments:
        if fields := _fields(segment, [name]):
            pipe.hmget(root + segment.key, fields)
    replies = iter(pipe.execute())
    pieces = []
    for segment in segments:
        found = next(replies) if name in segment.pieces else ()
        pieces += _verified(client, root, segment, [name], found)
    return pieces


def _fields(segment: Segment, names: Sequence[str]) -> list[str]:
    return [str(segment.pieces[name][0]) for name in names if name in segment.pieces]


def _verified(
    client: redis.Redis, root: str, segment: Segment, names: Sequence[str], found: Sequence[bytes | None]
) -> list[bytes | None]:
    there = iter(found)
    pieces: list[bytes | None] = []
    for name in names:
        if name not in segment.pieces:
            pieces.append(None)
            continue
        piece = next(there)
        _, length, crc = segment.pieces[name]
        if piece is None and not client.exists(root + segment.key):
            raise JobError(
                "The rows were replaced or deleted a while ago. Ask again for them as they are now.",
                code="expired",
            )
        if piece is None or len(piece) != length or zlib.crc32(piece) != crc:
            raise RunError(
                f"A stored piece of column {name.removeprefix(HIDDEN)[:60]!r} is missing or altered. Send "
                "the data again.",
                code="damaged",
            )
        pieces.append(piece)
    return pieces


def page(
    client: redis.Redis, root: str, table: Table, names: Sequence[str], start: int, stop: int
) -> list[dict[str, str]]:
    """Rows ``start`` to ``stop``, each a name to its value; a missing value is left out.

    One round trip, whatever the table's size. Rows past the end are none.

    Raises
    ------
    JobError, RunError
        As of :func:`fetch`.
    """
    parts = [*_overlapping(table, start, stop)]
    pipe = client.pipeline(transaction=False)
    for segment, _, _ in parts:
        if fields := _fields(segment, names):
            pipe.hmget(root + segment.key, fields)
    replies = iter(pipe.execute())
    rows: list[dict[str, str]] = []
    for segment, first, last in parts:
        found = next(replies) if _fields(segment, names) else ()
        block: list[dict[str, str]] = [{} for _ in range(last - first)]
        for name, piece in zip(names, _verified(client, root, segment, names, found), strict=True):
            if piece is not None:
                for row, value in zip(
                    block, values_of(zlib.decompress(piece), last)[first:last], strict=True
                ):
                    if value is not None:
                        row[name] = value
        rows += block
    return rows


def _overlapping(table: Table, start: int, stop: int | None) -> Iterator[tuple[Segment, int, int]]:
    """The segments with rows of ``start`` to ``stop``, and which of their own rows these are."""
    end = 0
    for segment in table.segments:
        begin, end = end, end + segment.rows
        first, last = max(start, begin), end if stop is None else min(stop, end)
        if first < last:
            yield segment, first - begin, last - begin


def batches(
    client: redis.Redis, root: str, table: Table, names: Sequence[str]
) -> Iterator[tuple[int, list[list[str | None]]]]:
    """Segment by segment how many rows it has, and for each name its values.

    One round trip and one segment in memory at a time.

    Raises
    ------
    JobError, RunError
        As of :func:`fetch`.
    """
    for segment in table.segments:
        pieces = fetch(client, root, segment, names)
        none: list[str | None] = [None] * segment.rows
        yield segment.rows, [none if piece is None else unpack(piece) for piece in pieces]


def csv_lines(
    client: redis.Redis,
    root: str,
    table: Table,
    names: Sequence[str],
    start: int = 0,
    stop: int | None = None,
) -> Iterator[bytes]:
    """Rows ``start`` to ``stop`` as CSV (RFC 4180): the header, then a block for each segment.

    A missing value is an empty field. One segment is in memory at a time.

    Raises
    ------
    JobError, RunError
        As of :func:`fetch`, at the block where it is met.
    """
    yield csv_block([[name] for name in names])
    for segment, first, last in _overlapping(table, start, stop):
        columns = [
            [""] * (last - first) if piece is None else _fields_of(piece, first, last)
            for piece in fetch(client, root, segment, names)
        ]
        yield _lines(columns)


def csv_block(columns: Sequence[Sequence[str | None]]) -> bytes:
    """Columns of texts as lines of CSV, every value as it is; a missing one is an empty field.

    Examples
    --------
    >>> csv_block([["id", "1"], ["a,b", None]])
    b'id,"a,b"\\r\\n1,\\r\\n'
    """
    return _lines([*map(_quoted, columns)])


def _lines(columns: Sequence[Sequence[str]]) -> bytes:
    if len(columns) == 1:  # an empty line would be no row
        columns = [[value or '""' for value in columns[0]]]
    return "".join([",".join(row) + "\r\n" for row in zip(*columns, strict=True)]).encode()


def _fields_of(piece: bytes, first: int, last: int) -> list[str]:
    text = zlib.decompress(piece)
    if b'"' not in text:  # numbers need no quotes
        return text[1:-1].replace(b"null", b"").decode().split(",", last)[first:last]
    return _quoted(values_of(text)[first:last])


def _quoted(values: Sequence[str | None]) -> list[str]:
    column = [value or "" for value in values]
    joined = "".join(column)
    return [*map(_field, column)] if any(sign in joined for sign in _QUOTED) else column


def _field(text: str) -> str:
    """A text as a field, quoted where a reader would take it apart."""
    if any(sign in text for sign in _QUOTED):
        return '"' + text.replace('"', '""') + '"'
    return text
