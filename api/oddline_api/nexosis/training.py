"""A session is asked for: what is to be learnt from which dataset."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Response, g

from oddline.errors import OddlineError, ParameterError
from oddline_api.auth import submits
from oddline_api.backend import backend
from oddline_api.nexosis import imports
from oddline_api.nexosis.account import require_sessions
from oddline_api.nexosis.answers import base
from oddline_api.nexosis.documents import SessionOut
from oddline_api.nexosis.door import bp, submit_job
from oddline_api.nexosis.inputs import parse, takes_json
from oddline_api.nexosis.refusals import invalid, not_found
from oddline_api.nexosis.schemas import Extra, SessionIn
from oddline_api.nexosis.sessions import described
from oddline_workers import addresses
from oddline_workers.datasets.catalogue import Dataset
from oddline_workers.datasets.metadata import Column, read_columns, session_columns
from oddline_workers.jobs import Job
from oddline_workers.sessions.features import ignored_target, warned

__all__ = ["start_session"]

MISTAKEN = (
    "The prediction domain is regression, which is not served here; as containsAnomalies was sent and there "
    "is no target, the session looks for anomalies."
)


@bp.post("/sessions/model")
@submits
@takes_json(SessionIn)
@bp.output(SessionOut)
def start_session(body: dict[str, Any]) -> Response:
    """Learn a model of a dataset's rows, and score them; a session waits for imports into its dataset."""
    behind = backend()
    dataset = behind.datasets.find(g.client, body["source"])
    waits_for = imports.unfinished(body["source"])
    if dataset is None and not waits_for:
        raise not_found("dataSource", body["source"])
    overrides = read_columns(body.get("columns"))
    extra = parse(Extra, body.get("extra") or {}, field="extraParameters")
    messages = _judged(body, dataset, overrides, extra)
    callback = _callback(body["callback"]) if "callback" in body else {}
    require_sessions()
    spec = {
        "dataSourceName": dataset.name if dataset else body["source"],
        "name": body.get("name") or f"Anomalies on {dataset.name if dataset else body['source']}",
        "columns": session_columns(dataset.columns, overrides) if dataset else _unknown(overrides),
        "overrides": body.get("columns") or {},
        "extraParameters": {"containsAnomalies": extra.get("contains", True)},
        "base": base(),
        "messages": messages,
        **({"missingValues": body["missing"]} if "missing" in body else {}),
        **({"callbackUrl": callback["callbackUrl"]} if callback else {}),
    }
    job = submit_job(
        "session",
        spec,
        b"",
        spec["dataSourceName"],
        rows=dataset.rows if dataset else 0,
        columns=len(dataset.columns) if dataset else 0,
        after=" ".join(waits_for),
    )
    response = described(job)
    if callback:
        _call_back(job, callback)
        response.headers["Nexosis-Webhook-Token"] = callback["webhookToken"]
    return response


def _judged(
    body: Mapping[str, Any],
    dataset: Dataset | None,
    overrides: Mapping[str, Column],
    extra: Mapping[str, Any],
) -> list[dict[str, str]]:
    """Refuse what is no session on anomalies; what is to be said of one that is.

    Clients that train for anomalies by mistake name no domain, or regression, beside the parameter
    that only anomalies have.
    """
    domain = str(body.get("domain", "regression")).strip().casefold()
    columns = dataset.columns if dataset else overrides
    about_target = ignored_target(columns, overrides, body.get("target", ""))
    if domain == "anomalies":
        return about_target
    if domain == "regression" and "contains" in extra and not about_target:
        return [warned(MISTAKEN)]
    text = f"got {domain[:40]!r}; expected anomalies, the only domain that is served here."
    raise invalid({"predictionDomain": text})


def _unknown(overrides: Mapping[str, Column]) -> dict[str, dict[str, str]]:
    """The columns of a session whose dataset is still on its way: those that the request names."""
    return session_columns(overrides, overrides)


def _callback(url: str) -> dict[str, str]:
    """The address that is told when the session is over, and the token that it is told with.

    Raises
    ------
    ParameterError
        It is no address of http or https.
    """
    try:
        addresses.read(url)
    except ParameterError as error:
        raise invalid({"callbackUrl": error.message}) from None
    return {"callbackUrl": url, "webhookToken": secrets.token_hex(16)}


def _call_back(session: Job, callback: Mapping[str, str]) -> None:
    """Submit the job that tells the address; without it there is to be no session either."""
    spec = {"session": session.id, "url": callback["callbackUrl"]}
    token = callback["webhookToken"].encode()
    try:
        submit_job("callback", spec, token, session.filename, after=session.id)
    except OddlineError:
        backend().store.forget(session.id, g.client)
        raise
