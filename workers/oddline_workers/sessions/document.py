"""Sessions and models as the dialect shows them; what is not known yet is left out.

Standard library only: the gateway answers with it, a callback sends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from oddline_workers.datasets.dates import from_micros
from oddline_workers.jobs import Job, Status
from oddline_workers.models import Model

__all__ = ["describe", "describe_model", "history", "messages", "metrics", "status_word"]

DOMAIN, TARGET = "anomalies", "anomaly"

_WORDS = {
    Status.SUBMITTED: "requested",
    Status.QUEUED: "requested",
    Status.EXECUTING: "started",
    Status.DONE: "completed",
    Status.ERROR: "failed",
    Status.CANCELLED: "cancelled",
}


def describe(job: Job, base: str) -> dict[str, Any]:
    """The session of a job.

    Parameters
    ----------
    job : Job
        Of kind ``session``.
    base : str
        What the addresses in it begin with: ``http://host/v1``.

    Returns
    -------
    dict
        JSON-ready. Of what came of the session only what it learnt; for the rest see :func:`metrics`.
    """
    spec, result = job.spec, job.result if job.status is Status.DONE and job.result else {}
    name = spec["dataSourceName"]
    session: dict[str, Any] = {
        "columns": dict(result.get("columns") or spec.get("columns") or {}),
        "sessionId": job.id,
        "type": "model",
        "status": status_word(job),
        "predictionDomain": DOMAIN,
        "supportsFeatureImportance": False,
        "availablePredictionIntervals": [],
    }
    if result:
        session["modelId"] = result["modelId"]
    session |= {
        "requestedDate": from_micros(job.submitted),
        "statusHistory": history(job),
        "extraParameters": {"containsAnomalies": True, **(spec.get("extraParameters") or {})},
        "messages": messages(job),
        "name": spec.get("name") or f"Anomalies on {name}",
        "dataSourceName": name,
        "dataSetName": name,
        "targetColumn": TARGET,
    }
    if result:
        session["algorithm"] = {**result["algorithm"], "key": ""}
    if spec.get("callbackUrl"):
        session["callbackUrl"] = spec["callbackUrl"]
    return session | {"isEstimate": False, "links": _links(job, base)}


def describe_model(model: Model, base: str, *, listed: bool = False) -> dict[str, Any]:
    """A model.

    Parameters
    ----------
    model : Model
    base : str
        What the addresses in it begin with: ``http://host/v1``.
    listed : bool
        Whether it is one of a list: then it links to itself alone.

    Returns
    -------
    dict
        JSON-ready.
    """
    described: dict[str, Any] = {
        "columns": dict(model.columns),
        "modelId": model.id,
        "sessionId": model.session,
        "predictionDomain": DOMAIN,
        "dataSourceName": model.source,
        "createdDate": from_micros(model.created, 7),
        "algorithm": dict(model.algorithm),
        "modelName": model.name,
    }
    if model.used:
        described["lastUsedDate"] = from_micros(model.used, 7)
    links = [_link("self", f"{base}/models/{model.id}")]
    if not listed:
        links.append(_link("train", f"{base}/sessions/{model.session}"))
    return described | {"metrics": dict(model.metrics), "links": links}


def status_word(job: Job) -> str:
    """Where a session is, in the dialect's words; one that has to begin anew has started all the same."""
    if job.execution_started and not job.status.over:
        return "started"
    return _WORDS[job.status]


def history(job: Job) -> list[dict[str, str]]:
    """How it came to its status, one entry a step."""
    return [{"date": date, "status": status} for date, status in _steps(job)]


def messages(job: Job) -> list[dict[str, str]]:
    """What there is to say: of the request, of the rows, and why it failed."""
    said = [*(job.spec.get("messages") or ())]
    if job.status is Status.DONE and job.result:
        said += job.result["messages"]
    if job.status is Status.ERROR and job.error:
        said.append({"severity": "error", "message": str(job.error["error"])})
    return said


def metrics(job: Job) -> dict[str, float]:
    """What is measured of a completed session: the share of anomalous rows, from 0 to 1; else nothing."""
    if job.status is not Status.DONE or not job.result:
        return {}
    return {"percentAnomalies": job.result["percentAnomalies"]}


def _steps(job: Job) -> Iterator[tuple[str, str]]:
    # The first is the date of the request, with its six digits; all others have seven.
    yield from_micros(job.submitted), "requested"
    if job.execution_started:
        yield from_micros(job.execution_started, 7), "started"
    if job.status.over:
        yield from_micros(job.done, 7), _WORDS[job.status]


def _links(job: Job, base: str) -> list[dict[str, str]]:
    own = f"{base}/sessions/{job.id}"
    if job.status is not Status.DONE or not job.result:
        return [_link("self", own)]
    return [
        _link("data", f"{base}/data/{quote(job.spec['dataSourceName'], safe='')}"),
        _link("self", own),
        _link("results", f"{own}/results"),
        _link("model", f"{base}/models/{job.result['modelId']}"),
        _link("anomalyScores", f"{own}/results/anomalyscores"),
        _link("mahalanobisDistances", f"{own}/results/mahalanobisdistances"),
        _link("vocabularies", f"{base}/vocabulary?createdFromSession={job.id}"),
    ]


def _link(rel: str, href: str) -> dict[str, str]:
    return {"rel": rel, "href": href}
