"""Connection check, the two batch submissions, and the result by job id."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, request

from oddline.errors import JobError
from oddline_api.auth import guard, submits
from oddline_api.backend import backend
from oddline_api.ibm import answers
from oddline_api.ibm.schemas import Accepted, MultivariateForm, Polled, UnivariateForm, Up
from oddline_api.streams import deliver, json_body
from oddline_api.submission import admit
from oddline_api.uploads import Upload, takes
from oddline_workers.jobs import Status

__all__ = ["bp"]

bp = APIBlueprint("ibm", __name__, tag="IBM dialect")
bp.before_request(guard)


@bp.route("/connection-check", methods=["GET", "POST"])
@bp.output(Up)
def connection_check() -> Response:
    """Whether the service is up and the credentials are good."""
    return json_body(answers.UP)


@bp.post("/anomaly-detection/timeseries/univariate/batch")
@submits
@takes("multipart/form-data")
@bp.input(UnivariateForm, location="form_and_files", arg_name="form")
@bp.output(Accepted)
def submit_univariate(form: dict[str, Any]) -> Response:
    """Detect anomalies on univariate time series."""
    return _submit(form)


@bp.post("/anomaly-detection/timeseries/multivariate/batch")
@submits
@takes("multipart/form-data")
@bp.input(MultivariateForm, location="form_and_files", arg_name="form")
@bp.output(Accepted)
def submit_multivariate(form: dict[str, Any]) -> Response:
    """Detect anomalies on multivariate time series."""
    return _submit(form)


@bp.get("/result/<job_id>")
@bp.output(Polled)
def result(job_id: str) -> Response:
    """Get the result of a job, or how far it is.

    With nan=null in the query, rows without a score carry null instead of the bare token NaN.
    """
    job = backend().store.get(job_id, g.client)
    if job.dialect != "ibm":
        raise JobError(
            f"This job came through /api/v1; its result is at /api/v1/jobs/{job.id}/result.",
            code="other_dialect",
            status=409,
        )
    if not job.status.over:
        return json_body(answers.state(job))
    if job.status is not Status.DONE:
        return json_body(answers.failed(job))
    strict = request.args.get("nan", "").lower() == "null"
    return deliver(job, answers.head_of_done(job), b"}", change=answers.nan_to_null if strict else None)


def _submit(form: dict[str, Any]) -> Response:
    return json_body(answers.accepted(admit(Upload.of_part(form["file"]), form["spec"], "ibm")))
