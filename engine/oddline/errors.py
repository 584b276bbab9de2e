"""Every error Oddline raises on purpose, one tree.

    OddlineError
    ├── DataError        the table cannot be used as it is            400
    ├── ParameterError   a parameter is unknown or out of its range   400
    ├── ModelError       the model cannot be built or loaded          422
    ├── JobError         the job is unknown or in the wrong state     404 / 409
    ├── LimitError       too large, too many, too fast, or too full   413 / 429 / 503
    └── RunError         the computation itself failed                500

A message says what was seen, what was expected and what to do. ``where`` names
the column, row or parameter. Each dialect renders the tree in its own shape.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Any

__all__ = [
    "LONGEST_NAME",
    "CancelledError",
    "DataError",
    "JobError",
    "LimitError",
    "ModelError",
    "OddlineError",
    "ParameterError",
    "RunError",
    "did_you_mean",
    "is_text",
]

LONGEST_NAME = 1_000
"""Characters that a column's name, or another text among the parameters, may have."""

_COMPARED, _TRIED = 60, 500


class OddlineError(Exception):
    """Base of the tree.

    Parameters
    ----------
    message : str
        What was seen, what was expected, what to do: one or two sentences.
    code : str, optional
        A stable snake_case word for programs, for example ``"unknown_column"``.
    status : int, optional
        The HTTP status a door answers with; each class has a default.
    retry_after : float, optional
        Seconds after which the same call may succeed.
    **where
        The place: ``column=``, ``row=``, ``parameter=``.
    """

    code = "error"
    status = 500

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        **where: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.status = status or type(self).status
        self.retry_after = retry_after
        self.where = where

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON-ready data: ``code``, ``error`` and, where known, the place."""
        return {"code": self.code, "error": self.message, **self.where}


class DataError(OddlineError):
    """The table cannot be used as it is: not a CSV, a column is missing, too few rows."""

    code, status = "bad_data", 400


class ParameterError(OddlineError):
    """A parameter is unknown, of the wrong type or out of its range.

    Several can be wrong at once: ``problems`` maps each parameter to its sentence.
    """

    code, status = "bad_parameter", 400

    def __init__(self, message: str, *, problems: dict[str, str] | None = None, **more: Any):
        super().__init__(message, **more)
        self.problems = problems or {}

    def to_dict(self) -> dict[str, Any]:
        """As of any error, and ``problems`` where several parameters are wrong."""
        data = super().to_dict()
        if self.problems:
            data["problems"] = self.problems
        return data


class ModelError(OddlineError):
    """A model cannot be built, saved or loaded: torch is missing, a file is damaged or foreign."""

    code, status = "bad_model", 422


class JobError(OddlineError):
    """The job is unknown to this client (404) or in a state that does not allow the call (409)."""

    code, status = "unknown_job", 404


class LimitError(OddlineError):
    """Too large (413), too fast (429), or the service is full or away for the moment (503)."""

    code, status = "limit", 413


class RunError(OddlineError):
    """The computation failed for a reason that is not the input's: the fault is ours."""

    code, status = "run_failed", 500


class CancelledError(OddlineError):
    """Raised inside a computation by its progress callback when the job was cancelled."""

    code, status = "cancelled", 409


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` for the known word nearest to ``word``, else an empty string.

    Only the beginnings of words, and of many words only the first, are compared: the cost is
    quadratic in their length, and a stranger chooses both.
    """
    by_fold = {k.casefold()[:_COMPARED]: k for k in islice(known, _TRIED) if len(k) <= LONGEST_NAME}
    near = difflib.get_close_matches(word.casefold()[:_COMPARED], by_fold, n=1, cutoff=0.6)
    return f" Did you mean {by_fold[near[0]]!r}?" if near else ""


def is_text(word: str) -> bool:
    """Whether UTF-8 can write it: a lone surrogate, as JSON may smuggle one in, it cannot.

    >>> is_text("caf\\u00e9"), is_text("\\ud800")
    (True, False)
    """
    return word.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in word)
