"""The bodies of our own dialect."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from oddline_workers.jobs import STAMPS, Job

__all__ = ["describe", "result_path"]


def describe(job: Job) -> dict[str, Any]:
    """A job as JSON-ready data, for its owner."""
    at = f"/api/v1/jobs/{job.id}"
    return {
        "id": job.id,
        "status": job.status.value,
        "filename": job.filename,
        "size": job.size,
        "dialect": job.dialect,
        "kind": job.kind,
        "lane": job.lane,
        "parameters": dict(job.spec),
        "attempt": job.attempt,
        "cancel": job.cancel,
        "progress": {"fraction": job.fraction, "stage": job.stage},
        "timeline": {name: _iso(getattr(job, name)) for name in STAMPS},
        "error": dict(job.error) if job.error else None,
        "links": {
            "self": at,
            "result": result_path(job),
            "retry_of": _path(job.retry_of),
            "retried_as": _path(job.retried_as),
        },
    }


def result_path(job: Job) -> str:
    """Where what came of a job is, at the door that it came through."""
    if job.kind == "session":
        return f"/v1/sessions/{job.id}/results"
    if job.kind == "import":
        return f"/v1/imports/{job.id}"
    return f"/result/{job.id}" if job.dialect == "ibm" else f"/api/v1/jobs/{job.id}/result"


def _path(job_id: str) -> str | None:
    return f"/api/v1/jobs/{job_id}" if job_id else None


def _iso(stamp: int) -> str | None:
    if not stamp:
        return None
    return datetime.fromtimestamp(stamp / 1e6, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
