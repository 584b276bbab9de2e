"""The errors of this dialect: how they are made, and their bodies."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from oddline.errors import OddlineError, ParameterError

__all__ = ["bad_range", "body", "invalid", "not_found", "nothing_named"]

REQUEST, DATA = "request", "data"
"""What an error is filed under that names no field."""

_NAMED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "bad_range": ("InvalidDateRange", ("startDate", "endDate")),
    "nothing_named": ("SomeParametersRequired", ()),
    "no_data": ("NoData", ("dataSetName",)),
    "not_found": ("NotFound", ("itemType", "itemId")),
}
"""Codes of errors with a type of their own, and what of their place is told."""

_TYPES = {
    400: "RequestValidation",
    422: "RequestValidation",
    404: "NotFound",
    413: "RequestEntityTooLarge",  # HTTP, and Python with it, have come to call it otherwise
    500: "ServerError",
}


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
        startDate=start,
        endDate=end,
    )


def body(error: OddlineError) -> dict[str, Any]:
    """``statusCode``, ``message``, ``errorType`` and ``errorDetails``; a stranger gets the first two."""
    told: dict[str, Any] = {"statusCode": error.status, "message": error.message}
    if error.status == 401:
        return told
    kind, names = _NAMED.get(error.code, (_type(error.status), ()))
    details: dict[str, Any] = {name: error.where[name] for name in names if name in error.where}
    if error.code == "invalid_columns":
        kind, details = "InvalidColumnMetadata", dict(error.where["columns"])
    elif kind == "RequestValidation":
        told["message"] = "Request is invalid"
        details = _problems(error)
    return {**told, "errorType": kind, "errorDetails": details}


def _problems(error: OddlineError) -> dict[str, list[str]]:
    """Each wrong field with its sentences; an error that comes from a desk is of the tree's root."""
    problems = error.problems if isinstance(error, ParameterError) else error.where.get("problems")
    if problems:
        return {name: [text] for name, text in problems.items()}
    unnamed = REQUEST if isinstance(error, ParameterError) else DATA
    return {str(error.where.get("parameter", unnamed)): [error.message]}


def _type(status: int) -> str:
    phrase = HTTPStatus(status).phrase
    return _TYPES.get(status) or "".join(filter(str.isalnum, phrase.title()))
