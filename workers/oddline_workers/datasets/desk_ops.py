"""What a desk does with datasets, see :data:`oddline_workers.answering.OPS`."""

from __future__ import annotations

from typing import Any

import redis

from oddline_workers.datasets import deletion, ingest, statistics
from oddline_workers.datasets.catalogue import Datasets
from oddline_workers.settings import Settings

__all__ = ["delete_rows", "put", "stats"]

Answer = tuple[dict[str, Any], bytes]


def put(client: redis.Redis, settings: Settings, arguments: dict[str, Any], data: bytes) -> Answer:
    """Put rows into a dataset: ``owner``, ``name``, ``kind``, perhaps ``timestampColumn``; the messages."""
    _, messages = ingest.put(
        client, settings, arguments["owner"], arguments["name"], data, arguments["kind"],
        timestamp_column=arguments.get("timestampColumn"),
    )  # fmt: skip
    return {"messages": messages}, b""


def delete_rows(client: redis.Redis, settings: Settings, arguments: dict[str, Any], data: bytes) -> Answer:
    """Delete rows: ``owner``, ``name``, and by what, see :func:`.deletion.delete_rows`."""
    dataset = deletion.delete_rows(
        client, settings, arguments["owner"], arguments["name"],
        start=arguments.get("startDate"), end=arguments.get("endDate"),
        start_key=arguments.get("startKey"), end_key=arguments.get("endKey"), keys=arguments.get("keys"),
    )  # fmt: skip
    return {"rows": dataset.rows}, b""


def stats(client: redis.Redis, settings: Settings, arguments: dict[str, Any], data: bytes) -> Answer:
    """Statistics: ``owner``, ``name``, perhaps ``column`` and ``dataType``; ``columns`` by name."""
    dataset = Datasets(client, settings).get(arguments["owner"], arguments["name"])
    found = statistics.statistics(
        client, settings, dataset, arguments.get("column"), arguments.get("dataType")
    )
    return {"columns": found}, b""
