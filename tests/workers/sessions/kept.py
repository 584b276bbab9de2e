"""Datasets kept as they are after an upload, made without one."""

from __future__ import annotations

import csv
import gzip
import json
import uuid
from pathlib import Path
from typing import Any

from oddline_workers import blobs
from oddline_workers.datasets import columnar
from oddline_workers.datasets.catalogue import Dataset, Datasets
from oddline_workers.datasets.columnar import Segment, Table, TableWriter, pack
from oddline_workers.datasets.metadata import Column
from workers.trials import OWNER, admit

__all__ = ["MEASURE", "cardio", "keep", "lympho", "new_session", "rows_of"]

DATA = Path(__file__).parents[2] / "data"
MEASURE = Column("numericMeasure", "feature", "mean", "mean")
KEY, TARGET = Column("numeric", "key", "zeroes", "sum"), Column("numeric", "target", "zeroes", "sum")


def keep(
    store: Any,
    name: str,
    values: dict[str, list[str | None]],
    columns: dict[str, Column],
    *,
    rows: int = 1000,
    owner: str = OWNER,
    **more: Any,
) -> Dataset:
    """Store a dataset in segments of so many rows, in place of one that has the name."""
    datasets = Datasets(store.client, store.settings)
    count = len(next(iter(values.values())))
    segments = [
        _segment(store, {name: cells[start : start + rows] for name, cells in values.items()})
        for start in range(0, count, rows)
    ]
    new = Dataset(owner, name, columns, Table((*columns,), (*segments,)), **more)
    stored = datasets.commit(datasets.find(owner, name), new, segments)
    assert stored is not None
    return stored


def _segment(store: Any, values: dict[str, list[str | None]]) -> Segment:
    key = f"segment:{uuid.uuid4()}"
    writer = blobs.Writer(store.client, store.root + key)
    table = TableWriter(writer, key)
    pieces = {name: pack(cells, numbers=all(map(_is_number, cells))) for name, cells in values.items()}
    table.add(pieces, len(next(iter(values.values()))))
    writer.flush()
    return table.table().segments[0]


def _is_number(text: str | None) -> bool:
    try:
        return text is None or text == json.dumps(float(text)) or text == str(int(text))
    except ValueError:
        return False


def cardio() -> tuple[dict[str, list[Any]], dict[str, Column]]:
    """21 measures, a key, and a target that nobody is to look at."""
    sent = json.loads(gzip.decompress((DATA / "cardio.json.gz").read_bytes()))
    names = [f"X.{n}" for n in range(1, 22)]
    values = {
        name: [f"{float(row[name]):.15g}" for row in sent["data"]] for name in [*names, "key", "target"]
    }
    return values, {**dict.fromkeys(names, MEASURE), "key": KEY, "target": TARGET}


def lympho() -> tuple[dict[str, list[Any]], dict[str, Column]]:
    """18 attributes, a target and a key."""
    with open(DATA / "lympho.csv", newline="") as file:
        sent = list(csv.DictReader(file))
    values = {name: [row[name] for row in sent] for name in sent[0]}
    return values, {**dict.fromkeys(values, MEASURE), "key": KEY, "target": TARGET}


def new_session(store: Any, source: str, **spec: Any) -> Any:
    """A session that waits for its worker."""
    told = {"dataSourceName": source, "columns": {}, "base": "http://host/v1", "messages": [], **spec}
    return admit(store, data=b"", kind="session", dialect="nexosis", spec=told)


def rows_of(store: Any, table: dict[str, Any]) -> list[dict[str, str]]:
    """All rows of a table of a result."""
    found = Table.from_json(table)
    return columnar.page(store.client, store.root, found, found.columns, 0, found.rows)
