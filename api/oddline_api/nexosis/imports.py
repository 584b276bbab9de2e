"""Imports: the service fetches the rows of a dataset itself."""

from __future__ import annotations

from typing import Any

from flask import Response, g

from oddline.errors import JobError
from oddline_api.auth import submits
from oddline_api.backend import backend
from oddline_api.nexosis import lists, paging
from oddline_api.nexosis.answers import base, told
from oddline_api.nexosis.documents import ImportOut, ImportsOut
from oddline_api.nexosis.door import bp, identifier, submit_job
from oddline_api.nexosis.inputs import read_json
from oddline_api.nexosis.refusals import not_found
from oddline_api.nexosis.schemas import ImportsQuery
from oddline_workers.imports.document import describe, status_word
from oddline_workers.imports.request import read
from oddline_workers.jobs import Job

__all__ = ["unfinished"]

_SORTED = {
    "id": lambda job: job.id,
    "dataSetName": lambda job: job.filename.casefold(),
    "requestedDate": lambda job: job.submitted,
    "currentStatusDate": lambda job: max(job.submitted, job.execution_started, job.done),
}


@bp.post("/imports/url")
@submits
@bp.output(ImportOut)
def import_url() -> Response:
    """Fetch a dataset from an address: JSON in the shape of an upload, or CSV; plain or gzip."""
    return _import("url")


@bp.post("/imports/s3")
@submits
@bp.output(ImportOut)
def import_s3() -> Response:
    """Fetch a dataset from a bucket of a store that speaks S3."""
    return _import("s3")


@bp.post("/imports/azure")
@submits
@bp.output(ImportOut)
def import_azure() -> Response:
    """Fetch a dataset from a container of Azure's blobs."""
    return _import("azure")


@bp.get("/imports")
@bp.input(ImportsQuery, location="query", arg_name="query")
@bp.output(ImportsOut)
def list_imports(query: dict[str, Any]) -> Response:
    """The client's imports, newest first."""

    def asked(job: Job) -> bool:
        return lists.same(job.filename, query.get("name")) and lists.within(
            job.submitted, query.get("after"), query.get("before")
        )

    found, total = lists.jobs("import", query, asked, _SORTED)
    at = base()
    return paging.answer((describe(job, at) for job in found), query, total)


@bp.get("/imports/<import_id>")
@bp.output(ImportOut)
def get_import(import_id: str) -> Response:
    """An import as it stands."""
    try:
        job = backend().store.get(identifier("importId", import_id), g.client)
    except JobError:
        raise not_found("import", import_id) from None
    if job.kind != "import":
        raise not_found("import", import_id)
    return _described(job)


def unfinished(name: str) -> list[str]:
    """The ids of the imports into a dataset that are not over."""
    return lists.chosen("import", lambda job: not job.status.over and lists.same(job.filename, name))


def _import(kind: str) -> Response:
    wanted = read(kind, read_json())
    return _described(submit_job("import", wanted.spec(), wanted.payload(), wanted.name))


def _described(job: Job) -> Response:
    response = told(describe(job, base()))
    response.headers["Nexosis-Import-Status"] = status_word(job).capitalize()
    return response
