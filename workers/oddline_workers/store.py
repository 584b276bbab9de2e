"""The job store: every move of a job, each one atomic step in Lua by the store's own clock.

Keys, all behind ``Settings.key_prefix``; who may touch which is in :mod:`oddline_workers.access`:

==================================  ==========================================================
``job:<id>``                        the record, a hash, see :class:`oddline_workers.jobs.Job`
``payload:<id>``                    the upload, a blob; gone when the job is done or cancelled
``result:<id>:<attempt>``           the rendered result, a blob
``pending:<lane>``                  jobs that wait, by the time their message was last sent
``outbox``                          jobs whose message must be sent, by the time it is due
``leases``                          jobs that run, by the time their lease runs out
``owner:<client>``                  the jobs of a client, by submission
``owner:<client>:<kind>``           those of a kind other than detections
``idempotency:<client>:<sha256>``   the job that a client's key stands for, and its request
``expiry``                          ``<id>:<client>``, ``<id>:<client>:<kind>`` by the time its record expires
``workers``                         ``<lane>:<bytes for a job>:<process>`` by when it was last heard of
``janitor``                         the name of the janitor at work; runs out with it
``call:<id>``, ``calls:<slot>``     calls that wait for a desk, see :mod:`oddline_workers.calls`, and
``answer:<id>``, ``desk:<slot>``    what is said to them; whether a desk is there
``bell:…``                          Celery's own keys
``credentials``, ``secret:…``       the clients, see :mod:`oddline_workers.credentials`
``rate:…``                          how often each client called, counted by the gateway
``account:<client>:<month>``        how many rows were predicted for it in the month
``dataset:<owner>:<sha256>``        a dataset's record, by its name without case, see ``datasets.catalogue``
``datasets:<owner>``                what a list of a client's datasets is sorted by, a hash
``segment:<id>``                    some rows of a dataset, a blob
``model:<id>``                      what a session learnt, see :mod:`oddline_workers.models`, and
``learnt:<id>``                     the engine's file of it, a blob; both ``…:<attempt>`` until it is done
``models:<client>``                 the models of a client, by when their sessions were done
==================================  ==========================================================
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import redis
from redis.exceptions import NoScriptError, OutOfMemoryError

from oddline.errors import LimitError, ParameterError, RunError
from oddline_workers.jobs import LEGAL_MOVES, Job, Status
from oddline_workers.records import Records, read_job, unknown, well_formed
from oddline_workers.settings import Settings

__all__ = ["LANES", "Claim", "JobStore", "bell_prefix"]

LANES = ("cpu", "gpu")
REPUBLISH_SECONDS = 2.0
"""A message that takes longer than this from its publisher to a worker's claim is sent again."""

AFTER_SECONDS = 0.1
"""A job that must wait for another one is looked at again after this, by the next round of the janitor."""

_LANES = ", ".join(f"'{lane}'" for lane in LANES)
_LEGAL = " ".join(f"{start}>{end}" for start, ends in LEGAL_MOVES.items() for end in sorted(ends))

IDEMPOTENCY_HOURS = 24
"""So long an idempotency key stands for the job it was first used for."""

Messages = list[tuple[str, str]]  # inside the class the name `list` is the method's


def _script(name: str) -> tuple[str, str]:
    """One Lua script, complete: its ``#!`` line, the tables, the head, its body; and its SHA-1."""
    folder = files("oddline_workers") / "lua"
    flags, _, body = (folder / f"{name}.lua").read_text("utf-8").partition("\n")
    head = (folder / "head.lua").read_text("utf-8")
    tables = f"local LEGAL, LANES = ' {_LEGAL} ', {{{_LANES}}}"
    source = f"{flags}\n{tables}\n{head}\n{body}"
    return source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


_SCRIPTS = {
    name: _script(name)
    for name in (
        "admit",
        "queued",
        "claim",
        "beat",
        "finish",
        "release",
        "cancel",
        "forget",
        "sweep",
        "resume",
    )
}


@dataclass(frozen=True)
class Claim:
    """What a worker was told: ``go``, ``wait`` (for another job), ``busy`` (taken), ``over`` or ``gone``."""

    verdict: str
    job: Job | None = None
    head: bytes | None = None
    """With ``go``: the first piece of the payload, fetched in the same round trip."""


class JobStore(Records):
    """The jobs in a Redis or Valkey of version 7 or newer.

    The moves are here, the questions in :class:`~oddline_workers.records.Records`. Every move is
    one round trip; repeating a call whose reply was lost is harmless.
    """

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        super().__init__(client, settings)
        self._lease = int(settings.lease_seconds * 1e6)
        self._due = int(REPUBLISH_SECONDS * 1e6)
        self._ttl = max(1, int(settings.result_days * 86_400_000))
        lost = RunError(
            f"The worker was lost {settings.max_attempts} times while running this job. "
            "The table may be too large for the memory of a worker.",
            code="worker_lost",
        )
        self._limits = (
            settings.max_attempts,
            json.dumps(lost.to_dict()),
            json.dumps(over_time("{limit}").to_dict()),
        )
        waited = RunError(
            f"No worker took the job within {settings.waiting_hours:g} hours. See that a worker of its "
            "lane runs, or raise ODDLINE_WAITING_HOURS.",
            code="waited_too_long",
        )
        self._waiting = (int(settings.waiting_hours * 3_600e6), json.dumps(waited.to_dict()))

    def admit(self, job: Job, pipe: Any = None, *, key: str = "", request: str = "") -> Job:
        """Take a job in: record, outbox and index in one step.

        Parameters
        ----------
        job : Job
            With a fresh id and the manifest of its payload, which must be written.
        pipe : pipeline, optional
            Commands to send in front, in the same round trip.
        key, request : str
            The owner's idempotency key, hashed, and what the request was, hashed.

        Returns
        -------
        Job
            As it stands: another one, of an earlier call, where the key is known.

        Raises
        ------
        LimitError
            ``queue_full`` or ``store_full``, both 503 with ``retry_after``.
        ParameterError
            The key was used for another request (422).
        RunError
            The payload is not all there.
        """
        manifest = job.payload or {"pieces": [], "stored": 0}
        if not job.time_limit:
            job = job.evolve(time_limit=time_limit(self.settings, job.cells))
        record = [text for item in job.to_record().items() for text in item]
        limit = self.settings.queue_limit
        answer = self._call(
            "admit", job.id, job.owner, limit, self._due, len(manifest["pieces"]), manifest["stored"],
            key, request, IDEMPOTENCY_HOURS * 3_600_000, *record, pipe=pipe,
        )  # fmt: skip
        if answer == b"full":
            raise LimitError(
                f"{limit} jobs are waiting already. Try again in a while.",
                code="queue_full", status=503, retry_after=5.0,
            )  # fmt: skip
        if answer == b"another":
            raise ParameterError(
                "The Idempotency-Key was used for another request already: other data, or other parameters. "
                "Use a key of its own for each.",
                code="key_used", status=422, parameter="Idempotency-Key",
            )  # fmt: skip
        if answer in (b"incomplete", b"taken"):
            raise RunError("The upload could not be stored completely. Submit it again.", code="damaged")
        return read_job(_pairs(answer))

    def queued(self, job_id: str) -> None:
        """Note that the job's message is on its lane."""
        self._call("queued", job_id)

    def claim(self, job_id: str, worker: str) -> Claim:
        """Take a waiting job to run it; ``worker`` must be a name used for this claim only."""
        if not well_formed(job_id):
            return Claim("gone")
        verdict, *rest = self._call("claim", job_id, worker, self._lease, int(AFTER_SECONDS * 1e6))
        if verdict != b"go":
            return Claim(verdict.decode())
        return Claim("go", read_job(_pairs(rest[0])), rest[1])

    def beat(self, job_id: str, attempt: int, fraction: float, stage: str) -> str:
        """Renew the lease: ``"go"`` on, ``"cancel"``, or ``"lost"`` where the job is another's now."""
        answer = self._call("beat", job_id, attempt, self._lease, repr(float(fraction)), stage[:100])
        return str(answer.decode())

    def finish(
        self,
        job_id: str,
        attempt: int,
        status: Status,
        *,
        result: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
        pipe: Any = None,
    ) -> Status | None:
        """End the job: how it ended, or None when the attempt was overtaken and nothing changed.

        A job that is to be cancelled ends so, whatever ``status`` is. ``pipe`` holds the last pieces
        of the result, to go in the same round trip. With ``modelId`` in the result, what this attempt
        wrote under that id becomes a model (see :mod:`oddline_workers.models`), or is gone.
        """
        pieces = len(result["pieces"]) if result else 0
        answer = self._call(
            "finish", job_id, attempt, status.value, self._ttl, json.dumps(error),
            json.dumps(result, separators=(",", ":")), pieces, (result or {}).get("modelId", ""), pipe=pipe,
        )  # fmt: skip
        if answer == b"incomplete":
            raise RunError("The result was not stored completely.", code="damaged")
        return Status[answer.decode().upper()] if answer else None

    def release(self, job_id: str, attempt: int, *, lost: bool = False, wait: float = 0.0) -> bool:
        """Put a running job back, to wait for ``wait`` seconds; ``lost`` counts against ``max_attempts``."""
        return bool(
            self._call("release", job_id, attempt, int(lost), self._ttl, *self._limits, int(wait * 1e6))
        )

    def hand_back(self, mark: str) -> int:
        """Put back every running job that a claim with ``mark`` in its name holds; how many.

        Two round trips, and one more for each of them.
        """
        ids: Any = self.client.zrange(self.root + "leases", 0, -1)
        return sum(
            self.release(job.id, job.attempt)
            for job in map(read_job, filter(None, self._records(ids)))
            if mark in job.worker
        )

    def cancel(self, job_id: str, owner: str) -> Job:
        """Cancel a job: at once while it waits, by its next beat while it runs, never once it is over."""
        record = self._call("cancel", job_id, owner, self._ttl) if well_formed(job_id) else None
        if not record:
            raise unknown(job_id)
        return read_job(_pairs(record))

    def forget(self, job_id: str, owner: str) -> bool:
        """Remove a job and all that it kept, whatever its state; False where it is not this owner's.

        Returns when the journal has it.
        """
        if not (well_formed(job_id) and self._call("forget", job_id, owner)):
            return False
        self.await_journal()
        return True

    def sweep(self) -> Messages:
        """Put back the jobs of lost workers, end those that waited too long.

        Returns ``(lane, id)`` of every message to send (again).
        """
        names = self._call(
            "sweep", self._due, bell_prefix(self.settings), self._ttl, *self._limits, *self._waiting
        )
        words = [name.decode() for name in names]
        return [*zip(words[::2], words[1::2], strict=True)]

    def resume(self) -> int:
        """After a restore: what ran waits again, and every wait begins anew; how many jobs wait."""
        return int(self._call("resume", self._ttl, *self._limits))

    def _call(self, name: str, *args: Any, pipe: Any = None) -> Any:
        """Run a script, after the commands waiting in ``pipe``; teach it to a store that lost it."""
        source, sha = _SCRIPTS[name]
        try:
            if pipe is None:
                try:
                    return self.client.evalsha(sha, 1, self.root, *args)
                except NoScriptError:
                    self.client.script_load(source)
                    return self.client.evalsha(sha, 1, self.root, *args)
            pipe.evalsha(sha, 1, self.root, *args)
            replies = pipe.execute(raise_on_error=False)
            if isinstance(replies[-1], NoScriptError):
                self.client.script_load(source)
                replies[-1] = self.client.evalsha(sha, 1, self.root, *args)
            for reply in replies:
                if isinstance(reply, Exception):
                    raise reply
            return replies[-1]
        except OutOfMemoryError as error:
            raise store_full() from error


def time_limit(settings: Settings, cells: int) -> float:
    """Seconds that a job on so many cells may run."""
    return round(settings.time_limit + settings.time_limit_per_million * cells / 1e6, 3)


def over_time(limit: float | str) -> RunError:
    """The error of a job that ran for longer than ``limit`` seconds, its ``time_limit``."""
    seconds = limit if isinstance(limit, str) else f"{limit:g}"
    return RunError(
        f"The job ran for longer than {seconds} s, the limit for a table of its size. Send fewer rows or "
        "columns, choose a faster algorithm, or raise ODDLINE_TIME_LIMIT.",
        code="time_limit",
    )


def store_full() -> LimitError:
    """The error of a store without room for another job."""
    return LimitError(
        "The store is full. Try again when some results have expired.",
        code="store_full", status=503, retry_after=30.0,
    )  # fmt: skip


def bell_prefix(settings: Settings) -> str:
    """What Celery's own keys begin with; the messages of a lane are the list behind it."""
    return settings.key_prefix + "bell:"


def _pairs(flat: Any) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
