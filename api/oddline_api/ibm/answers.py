"""The bodies of the IBM dialect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from oddline_api import jsontext
from oddline_workers.jobs import STAMPS, Job, Status

__all__ = ["SUBMITTED", "UP", "accepted", "failed", "head_of_done", "nan_to_null", "stages", "state"]

UP = b'{"message": "The anomaly detection service is up."}'
SUBMITTED = (
    "The job is submitted. Please record the jobId and use it in the GET /result/<jobId> request"
    " to get the result."
)
NAN, NULL = b'"anomaly_score":[NaN]', b'"anomaly_score":[null]'


def accepted(job: Job) -> bytes:
    """The answer to a submission."""
    return jsontext.write({"filename": job.filename, "jobId": job.id, "status": SUBMITTED})


def state(job: Job) -> bytes:
    """A job that is not over: three keys, and no ``summary``, which clients test for."""
    return jsontext.write({"filename": job.filename, "jobId": job.id, "status": job.status.value})


def failed(job: Job) -> bytes:
    """A job that ended without a result: done, with the reason in ``summary.error``."""
    if job.status is Status.CANCELLED:
        text = "The job was cancelled."
    else:
        text = str((job.error or {}).get("error") or "The job failed for an unknown reason.")
    return jsontext.write({**_done(job), "summary": {"error": text}})


def head_of_done(job: Job) -> bytes:
    """Everything before the stored summary; a closing brace goes behind it."""
    return jsontext.write(_done(job))[:-1] + b',"summary":'


def _done(job: Job) -> dict[str, Any]:
    return {
        "filename": job.filename,
        "jobId": job.id,
        "status": "done",
        "prediction_type": job.spec.get("prediction_type", "entire"),
        "updated_on": stages(job),
    }


def stages(job: Job) -> dict[str, str]:
    """The stages passed, with ``@`` behind their names, in UTC to the microsecond."""
    return {
        name + "@": datetime.fromtimestamp(stamp / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        for name in STAMPS
        if (stamp := getattr(job, name))
    }


def nan_to_null(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same result in strict JSON: the bare NaN of a score becomes null, across piece borders."""
    kept = b""
    for piece in pieces:
        text = (kept + piece).replace(NAN, NULL)
        cut = max(0, len(text) - len(NAN) + 1)
        kept = text[cut:]
        yield text[:cut]
    yield kept
