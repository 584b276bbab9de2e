"""Rows on their way out, block by block: however many are asked for, few are held at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from flask import Response

from oddline_api import jsontext
from oddline_api.backend import backend
from oddline_api.nexosis.answers import CSV, JSON
from oddline_api.streams import flow
from oddline_workers.datasets import columnar
from oddline_workers.datasets.columnar import Table

__all__ = ["in_csv", "in_json"]

CELLS = 250_000
"""About so many are held at a time; an answer of more is a stream."""


def in_json(
    table: Table,
    names: Sequence[str],
    start: int,
    stop: int,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> Response:
    """Some rows as ``data`` between the fields before and those after it.

    Raises
    ------
    JobError, RunError
        As of :func:`oddline_workers.datasets.columnar.fetch`; where a later block is damaged the transfer
        breaks off.
    LimitError
        503, too many large answers are under way.
    """
    step = max(1, CELLS // max(1, len(names)))
    blocks = _blocks(table, names, start, min(stop, table.rows), step)
    head = jsontext.write(before)[:-1] + b"," if before else b"{"
    parts = chain([head + b'"data":[', next(blocks, b"")], blocks, [b"]," + jsontext.write(after)[1:]])
    return _answer(parts, JSON, stream=stop - start > step)


def in_csv(table: Table, names: Sequence[str], start: int, stop: int) -> Response:
    """Some rows under a line with the names of their columns; nothing at all where there are no columns."""
    behind = backend()
    if not names:
        return Response(b"", content_type=CSV)
    lines = columnar.csv_lines(behind.redis, behind.store.root, table, names, start, stop)
    parts = chain([next(lines) + next(lines, b"")], lines)
    return _answer(parts, CSV, stream=(stop - start) * len(names) > CELLS)


def _blocks(table: Table, names: Sequence[str], start: int, stop: int, step: int) -> Iterator[bytes]:
    """The rows as JSON, with commas between the blocks."""
    client, root = backend().redis, backend().store.root
    for first in range(start, stop, step):
        rows = columnar.page(client, root, table, names, first, min(first + step, stop))
        yield (b"," if first > start else b"") + jsontext.write(rows)[1:-1]


def _answer(parts: Iterator[bytes], kind: str, *, stream: bool) -> Response:
    if stream:
        return flow(parts, kind)
    return Response(b"".join(parts), content_type=kind)
