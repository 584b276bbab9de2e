"""An import as the dialect shows it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from oddline_workers.datasets.dates import from_micros
from oddline_workers.jobs import Job
from oddline_workers.sessions.document import history, messages, status_word

__all__ = ["describe", "history", "messages", "status_word"]


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
        "requestedDate": from_micros(job.submitted),
        "statusHistory": history(job),
        "messages": messages(job),
        "columns": dict(job.spec.get("columns") or {}),
        "links": [
            {"rel": "self", "href": f"{base}/imports/{job.id}"},
            {"rel": "data", "href": f"{base}/data/{quote(name, safe='')}"},
        ],
    }
