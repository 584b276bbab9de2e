"""Datasets: rows sent in batches, read in pages, deleted by ranges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from flask import Response, g, request

from oddline_api.auth import writes
from oddline_api.backend import backend
from oddline_api.nexosis import lists, paging, rows
from oddline_api.nexosis.answers import address, empty, link, sends_csv, told, wants_csv
from oddline_api.nexosis.documents import DataOut, DatasetOut, DatasetsOut, StatsOut
from oddline_api.nexosis.door import bp
from oddline_api.nexosis.refusals import bad_range, invalid
from oddline_api.nexosis.schemas import (
    DataQuery,
    DatasetsQuery,
    DeleteDataQuery,
    StatsQuery,
    UploadQuery,
    sent,
)
from oddline_api.uploads import Request, Upload
from oddline_workers import calls
from oddline_workers.datasets.catalogue import Dataset, between, require_name
from oddline_workers.datasets.dates import from_micros
from oddline_workers.datasets.metadata import match

__all__ = ["put_data"]

CASCADES = ("session", "model", "view", "vocabulary", "forecast")
"""What can go with a dataset; there are none of the last three here."""

_RANGES = {
    "start": "startDate",
    "end": "endDate",
    "start_key": "startKey",
    "end_key": "endKey",
    "keys": "keys",
}


@bp.put("/data/<name>")
@writes
@bp.input(UploadQuery, location="query", arg_name="query")
@bp.output(DatasetOut, 201)
def put_data(name: str, query: dict[str, Any]) -> Response:
    """Add rows to a dataset, or make it: JSON with data, columns and missingValues, or CSV.

    Rows whose key or timestamp is there already replace the older ones.
    """
    require_name(name)
    kind = "csv" if sends_csv() else "json"
    arguments = {"owner": g.client, "name": name, "kind": kind}
    if "timestamp" in query:
        arguments["timestampColumn"] = query["timestamp"]
    upload = Upload.of_body(cast(Request, request), name)
    answer = calls.ask(backend().store, "data", "put", arguments, upload.data)
    dataset = backend().datasets.get(g.client, name)
    response = told(
        {**_summary(dataset), "messages": answer.head.get("messages", []), **_itself(dataset)}, 201
    )
    response.headers["Location"] = _at(dataset)
    return response


@bp.get("/data")
@bp.input(DatasetsQuery, location="query", arg_name="query")
@bp.output(DatasetsOut)
def list_datasets(query: dict[str, Any]) -> Response:
    """The client's datasets, by name if nothing else is said."""
    found, total = backend().datasets.list(
        g.client,
        partial=query["part"],
        sort=query.get("sort_by", "dataSetName"),
        descending=query.get("sort_order") == "desc",
        offset=paging.bounds(query)[0],
        limit=query["page_size"],
    )
    links = [_itself(dataset) for dataset in found]
    items = ({**_full(dataset), **link} for dataset, link in zip(found, links, strict=True))
    return paging.answer(items, query, total)


@bp.get("/data/<name>")
@bp.input(DataQuery, location="query", arg_name="query")
@bp.output(DataOut)
def get_data(name: str, query: dict[str, Any]) -> Response:
    """A page of the rows of a dataset; in CSV all of them, where no page is asked for."""
    dataset = backend().datasets.get(g.client, name)
    names = _included(dataset, query["columns"])
    _require_order(query)
    client, root = backend().redis, backend().store.root
    first, last = between(client, root, dataset, query.get("start"), query.get("end"))
    start, stop = (min(first + place, last) for place in paging.bounds(query))
    if wants_csv():
        whole = not any(word.casefold() in ("page", "pagesize") for word in request.args)
        return rows.in_csv(dataset.table, names, *((first, last) if whole else (start, stop)))
    pages = [*_links(dataset), *paging.links(query, last - first)]
    after = {**paging.about(query, last - first), "links": pages}
    return rows.in_json(dataset.table, names, start, stop, _full(dataset), after)


@bp.delete("/data/<name>")
@bp.input(DeleteDataQuery, location="query", arg_name="query")
@bp.output({}, 204)
def delete_data(name: str, query: dict[str, Any]) -> Response:
    """Delete the rows of a range, or some by their keys; else the dataset, with what cascade names."""
    _require_words()
    dataset = backend().datasets.get(g.client, name)
    cascade = _cascade(query.pop("cascade"))
    if sent(query):
        _require_order(query)
        query["keys"] = lists.apart(query["keys"])
        ranges = {_RANGES[word]: value for word, value in query.items() if value}
        calls.ask(backend().store, "data", "delete_rows", {"owner": g.client, "name": name, **ranges})
        return empty()
    store = backend().store
    if "session" in cascade:
        for job_id in lists.chosen("session", lambda job: lists.same(job.filename, name)):
            store.forget(job_id, g.client)
    if "model" in cascade:
        backend().models.delete_fitting(g.client, source=dataset.name)
    backend().datasets.delete(g.client, name)
    return empty()


@bp.get("/data/<name>/stats")
@bp.output(StatsOut)
def get_statistics(name: str) -> Response:
    """What the values of each column are like."""
    return _statistics(name, {})


@bp.get("/data/<name>/stats/<column>")
@bp.input(StatsQuery, location="query", arg_name="query")
@bp.output(StatsOut)
def get_column_statistics(name: str, column: str, query: dict[str, Any]) -> Response:
    """What the values of one column are like."""
    kind = {"dataType": query["data_type"]} if "data_type" in query else {}
    return _statistics(name, {"column": column, **kind})


def _statistics(name: str, arguments: Mapping[str, str]) -> Response:
    dataset = backend().datasets.get(g.client, name)
    found = calls.ask(backend().store, "data", "stats", {"owner": g.client, "name": name, **arguments})
    return told({"dataSetName": dataset.name, "columns": found.head["columns"]})


def _summary(dataset: Dataset) -> dict[str, Any]:
    """A dataset without its rows, and how many those are."""
    return {
        "dataSetName": dataset.name,
        "dataSetSize": dataset.size,
        "dateCreated": from_micros(dataset.created),
        "lastModified": from_micros(dataset.modified),
        "columnCount": len(dataset.columns),
        "isTimeSeries": dataset.is_time_series,
        "columns": {name: column.to_json() for name, column in dataset.columns.items()},
    }


def _full(dataset: Dataset) -> dict[str, Any]:
    return {**_summary(dataset), "rowCount": dataset.rows, "missingValues": [*dataset.missing_values]}


def _itself(dataset: Dataset) -> dict[str, Any]:
    return {"links": [link("self", _at(dataset))]}


def _at(dataset: Dataset) -> str:
    return address("data", dataset.name)


def _links(dataset: Dataset) -> list[dict[str, str]]:
    name = quote(dataset.name, safe="")
    return [
        link("imports", f"{address('imports')}?dataSetName={name}"),
        link("views", f"{address('views')}?dataSetName={name}"),
        link("stats", f"{_at(dataset)}/stats"),
        link("sessions", f"{address('sessions')}?dataSourceName={name}"),
        link("models", f"{address('models')}?dataSourceName={name}"),
        link("vocabularies", f"{address('vocabulary')}?dataSource={name}"),
    ]


def _included(dataset: Dataset, asked: list[str]) -> list[str]:
    """The columns that are asked for, in the dataset's order; a text that is no column is a list of some."""
    known, wanted = match(dataset.columns), set()
    for text in asked:
        for word in [text] if text.strip().casefold() in known else text.split(","):
            if not word.strip():
                continue
            column = known.get(word.strip().casefold())
            if column is None:
                raise invalid({"include": f"got {word[:60]!r}, and the dataset has no such column."})
            wanted.add(column)
    return [name for name in dataset.columns if not wanted or name in wanted]


def _require_order(query: Mapping[str, Any]) -> None:
    """Refuse a range that ends before it begins."""
    start, end = query.get("start"), query.get("end")
    if start and end and start > end:
        raise bad_range(start, end)


def _require_words() -> None:
    """Refuse words for rows that are empty: with an empty list no row was meant, and not all."""
    known = {word.casefold(): word for word in _RANGES.values()}
    for name, values in request.args.lists():
        word = known.get(name.casefold())
        if word and not all(value.strip(" ,") for value in values):
            raise invalid({word: "is empty; say which rows, or leave it out to delete the whole dataset."})


def _cascade(asked: list[str]) -> set[str]:
    words = {word.strip().casefold() for text in asked for word in text.split(",")} - {""}
    if unknown := words - {*CASCADES}:
        text = f"got {min(unknown)[:60]!r}; expected some of {', '.join(CASCADES)}."
        raise invalid({"cascade": text})
    return words
