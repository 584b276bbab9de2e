"""The errors of this dialect: how they are made, and their bodies."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from oddline.errors import OddlineError, ParameterError

__all__ = ["bad_range", "body", "invalid", "not_found", "nothing_named"]

REQUEST, DATA = "request", "data"
"""What an error is filed under that names no field."""

_NAMED = {
    "invalid_columns": ("InvalidColumnMetadata", "columns"),
    "bad_range": ("InvalidDateRange", "range"),
    "nothing_named": ("SomeParametersRequired", ""),
    "no_data": ("NoData", "dataset"),
}
"""Codes of errors with a type of their own, and the word that the details stand under."""

_TYPES = {400: "RequestValidation", 422: "RequestValidation", 404: "NotFound", 500: "ServerError"}


def not_found(kind: str, name: str) -> OddlineError:
    """There is no such item of this client; clients look for this wording."""
    return OddlineError(
        f"Item of type {kind} with identifier {name} was not found",
        code="not_found",
        status=404,
        itemType=kind,
        itemId=name,
    )


def invalid(problems: Mapping[str, str]) -> ParameterError:
    """Fields of the request are wrong: a sentence for each."""
    text = "; ".join(f"{name}: {sentence}" for name, sentence in problems.items())
    return ParameterError(text, problems=dict(problems))


def nothing_named(names: str) -> ParameterError:
    """A call that deletes many says nothing of which."""
    return ParameterError(
        f"Nothing says what is to be deleted; send at least one of {names}.",
        code="nothing_named",
    )


def bad_range(start: str, end: str) -> ParameterError:
    """A range ends before it begins."""
    return ParameterError(
        f"The range ends, at {end}, before it begins, at {start}; send the earlier date as startDate.",
        code="bad_range",
        range={"startDate": start, "endDate": end},
    )


def body(error: OddlineError) -> dict[str, Any]:
    """``statusCode``, ``message``, ``errorType`` and ``errorDetails``; a stranger gets the first two."""
    told: dict[str, Any] = {"statusCode": error.status, "message": error.message}
    if error.status == 401:
        return told
    details: dict[str, Any] = {}
    if error.code in _NAMED:
        kind, word = _NAMED[error.code]
        details = error.where.get(word, {})
    elif (kind := _type(error.status)) == "NotFound":
        details = {name: error.where[name] for name in ("itemType", "itemId") if name in error.where}
    elif kind == "RequestValidation":
        told["message"] = "Request is invalid"
        details = _problems(error)
    return {**told, "errorType": kind, "errorDetails": details}


def _problems(error: OddlineError) -> dict[str, list[str]]:
    """Each wrong field with its sentences."""
    if isinstance(error, ParameterError) and error.problems:
        return {name: [text] for name, text in error.problems.items()}
    unnamed = REQUEST if isinstance(error, ParameterError) else DATA
    return {str(error.where.get("parameter", unnamed)): [error.message]}


def _type(status: int) -> str:
    phrase = HTTPStatus(status).phrase
    return _TYPES.get(status) or "".join(filter(str.isalnum, phrase.title()))
