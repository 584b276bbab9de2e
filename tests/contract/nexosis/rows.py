"""Datasets put into the store without a desk."""

from __future__ import annotations

import uuid
from typing import Any

from oddline_workers.blobs import Writer
from oddline_workers.datasets.catalogue import Dataset, Datasets
from oddline_workers.datasets.columnar import TableWriter, pack
from oddline_workers.datasets.dates import read_date
from oddline_workers.datasets.metadata import Column

__all__ = ["DAYS", "HEARTS", "keep"]

HEARTS = [
    {"id": str(n), "bpm": str(60 + n % 20), "note, if any": None if n % 3 else f"a {n}"} for n in range(120)
]
DAYS = [{"day": read_date(f"2018-01-{n + 1:02d}", "day"), "rain": str(n / 2)} for n in range(31)]

_NUMBERS = ("id", "bpm", "rain")
_COLUMNS = {
    "id": Column("numeric", "key", "zeroes", "sum"),
    "bpm": Column("numericMeasure", "feature", "mean", "mean"),
    "note, if any": Column("string", "none", "mode", "mode"),
    "day": Column("date", "timestamp"),
    "rain": Column("numericMeasure", "target", "mean", "mean"),
}


def keep(gateway: Any, name: str, rows: list[dict[str, Any]] = HEARTS, segment: int = 50) -> Dataset:
    """A dataset of these rows in segments of so many, as a desk would leave it."""
    client = gateway.store.client
    segments, bounds = [], []
    for start in range(0, len(rows), segment):
        part, key = rows[start : start + segment], f"segment:{uuid.uuid4()}"
        with Writer(client, gateway.settings.key_prefix + key) as writer:
            table = TableWriter(writer, key)
            table.add(
                {
                    name: pack([row[name] for row in part], numbers=name in ("id", "bpm", "rain"))
                    for name in part[0]
                },
                len(part),
            )
            writer.flush()
        segments += table.table().segments
        if "day" in part[0]:
            bounds.append((part[0]["day"], part[-1]["day"]))
    columns = {name: _COLUMNS[name] for name in rows[0]}
    table = type(table.table())(tuple(columns), tuple(segments))
    made = Datasets(client, gateway.settings).commit(
        None,
        Dataset(gateway.client_id, name, columns, table, missing_values=("N/A",), bounds=tuple(bounds)),
        segments,
    )
    assert made
    return made
