"""The job: its record, its states and the legal moves between them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

__all__ = ["KINDS", "LEGAL_MOVES", "SCHEMA_VERSION", "STAMPS", "Job", "LaterError", "Status"]

SCHEMA_VERSION = 1


class LaterError(Exception):
    """A job cannot do its work yet: it is put back to wait for so many seconds, which is no loss."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"in {seconds:g} s")
        self.seconds = seconds


class Status(StrEnum):
    """Where a job is; each member carries a sentence."""

    SUBMITTED = "submitted", "Accepted and stored; not yet on its lane."
    QUEUED = "queued", "On its lane, waiting for a free worker."
    EXECUTING = "executing", "A worker holds it under a lease."
    DONE = "done", "Finished; the result is stored."
    ERROR = "error", "Finished; it failed and the record says why."
    CANCELLED = "cancelled", "Ended by its owner before it finished."

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Status:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self in (Status.DONE, Status.ERROR, Status.CANCELLED)


LEGAL_MOVES: Mapping[Status, frozenset[Status]] = {
    # A worker can be quicker than the submitter, so submitted → executing is legal; a job
    # that loses its worker goes back to submitted (it is on the outbox again).
    Status.SUBMITTED: frozenset({Status.QUEUED, Status.EXECUTING, Status.CANCELLED, Status.ERROR}),
    Status.QUEUED: frozenset({Status.SUBMITTED, Status.EXECUTING, Status.CANCELLED, Status.ERROR}),
    Status.EXECUTING: frozenset({Status.SUBMITTED, Status.DONE, Status.ERROR, Status.CANCELLED}),
    Status.DONE: frozenset(),
    Status.ERROR: frozenset(),
    Status.CANCELLED: frozenset(),
}

KINDS = ("detect", "session", "import", "callback")
"""What jobs there are: a detection in a table that came with it, the training of a model on a kept dataset,
the fetching of one, and telling an address of a client's that a session is over."""

STAMPS = ("submitted", "queued", "execution_started", "done")
"""The four stamps, in order: epoch microseconds by the store's clock, 0 while not reached."""


@dataclass(frozen=True)
class Job:
    """One job as its record says it: a hash in the store, field for field."""

    id: str
    owner: str
    dialect: str
    """``"ibm"``, ``"plain"`` or ``"nexosis"``: the door it came through, which fixes the result's shape."""
    lane: str
    spec: Mapping[str, Any]
    """What is to be done, JSON-ready; of a detection the parameters of :class:`oddline.catalog.Spec`."""
    filename: str
    """As the client named it; of a session and an import the name of the dataset."""
    kind: str = "detect"
    """One of :data:`KINDS`."""
    after: str = ""
    """The ids of jobs that must be over before this one starts, with spaces between."""
    size: int = 0
    """Bytes of the payload."""
    payload: Mapping[str, Any] | None = None
    """The manifest of the stored payload, see ``blobs``."""
    status: Status = Status.SUBMITTED
    attempt: int = 0
    """Counts the starts; only the latest attempt may beat or finish (a fence)."""
    losses: int = 0
    """How often a worker was lost in mid-job; at ``max_attempts`` the job fails."""
    worker: str = ""
    """The claim that holds the job: host, process, a random token and a running number."""
    started: int = 0
    """When the latest attempt began; ``execution_started`` is the first one's."""
    submitted: int = 0
    queued: int = 0
    execution_started: int = 0
    done: int = 0
    fraction: float = 0.0
    stage: str = ""
    cancel: bool = False
    cells: int = 0
    """About how many the table has."""
    time_limit: float = 0.0
    """Seconds one attempt may run, fixed by the size of the table when the job is taken in."""
    error: Mapping[str, Any] | None = None
    """``OddlineError.to_dict()`` of what ended it."""
    result: Mapping[str, Any] | None = None
    """The manifest of the stored result, see ``blobs``."""
    retry_of: str = ""
    """The failed job that this one does again."""
    retried_as: str = ""
    """The latest job that does this one again."""
    version: int = SCHEMA_VERSION

    def evolve(self, **changes: Any) -> Job:
        """The job with some fields changed."""
        return replace(self, **changes)

    def to_record(self) -> dict[str, str]:
        """The fields as the store keeps them: every value a text, structures as JSON."""
        record = {}
        for name in _FIELDS:
            value = getattr(self, name)
            if name in _JSON:
                value = json.dumps(value, separators=(",", ":"))
            elif name == "cancel":
                value = int(value)
            record[name] = str(value)
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, str]) -> Job:
        """The job of a stored record; fields of newer versions are passed over."""
        values: dict[str, Any] = {}
        for name in _FIELDS:
            if name in record:
                values[name] = _READ[name](record[name]) if name in _READ else record[name]
        return cls(**values)


_FIELDS = tuple(item.name for item in fields(Job))
_JSON = frozenset({"spec", "payload", "error", "result"})
_READ: Mapping[str, Any] = {
    **dict.fromkeys(_JSON, json.loads),
    **dict.fromkeys(("size", "cells", "attempt", "losses", "started", "version", *STAMPS), int),
    "status": Status,
    "fraction": float,
    "time_limit": float,
    "cancel": lambda text: text == "1",
}
