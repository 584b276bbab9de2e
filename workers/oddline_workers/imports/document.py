"""An import as the dialect shows it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from oddline_workers.jobs import Job, Status

__all__ = ["describe", "history", "messages", "status_word"]

_WORDS = {
    Status.SUBMITTED: "requested",
    Status.QUEUED: "requested",
    Status.EXECUTING: "started",
    Status.DONE: "completed",
    Status.ERROR: "failed",
    Status.CANCELLED: "cancelled",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def describe(job: Job, base: str) -> dict[str, Any]:
    """The import of a job.

    Parameters
    ----------
    job : Job
        Of kind ``import``.
    base : str
        What the addresses in it begin with: ``http://host/v1``.

    Returns
    -------
    dict
        JSON-ready. There is nothing secret in it: the record knows none.
    """
    name = job.spec["dataSetName"]
    return {
        "importId": job.id,
        "type": job.spec["type"],
        "status": status_word(job),
        "dataSetName": name,
        "parameters": dict(job.spec["parameters"]),
        "requestedDate": _date(job.submitted),
        "statusHistory": history(job),
        "messages": messages(job),
        "columns": dict(job.spec.get("columns") or {}),
        "links": [
            {"rel": "self", "href": f"{base}/imports/{job.id}"},
            {"rel": "data", "href": f"{base}/data/{quote(name, safe='')}"},
        ],
    }


def status_word(job: Job) -> str:
    """Where it is, in the dialect's words."""
    return _WORDS[job.status]


def history(job: Job) -> list[dict[str, str]]:
    """How it came to its status, one entry a step."""
    return [{"date": date, "status": status} for date, status in _steps(job)]


def messages(job: Job) -> list[dict[str, str]]:
    """What there is to say: of a failed import why, of another what was noticed."""
    if job.error:
        return [{"severity": "error", "message": str(job.error["error"])}]
    return list((job.result or {}).get("messages", []))


def _steps(job: Job) -> Iterator[tuple[str, str]]:
    yield _date(job.submitted), "requested"
    if job.execution_started:
        yield _date(job.execution_started, "0"), "started"
    if job.status.over:
        yield _date(job.done, "0"), status_word(job)


def _date(stamp: int, more: str = "") -> str:
    """Microseconds since 1970 as a date; requests have six digits behind the second, all else seven.

    Examples
    --------
    >>> _date(1_525_252_443_120_045)
    '2018-05-02T09:14:03.120045+00:00'
    """
    return f"{_EPOCH + timedelta(microseconds=stamp):%Y-%m-%dT%H:%M:%S.%f}{more}+00:00"
