"""Every error an answer can carry, rendered in the dialect of the door it leaves by.

No body of the first two doors has a key ``message``: clients of the IBM dialect take its presence for
"service is up". Those of the Nexosis dialect ask for one.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Response, g, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from oddline.errors import LimitError, OddlineError, ParameterError
from oddline_api import jsontext
from oddline_api.doors import is_nexosis, is_plain
from oddline_api.nexosis import refusals
from oddline_workers.telemetry import log

__all__ = ["answer", "register"]

RETRY_SECONDS = 2.0
"""What a client is told to wait while the store is away; a supervised store is back by then."""


def register(app: APIFlask) -> None:
    """Make every error of ``app``, foreseen or not, leave through :func:`answer`."""
    app.register_error_handler(OddlineError, answer)
    app.register_error_handler(HTTPError, lambda error: answer(_from_form(error)))
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(RedisError, _store_away)
    app.register_error_handler(Exception, _unforeseen)


def answer(error: OddlineError) -> Response:
    """The response for one error: status, headers and a body in the door's shape."""
    plain = is_plain(request.path)
    shape = refusals.body if is_nexosis(request.path) else _problem if plain else _ibm
    kind = "application/problem+json" if plain else "application/json"
    response = Response(jsontext.write(shape(error)), error.status, content_type=kind)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.status == 401 and plain:
        response.headers["WWW-Authenticate"] = 'Basic realm="oddline", charset="UTF-8"'
    return response


def _ibm(error: OddlineError) -> dict[str, Any]:
    """What the hosted service said: API Connect's shape from its front, ``error`` from behind it."""
    if error.status in (401, 403, 429):
        return {
            "httpCode": str(error.status),
            "httpMessage": HTTPStatus(error.status).phrase,
            "moreInformation": error.message,
        }
    return {"error": error.message}


def _problem(error: OddlineError) -> dict[str, Any]:
    """RFC 9457, with the code for programs and one entry for each wrong parameter."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
    }
    body |= {key: value for key, value in error.where.items() if key in ("column", "row", "parameter")}
    if isinstance(error, ParameterError) and error.problems:
        body["errors"] = [{"parameter": name, "detail": text} for name, text in error.problems.items()]
    return body


def _from_form(error: HTTPError) -> OddlineError:
    """A schema's complaints, all of them at once."""
    problems: dict[str, str] = {}
    for fields in (error.detail or {}).values():
        if isinstance(fields, dict):
            for name, texts in fields.items():
                problems[str(name)] = " ".join(map(str, texts)) if isinstance(texts, list) else str(texts)
    if not problems:
        return OddlineError(error.message or "The request is not valid.", status=error.status_code)
    return ParameterError("; ".join(f"{name}: {text}" for name, text in problems.items()), problems=problems)


_SENTENCES = {
    404: "There is nothing at {path}; see /openapi.json for the addresses.",
    405: "{method} is not possible at {path}; see the Allow header.",
    413: "The request is too large: too many or too long form fields, or too long a body.",
}


def _from_http(error: HTTPException) -> Any:
    """What Flask and Werkzeug raise on their own."""
    if error.code is None or error.code < 400:
        return error
    text = _SENTENCES.get(error.code, error.description or HTTPStatus(error.code).phrase)
    text = text.format(path=request.path[:200], method=request.method[:20])
    phrase = HTTPStatus(error.code).phrase.lower().replace(" ", "_")
    response = answer(OddlineError(text, code=phrase, status=error.code))
    for name, value in error.get_headers(request.environ):
        if name.lower() in ("allow", "retry-after", "www-authenticate"):
            response.headers[name] = value
    return response


def _store_away(error: RedisError) -> Response:
    log.warning("store away", error=str(error))
    g.store_away = True
    return answer(
        LimitError(
            "The job store cannot be reached at the moment; try again shortly.",
            code="store_away",
            status=503,
            retry_after=RETRY_SECONDS,
        )
    )


def _unforeseen(error: Exception) -> Response:
    log.error("unforeseen error", transaction=g.get("transaction"), exc_info=error)
    return answer(
        OddlineError(
            f"Something went wrong on our side; the log has it under transaction {g.get('transaction')}.",
            code="internal_error",
            status=500,
        )
    )
