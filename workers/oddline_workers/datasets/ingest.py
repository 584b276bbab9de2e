"""Rows put into a dataset: read, given their types, set in their places, and committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import redis

from oddline.errors import DataError, LimitError
from oddline_workers.datasets.catalogue import Dataset, Datasets, require_name
from oddline_workers.datasets.cells import Values, typed
from oddline_workers.datasets.columnar import Table
from oddline_workers.datasets.metadata import Column, ColumnsError, Found, match, merge, read_columns
from oddline_workers.datasets.parsing import Upload, check_size, read_upload
from oddline_workers.datasets.placing import append, by_key, by_time
from oddline_workers.datasets.weaving import Part, Weaver, parts_of
from oddline_workers.settings import Settings
from oddline_workers.store import store_full
from oddline_workers.submit import HEADROOM

__all__ = ["ATTEMPTS", "Message", "busy", "commit_parts", "no_data", "put"]

Message = dict[str, str]
"""``severity`` and ``message``."""

ATTEMPTS = 50
"""So often another writer may be quicker."""


def put(
    client: redis.Redis,
    settings: Settings,
    owner: str,
    name: str,
    data: bytes,
    kind: str,
    *,
    columns: Any = None,
    timestamp_column: str | None = None,
    attempt: tuple[str, int] | None = None,
) -> tuple[Dataset, list[Message]]:
    """Put rows, metadata or both into a dataset, which is made where there is none.

    With a key or a timestamp, rows replace those that have it already; else they are appended.
    Either all of it is there when this returns, and in the store's journal, or nothing.

    Parameters
    ----------
    client : redis.Redis
    settings : Settings
    owner, name : str
    data : bytes
        The body, plain or gzip.
    kind : {"json", "csv"}
    columns : mapping, optional
        Metadata as a request has it; it counts more than that in the body.
    timestamp_column : str, optional
        The column to be the timestamp.
    attempt : (str, int), optional
        The job that does it and its attempt, as of :meth:`Datasets.commit`.

    Returns
    -------
    dataset : Dataset
        As it is now.
    messages : list of dict
        Each with ``severity`` and ``message``.

    Raises
    ------
    DataError
        Of the body; ``no_data`` where it holds neither rows nor metadata.
    ColumnsError
        Of the metadata, or where the values are not of the type that was sent with them.
    LimitError
        The body or the dataset would be too large; ``store_full``; ``busy``.
    CancelledError
        As of :meth:`Datasets.commit`.
    """
    require_name(name)
    datasets = Datasets(client, settings)
    if not datasets.records.has_room(len(data), HEADROOM):
        raise store_full()
    upload = read_upload(data, kind, settings)
    del data
    sent = dict(upload.columns)
    for own, column in read_columns(columns).items():
        sent[match(sent).get(own.casefold(), own)] = column
    if timestamp_column is not None and (given := timestamp_column.strip()):
        own = match(sent).get(given.casefold(), given)
        sent[own] = replace(sent.get(own, Column()), role="timestamp")
    if not upload.rows and not sent and upload.missing_values is None:
        raise no_data(name)
    for _ in range(ATTEMPTS):
        old = datasets.find(owner, name)
        new = old or Dataset(owner, name)
        if upload.missing_values is not None:
            new = replace(new, missing_values=upload.missing_values)
        upload.forget(new.missing_values)
        merged, cells = _columns(new, sent, upload)
        check_size(settings, 0, len(merged))
        new = replace(new, columns=merged)
        values = {
            own: typed(cell, merged[own].data_type, own, merged[own].role) for own, cell in cells.items()
        }
        messages = _misfits(merged, sent, values)
        with _weaver(datasets, new, values) as weaver:
            parts = _placed(weaver, parts_of(old), np.arange(upload.rows)) if upload.rows else parts_of(old)
            if (stored := commit_parts(datasets, old, new, parts, weaver, attempt)) is not None:
                return stored, messages
    raise busy(name)


def busy(name: str) -> LimitError:
    """The error of a dataset that others change too often."""
    return LimitError(
        f"Others changed the dataset {name[:60]!r} all the time. Try again.",
        code="busy", status=503, retry_after=1.0,
    )  # fmt: skip


def commit_parts(
    datasets: Datasets,
    old: Dataset | None,
    new: Dataset,
    parts: list[Part],
    weaver: Weaver,
    attempt: tuple[str, int] | None = None,
) -> Dataset | None:
    """Commit a dataset that consists of these parts; None where somebody was quicker.

    Raises
    ------
    LimitError
        It would be larger than any dataset may be, or the store is full.
    """
    table = Table((*new.columns,), tuple(part.segment for part in parts))
    check_size(datasets.settings, table.rows, len(new.columns))
    fresh = {segment.key: segment for segment in weaver.fresh}
    kept = [fresh.pop(segment.key) for segment in table.segments if segment.key in fresh]
    datasets.discard([*fresh.values()])  # woven again with what came behind them
    weaver.fresh = []  # from here on it is not known here whether a record names the others
    bounds = tuple(part.bounds for part in parts if part.bounds is not None) if new.is_time_series else ()
    return datasets.commit(old, replace(new, table=table, bounds=bounds), kept, attempt=attempt)


def no_data(name: str) -> DataError:
    """The error of a request without rows."""
    return DataError(
        "The request holds no rows. Send at least one in data, or columns to change their metadata.",
        code="no_data", dataSetName=name,
    )  # fmt: skip


def _columns(
    dataset: Dataset, sent: Mapping[str, Column], upload: Upload
) -> tuple[dict[str, Column], dict[str, Any]]:
    """The columns as they become, and the cells by the names that the dataset has for them."""
    known = match(dataset.columns)
    cells = {known.get(name.casefold(), name): cell for name, cell in upload.cells.items()}
    found = {
        name: Found("") if name in dataset.columns and dataset.columns[name].data_type else cell.look()
        for name, cell in cells.items()
    }
    merged = merge(dataset.columns, sent, found, has_rows=dataset.rows > 0)
    return merged, cells


def _weaver(datasets: Datasets, new: Dataset, values: Mapping[str, Values]) -> Weaver:
    return Weaver(
        datasets, (*new.columns,), values, key=new.key_column, timestamp=new.timestamp_column
    )  # fmt: skip


def _placed(weaver: Weaver, old: list[Part], rows: Any) -> list[Part]:
    for role, column, place in (("key", weaver.key, by_key), ("timestamp", weaver.timestamp, by_time)):
        if column is not None:
            if not weaver.has(column):
                message = f"The rows have no column {column[:60]!r}, which is the {role}. Every row needs it."
                if role == "key":
                    raise DataError(message, code="missing_key", column=column)
                raise DataError(message, code="bad_time", column=column)
            return place(weaver, old, column)
    return append(weaver, old, rows)


def _misfits(
    columns: Mapping[str, Column], sent: Mapping[str, Column], values: Mapping[str, Values]
) -> list[Message]:
    """What to say of values that are not of their column's type.

    Raises
    ------
    ColumnsError
        They are most of a column whose type was sent with them.
    """
    messages, problems = [], {}
    given = {name.casefold() for name, column in sent.items() if column.data_type}
    for name, found in values.items():
        if not found.misfits:
            continue
        kind = columns[name].data_type
        if name.casefold() in given and 2 * found.misfits > found.known:
            problems[name] = [
                f"{found.misfits:,} of {found.known:,} values are not {kind}. Send another dataType."
            ]
        text = (
            f"Column {name!r} is {kind}, and {found.misfits:,} of its values are not: they count as missing."
        )
        messages.append({"severity": "warning", "message": text})
    if problems:
        raise ColumnsError(problems)
    return messages
