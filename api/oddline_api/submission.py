"""From a received file and its checked parameters to an admitted job: what every door does alike."""

from __future__ import annotations

from dataclasses import asdict

from flask import g, request

from oddline.catalog import Spec, lane_of
from oddline.errors import ParameterError
from oddline.sniff import require_columns
from oddline_api.backend import backend
from oddline_api.uploads import Upload, count_rows, inspect
from oddline_workers.jobs import Job
from oddline_workers.submit import submit

__all__ = ["LONGEST_KEY", "admit", "idempotency_key"]

LONGEST_KEY = 255


def admit(upload: Upload, spec: Spec, dialect: str) -> Job:
    """Refuse what the gateway can see to be wrong with the file, else make it the client's job.

    Raises
    ------
    DataError
        Empty, no table, or without a column the parameters name.
    LimitError
        413, too large, too wide, or more than a worker has memory for; 503, the queue or the store is full.
    ParameterError
        The ``Idempotency-Key`` is malformed (400), or was used for another request (422).
    """
    behind = backend()
    found = inspect(upload, behind.settings)
    require_columns(found.columns, time_column=spec.time_column, target_columns=spec.target_columns)
    return submit(
        behind.store,
        behind.queue,
        owner=g.client,
        dialect=dialect,
        lane=lane_of(spec.algorithm_type),
        spec=asdict(spec),
        data=upload.data,
        filename=upload.filename,
        rows=count_rows(upload, found, behind.settings),
        columns=len(spec.target_columns or found.columns),
        key=idempotency_key(),
    )


def idempotency_key() -> str:
    """The request's ``Idempotency-Key``; empty without one.

    Raises
    ------
    ParameterError
        It is empty, too long, or not of visible ASCII characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not 1 <= len(key) <= LONGEST_KEY or not all("!" <= sign <= "~" for sign in key):
        raise ParameterError(
            f"The Idempotency-Key has {len(key)} characters, or some that are not visible ASCII; expected 1 "
            f"to {LONGEST_KEY} of them, such as a UUID.",
            parameter="Idempotency-Key",
        )
    return key
