"""Submit, list, look at, cancel, do again, and the result."""

from __future__ import annotations

from typing import Any, cast

from apiflask import APIBlueprint
from flask import Response, g, request

from oddline.catalog import PARAMETERS, Spec, check
from oddline.errors import JobError, OddlineError, ParameterError
from oddline_api import jsontext
from oddline_api.auth import guard, submits
from oddline_api.backend import backend
from oddline_api.forms import NOT_A_FILE, parse_columns
from oddline_api.jobs.answers import describe, result_path
from oddline_api.jobs.schemas import JobOut, JobsOut, JobsQuery, ParametersQuery
from oddline_api.streams import deliver, json_body
from oddline_api.submission import admit, idempotency_key
from oddline_api.uploads import Request, Upload
from oddline_workers.jobs import Job, Status
from oddline_workers.submit import retry

__all__ = ["bp"]

BODIES = {
    "text/csv": ".csv",
    "application/json": ".json",
    "application/gzip": ".csv.gz",
    "application/octet-stream": ".csv",
}
"""Content types of a bare body, and the ending of its name if none is given."""

MOST_PARAMETERS = 50
"""More are not looked at one by one."""

MISSING = "is missing; send the data as a multipart file part with this name."

bp = APIBlueprint("jobs", __name__, url_prefix="/api/v1", tag="Jobs")
bp.before_request(guard)


@bp.post("/jobs")
@submits
@bp.input(ParametersQuery, location="query", arg_name="_query", validation=False)
@bp.output(JobOut, 202)
def submit_job(_query: Any) -> Response:
    """Submit a file: as a multipart form with its parameters, or as the bare body.

    A bare body is a CSV or a JSON array of row objects, plain or gzip; the parameters then
    stand in the query.
    """
    return _accepted(admit(_upload(), _spec(), "plain"))


@bp.get("/jobs")
@bp.input(JobsQuery, location="query", arg_name="query")
@bp.output(JobsOut)
def list_jobs(query: dict[str, Any]) -> Response:
    """The client's jobs, newest first."""
    jobs, total = backend().store.list(g.client, **query)
    return json_body(
        jsontext.write(
            {
                "jobs": [describe(job) for job in jobs],
                "total": total,
                "limit": query["limit"],
                "offset": query["offset"],
            }
        )
    )


@bp.get("/jobs/<job_id>")
@bp.output(JobOut)
def get_job(job_id: str) -> Response:
    """One job, with its progress and timeline."""
    return json_body(jsontext.write(describe(backend().store.get(job_id, g.client))))


@bp.delete("/jobs/<job_id>")
@bp.output(JobOut)
def cancel_job(job_id: str) -> Response:
    """Cancel a job that is not over; one that executes ends at its next sign of life."""
    return json_body(jsontext.write(describe(backend().store.cancel(job_id, g.client))))


@bp.post("/jobs/<job_id>/retry")
@submits
@bp.output(JobOut, 202)
def retry_job(job_id: str) -> Response:
    """Do a failed job again: a new job with the same data and parameters, linked to the old one."""
    behind = backend()
    return _accepted(retry(behind.store, behind.queue, job_id, g.client, key=idempotency_key()))


@bp.get("/jobs/<job_id>/result")
@bp.output({}, content_type="application/json")
def get_result(job_id: str) -> Response:
    """The result of a done job: summary, flagged runs, and one score and label a row."""
    job = backend().store.get(job_id, g.client)
    if job.status is Status.DONE and job.dialect == "plain":
        return deliver(job)
    if job.status is Status.DONE:
        text, code = (
            f"The job came through another door; its result is at {result_path(job)}.",
            "other_dialect",
        )
    elif job.status is Status.CANCELLED:
        text, code = "The job was cancelled; it has no result.", "cancelled"
    elif job.status is Status.ERROR:
        reason = job.error or {}
        text, code = str(reason.get("error", "The job failed.")), str(reason.get("code", "run_failed"))
    else:
        text, code = f"The job is {job.status.value}; its result is there when it is done.", "not_done"
    raise JobError(text, code=code, status=409)


def _accepted(job: Job) -> Response:
    """The answer to a submission."""
    response = json_body(jsontext.write(describe(job)), 202)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return response


def _upload() -> Upload:
    """The file of this request: its multipart part, or the body itself."""
    if request.mimetype == "multipart/form-data":
        part = request.files.get("file")
        if part is None:
            text = MISSING if "file" not in request.form else "is a text field; send it as a file part."
            raise ParameterError(f"file: {text}", problems={"file": text})
        return Upload.of_part(part)
    if request.mimetype not in BODIES:
        raise OddlineError(
            f"The content type is {request.mimetype[:100] or 'missing'}; expected one of"
            f" multipart/form-data, {', '.join(BODIES)}.",
            code="unsupported_media_type",
            status=415,
        )
    name = request.args.get("filename") or "data" + BODIES[request.mimetype]
    return Upload.of_body(cast(Request, request), name)


def _spec() -> Spec:
    """The parameters from form and query together; an empty one counts as not sent."""
    sent = {**request.args.to_dict(flat=False), **request.form.to_dict(flat=False)}
    sent.pop("filename", None)
    if len(sent) > MOST_PARAMETERS:
        raise ParameterError(
            f"The request names {len(sent)} parameters; there are {len(PARAMETERS)}. Send those that matter.",
            code="too_many_parameters",
        )
    values: dict[str, Any] = {}
    problems = {name: NOT_A_FILE for name in request.files if name != "file"}
    for name, texts in sent.items():
        if name == "target_columns" and any(texts):
            try:
                # Given more than once each is a name; given once it may be a list in text.
                listed = len(texts) == 1 and texts[0].lstrip()[:1] in ("[", "(")
                values[name] = parse_columns(texts[0]) if listed else texts
            except ValueError as error:
                problems[name] = str(error)
        elif texts[0].strip():
            values[name] = texts[0]
    try:
        spec = check(values)
    except ParameterError as error:
        problems |= error.problems
    if problems:
        raise ParameterError("; ".join(f"{n}: {t}" for n, t in problems.items()), problems=problems)
    return spec
