"""What came of a session, in pages of rows: the odd ones, all with their scores, all with their distances."""

from __future__ import annotations

from typing import Any

from flask import Response

from oddline_api.nexosis import paging, rows
from oddline_api.nexosis.answers import address, base, link, wants_csv
from oddline_api.nexosis.documents import ResultsOut
from oddline_api.nexosis.door import bp
from oddline_api.nexosis.inputs import Page
from oddline_api.nexosis.sessions import find, with_status
from oddline_workers.datasets.columnar import Table
from oddline_workers.jobs import Job
from oddline_workers.sessions.document import describe, metrics

__all__ = ["DISTANCE"]

DISTANCE = "mahalanobis_distance"


@bp.get("/sessions/<session_id>/results")
@bp.input(Page, location="query", arg_name="query")
@bp.output(ResultsOut)
def get_results(session_id: str, query: dict[str, Any]) -> Response:
    """The rows that are odd, with their scores: zero or below it."""
    return _page(find(session_id), "anomalous", query, distances=False)


@bp.get("/sessions/<session_id>/results/anomalyscores")
@bp.input(Page, location="query", arg_name="query")
@bp.output(ResultsOut)
def get_anomaly_scores(session_id: str, query: dict[str, Any]) -> Response:
    """Every row, with its score."""
    return _page(find(session_id), "all", query, distances=False)


@bp.get("/sessions/<session_id>/results/mahalanobisdistances")
@bp.input(Page, location="query", arg_name="query")
@bp.output(ResultsOut)
def get_mahalanobis_distances(session_id: str, query: dict[str, Any]) -> Response:
    """Every row, with its score and how far it lies from the middle of all."""
    return _page(find(session_id), "all", query, distances=True)


def _page(job: Job, which: str, query: dict[str, Any], *, distances: bool) -> Response:
    kept = (job.result or {}).get(which)
    table = Table.from_json(kept) if kept else Table()
    names = [name for name in table.columns if distances or name != DISTANCE]
    start, stop = paging.bounds(query)
    if wants_csv():
        return with_status(job, rows.in_csv(table, names, start, stop))
    session = describe(job, base())
    del session["columns"]
    after = {
        **paging.about(query, table.rows),
        **session,
        "links": _links(job, session["links"], paging.links(query, table.rows)),
    }
    before = {"metrics": metrics(job)}
    return with_status(job, rows.in_json(table, names, start, stop, before, after))


def _links(job: Job, session: list[dict[str, str]], pages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The dataset first, then the pages, then what else there is of the session."""
    first = link("data", address("data", job.spec["dataSourceName"]))
    more = [one for one in session if one["rel"] not in ("data", "self", "results")]
    return [first, *pages, *more]
