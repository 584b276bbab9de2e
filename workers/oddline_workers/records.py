"""The records of the jobs and the state of the store: every question that changes nothing.

Keys are listed in :mod:`oddline_workers.store`, which holds the moves.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import redis
from redis.exceptions import NoPermissionError

from oddline.errors import JobError
from oddline_workers.jobs import Job, Status
from oddline_workers.settings import Settings

__all__ = ["Records", "read_job", "unknown", "well_formed"]

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

JOURNAL_SECONDS = 2.5
"""So long a store may flush; after two seconds it writes without having flushed."""

SILENT_SECONDS = 60.0
"""A worker that has not been heard of for so long is not counted on."""

SKETCHED = tuple(item.name for item in fields(Job) if item.name not in ("spec", "payload", "result"))

SPECS_AT_ONCE = 50
"""So many jobs are read at a time with all that is kept of them, which of one may be a megabyte."""

# Inside the class the name `list` is the method's.
Jobs = list[Job]


class Records:
    """What can be asked of a store. Most methods are one round trip, :meth:`list` is two."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self.client = client
        self.settings = settings
        self.root = settings.key_prefix
        self._ask_workers = 0.0
        self._budgets: dict[str, int] = {}
        self._ask_memory = 0.0
        self._memory = 0
        self._memory_limit = 0

    def payload_key(self, job_id: str) -> str:
        """Where a job's payload is."""
        return f"{self.root}payload:{job_id}"

    def result_key(self, job_id: str, attempt: int) -> str:
        """Where one attempt's result is; only the attempt that finished is ever read."""
        return f"{self.root}result:{job_id}:{attempt}"

    def get(self, job_id: str, owner: str | None = None) -> Job:
        """The job; JobError where the id is malformed, unknown, expired or not of this owner."""
        record: Any = self.client.hgetall(f"{self.root}job:{job_id}") if well_formed(job_id) else None
        job = read_job(record) if record else None
        if job is None or (owner is not None and job.owner != owner):
            raise unknown(job_id)
        return job

    def list(
        self,
        owner: str,
        *,
        limit: int = 50,
        offset: int = 0,
        status: Status | None = None,
        kind: str = "",
    ) -> tuple[Jobs, int]:
        """The owner's jobs, or those of a kind other than detections, newest first, and how many there are.

        Two round trips; with ``status`` one more for each thousand jobs of the owner.
        """
        index = f"{self.root}owner:{owner}" + (f":{kind}" if kind else "")
        if status is None:
            pipe = self.client.pipeline(transaction=False)
            pipe.zcard(index)
            pipe.zrevrange(index, offset, offset + limit - 1)
            total, ids = pipe.execute()
        else:
            found = self._in_status(self.client.zrevrange(index, 0, -1), status)
            total, ids = len(found), found[offset : offset + limit]
        return [read_job(record) for record in self._records(ids) if record], total

    def sketches(self, owner: str, kind: str, *words: str) -> Jobs:
        """All the owner's jobs of a kind other than detections, newest first, in outline.

        Enough to choose and to sort by: without payload and result, and of ``spec`` with these words
        alone. Two round trips, and one more for each thousand jobs; with words, for each fifty.
        """
        ids: Any = self.client.zrevrange(f"{self.root}owner:{owner}:{kind}", 0, -1)
        names, step = ((*SKETCHED, "spec"), SPECS_AT_ONCE) if words else (SKETCHED, 1000)
        found = []
        for start in range(0, len(ids), step):
            pipe = self.client.pipeline(transaction=False)
            for job_id in ids[start : start + step]:
                pipe.hmget(f"{self.root}job:{job_id.decode()}", *names)
            for row in pipe.execute():
                if row[0]:
                    told = {name: value.decode() for name, value in zip(names, row, strict=True) if value}
                    job = Job.from_record({"spec": "{}", **told})
                    found.append(job.evolve(spec={word: job.spec.get(word) for word in words}))
        return found

    def many(self, ids: Sequence[str]) -> Iterator[Job]:
        """The jobs of these ids that are there still; a round trip for each fifty, as they are taken."""
        for start in range(0, len(ids), SPECS_AT_ONCE):
            records = self._records(one.encode() for one in ids[start : start + SPECS_AT_ONCE])
            yield from (read_job(record) for record in records if record)

    def has_room(self, incoming: int, share: float) -> bool:
        """Whether ``incoming`` bytes more leave the store's memory used to ``share`` at most.

        The store is asked at most once a second; what was let in since is counted here.
        """
        if time.monotonic() >= self._ask_memory:
            # Set before asking: while a store hangs, other threads go by the last answer.
            self._ask_memory = time.monotonic() + 1.0
            try:
                info: Any = self.client.info("memory")
            except NoPermissionError:
                return True  # a store that keeps INFO to itself says when it is full
            self._memory = int(info["used_memory"])
            self._memory_limit = int(info.get("maxmemory", 0))
        if self._memory_limit and self._memory + incoming > share * self._memory_limit:
            return False
        self._memory += incoming
        return True

    def await_journal(self) -> None:
        """Return when the store's journal has everything that was changed before.

        With ``appendfsync everysec`` a store that is flushing its journal answers first and writes
        up to two seconds later. Killed between, it has forgotten what it acknowledged.
        """
        end = time.monotonic() + JOURNAL_SECONDS
        try:
            while self.client.info("persistence").get("aof_pending_bio_fsync") and time.monotonic() < end:
                time.sleep(0.005)
        except NoPermissionError:
            pass  # a store that keeps INFO to itself has its own keeper

    def knows(self, owner: str, key: str) -> bool:
        """Whether a client's key, hashed, stands for a job already."""
        return bool(self.client.exists(f"{self.root}idempotency:{owner}:{key}"))

    def announce(self, lane: str, budget: int, name: str) -> None:
        """Say that a worker process serves a lane, and how much memory it gives to a job."""
        now, key = self.now(), f"{self.root}workers"
        pipe = self.client.pipeline(transaction=False)
        pipe.zadd(key, {f"{lane}:{budget}:{name}": now})
        pipe.zremrangebyscore(key, "-inf", now - int(SILENT_SECONDS * 1e6))
        pipe.execute()

    def budget(self, lane: str) -> int | None:
        """The most memory that any worker of a lane gives to a job; None while none is known.

        The store is asked every few seconds at most.
        """
        if time.monotonic() >= self._ask_workers:
            self._ask_workers = time.monotonic() + 5.0
            found: dict[str, int] = {}
            heard: Any = self.client.zrangebyscore(
                f"{self.root}workers", self.now() - int(SILENT_SECONDS * 1e6), "+inf"
            )
            for member in heard:
                served, budget, _ = member.decode().split(":", 2)
                found[served] = max(found.get(served, 0), int(budget))
            self._budgets = found
        return self._budgets.get(lane)

    def janitor_alive(self) -> bool:
        """Whether a janitor is at work, or was a few seconds ago: jobs of lost workers come back."""
        return bool(self.client.exists(f"{self.root}janitor"))

    def now(self) -> int:
        """The store's clock: microseconds since 1970."""
        seconds, micros = self.client.time()
        return int(seconds) * 1_000_000 + int(micros)

    def _in_status(self, ids: Any, status: Status) -> Any:
        found = []
        for start in range(0, len(ids), 1000):
            chunk = ids[start : start + 1000]
            pipe = self.client.pipeline(transaction=False)
            for job_id in chunk:
                pipe.hget(f"{self.root}job:{job_id.decode()}", "status")
            states = pipe.execute()
            found += [job_id for job_id, state in zip(chunk, states, strict=True) if state == status.encode()]
        return found

    def _records(self, ids: Iterable[bytes]) -> Any:
        pipe = self.client.pipeline(transaction=False)
        for job_id in ids:
            pipe.hgetall(f"{self.root}job:{job_id.decode()}")
        return pipe.execute()


def well_formed(job_id: str) -> bool:
    """Whether this can be the id of a job; nothing else becomes part of a key."""
    return _ID.fullmatch(job_id) is not None


def read_job(record: Mapping[bytes, bytes]) -> Job:
    """The job of a record as the store returns it."""
    return Job.from_record({key.decode(): value.decode() for key, value in record.items()})


def unknown(job_id: str) -> JobError:
    """The error of an id that is malformed, unknown, expired or another client's: all alike."""
    return JobError(f"No job {job_id[:64]!r} is known to this client; it may have expired.")
