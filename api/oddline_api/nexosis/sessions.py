"""Sessions as they stand: listed, looked at, deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, g

from oddline.errors import JobError
from oddline_api.backend import backend
from oddline_api.nexosis import lists, paging
from oddline_api.nexosis.answers import base, empty, told
from oddline_api.nexosis.documents import SessionOut, SessionsOut
from oddline_api.nexosis.door import bp, identifier
from oddline_api.nexosis.refusals import not_found, nothing_named
from oddline_api.nexosis.schemas import DeleteSessionsQuery, SessionsQuery, sent
from oddline_workers.jobs import Job, Status
from oddline_workers.models import model_id
from oddline_workers.sessions.document import describe, status_word

__all__ = ["described", "find", "with_status"]

_SORTED = {
    "id": lambda job: job.id,
    "name": lambda job: str(job.spec["name"]).casefold(),
    "type": lambda job: "model",
    "status": status_word,
    "dataSourceName": lambda job: job.filename.casefold(),
    "requestedDate": lambda job: job.submitted,
}


@bp.get("/sessions")
@bp.input(SessionsQuery, location="query", arg_name="query")
@bp.output(SessionsOut)
def list_sessions(query: dict[str, Any]) -> Response:
    """The client's sessions, newest first if nothing else is said."""
    found, total = lists.jobs("session", query, _asked(query), _SORTED)
    at = base()
    return paging.answer((describe(job, at) for job in found), query, total)


@bp.delete("/sessions")
@bp.input(DeleteSessionsQuery, location="query", arg_name="query")
@bp.output({}, 204)
def delete_sessions(query: dict[str, Any]) -> Response:
    """Delete all sessions that the query fits; the models stay."""
    if not sent(query):
        raise nothing_named("dataSourceName, type, eventName, requestedAfterDate and requestedBeforeDate")
    for job_id in lists.chosen("session", _asked(query)):
        backend().store.forget(job_id, g.client)
    return empty()


@bp.get("/sessions/<session_id>")
@bp.output(SessionOut)
def get_session(session_id: str) -> Response:
    """A session as it stands; a HEAD is answered with its status alone, in the header."""
    return described(find(session_id))


@bp.delete("/sessions/<session_id>")
@bp.output({}, 204)
def delete_session(session_id: str) -> Response:
    """Delete a session, running or over; its model stays."""
    backend().store.forget(find(session_id).id, g.client)
    return empty()


def find(session_id: str) -> Job:
    """The client's session of this id.

    Raises
    ------
    OddlineError
        There is none: 404.
    ParameterError
        It is no GUID.
    """
    try:
        job = backend().store.get(identifier("sessionId", session_id), g.client)
    except JobError as error:
        raise not_found("session", session_id) from error
    if job.kind != "session":
        raise not_found("session", session_id)
    return job


def described(job: Job) -> Response:
    """A session, with its status in the header."""
    return with_status(job, told(describe(job, base())))


def with_status(job: Job, response: Response) -> Response:
    """The answer with the status of its session in the header, with a capital."""
    response.headers["Nexosis-Session-Status"] = status_word(job).capitalize()
    return response


def _asked(query: Mapping[str, Any]) -> Callable[[Job], bool]:
    """Whether a session fits; all are of one type, and none is of an event."""

    def fits(job: Job) -> bool:
        return (
            lists.same(job.filename, query.get("source"))
            and lists.same("model", query.get("kind"))
            and "event" not in query
            and ("model" not in query or _learnt(job, query["model"]))
            and lists.within(job.submitted, query.get("after"), query.get("before"))
        )

    return fits


def _learnt(job: Job, model: str) -> bool:
    return job.status is Status.DONE and lists.same(model_id(job.id), model)
