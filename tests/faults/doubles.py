"""Test doubles of the safeguards: each takes one away, and the trial of that safeguard must fail.

They live here and in no setting. ``install`` puts them into a worker, a janitor, a gateway or a
supervisor of the trials; each is in force while a file of its name lies in the trial's folder.
Those in ``AT_START`` change what a process reads once: it must be started under them.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from oddline_api.restarts import Restarts
from oddline_workers import blobs, connections, janitor, keeper, lease, records, store

__all__ = ["AT_START", "DOUBLES", "install", "on"]

DOUBLES = {
    "idle": "the janitor does nothing",
    "clinging": "a worker does not hand back what it lets go of",
    "unfenced": "a job is ended without a look at the attempt",
    "open": "a claim is granted for a job that runs or is over",
    "beating thread": "the lease is renewed by a thread of the worker process",
    "uncapped": "losses of a worker are not counted",
    "unlimited": "no time limit",
    "unverified": "stored data is not checked",
    "roomy": "the store's memory is not looked at before a job is taken in",
    "racing": "the waiting jobs are counted before, not in, the step that admits one",
    "piecemeal": "a job is admitted in several steps",
    "forgetful": "the server keeps no journal",
    "patient": "the gateway waits for the store as long as it takes",
    "negligent": "the supervisor starts nothing again",
    "overriding": "a job is cancelled without a look at its state",
    "worker-clock": "moves are stamped by the worker's clock",
}
AT_START = frozenset({"beating thread", "patient", "forgetful"})

FOLDER = Path(os.environ.get("TRIAL_FOLDER", "/nonexistent"))


def on(name):
    """Whether a double is in force."""
    assert name in DOUBLES
    return (FOLDER / f"double-{name}").exists()


def install():
    """Put the doubles into this process."""
    store._SCRIPTS = Scripts(store._SCRIPTS)
    unless("idle", janitor.Janitor, "tidy", lambda self: 0)
    unless("clinging", store.JobStore, "release", lambda *_, **__: False)
    unless("clinging", store.JobStore, "hand_back", lambda *_: 0)
    unless("unlimited", lease.Lease, "take", take_without_limit)
    unless("unverified", blobs, "verified", lambda piece, *_: piece)
    unless("roomy", records.Records, "has_room", lambda *_: True)
    unless("racing", store.JobStore, "admit", racing_admit)
    unless("piecemeal", store.JobStore, "admit", piecemeal_admit)
    unless("negligent", Restarts, "end", never)
    unless("beating thread", keeper, "start", beating_thread)
    if on("patient"):
        connections._PATIENCE["gateway"] = connections.Patience(reply=60.0, connect=60.0, retries=0)


def take_without_limit(self, job):
    lease.Lease.take.genuine(self, job.evolve(time_limit=1e6))


def beating_thread(settings, serving):
    """The keeper's work, within the worker process."""
    read, told = os.pipe()
    heard, write = os.pipe()
    os.set_blocking(heard, False)
    inside = keeper._Keeper(settings, serving, os.getpid(), read, write)

    def beat():
        while True:
            time.sleep(inside._step)
            inside._hear()
            if inside._kept is not None:
                inside._beat(inside._kept)

    threading.Thread(target=beat, daemon=True).start()
    return os.getpid(), told, heard


def never(self):
    """The next start is never due."""
    self.due = math.inf
    return math.inf


def unless(name, owner, attribute, double):
    """Replace a function by its double, for as long as that is in force."""
    genuine = getattr(owner, attribute)

    def either(*args, **more):
        return (double if on(name) else genuine)(*args, **more)

    either.genuine = genuine
    setattr(owner, attribute, either)


class Scripts(dict):
    """The moves in Lua, changed by the doubles in force."""

    CHANGES = (
        # double, script, what is there, what is put in its place
        ("unfenced", "finish", "local job = load(ARGV[1])\n", "{}if job then job.attempt = attempt end\n"),
        ("open", "claim", "if job.over then return {'over'} end\n", ""),
        ("open", "claim", "if job.status == 'executing' then", "if false then"),
        ("open", "claim", "if not legal(job, 'executing') then", "if false then"),
        ("uncapped", "release", "elseif losses >= max_losses then", "elseif false then"),
        ("uncapped", "sweep", "elseif losses >= max_losses then", "elseif false then"),
        ("overriding", "cancel", "elseif not job.over then", "else"),
        ("overriding", "cancel", "if not legal(job, 'cancelled') then", "if false then"),
    )
    CLOCK = "redis.call('TIME')"

    def __init__(self, genuine):
        super().__init__(genuine)
        for _, script, there, _ in self.CHANGES:
            assert there in self.source(script), f"{script}.lua has no {there!r} any more"
        assert all(self.CLOCK in self.source(script) for script in self)

    def source(self, name):
        return super().__getitem__(name)[0]

    def __getitem__(self, name):
        source = self.source(name)
        for double, script, there, instead in self.CHANGES:
            if script == name and on(double):
                source = source.replace(there, instead.format(there))
        if on("worker-clock") and os.environ.get("TRIAL_CLOCK"):
            seconds, micros = divmod(int(time.time() * 1e6), 1_000_000)
            source = source.replace(self.CLOCK, f"{{{seconds}, {micros}}}")
        return source, hashlib.sha1(source.encode()).hexdigest()


_line, _seen = threading.Lock(), threading.Barrier(2)


def racing_admit(self, job, pipe=None, **more):
    """Counts, then admits whatever has happened since: two that see the last place both take it."""
    limit = self.settings.queue_limit
    with _line:  # one after the other up to there
        waiting = sum(self.client.zcard(f"{self.root}pending:{lane}") for lane in store.LANES)
        if waiting != limit - 1:
            return genuine_admit(self, job, pipe, limit=limit if waiting < limit else 0, **more)
    with suppress(threading.BrokenBarrierError):
        _seen.wait(5.0)
    return genuine_admit(self, job, pipe, limit=limit + 1, **more)


def genuine_admit(self, job, pipe, limit, **more):
    other = store.JobStore(self.client, replace(self.settings, queue_limit=limit))
    genuine = store.JobStore.admit
    while hasattr(genuine, "genuine"):
        genuine = genuine.genuine
    return genuine(other, job, pipe, **more)


def piecemeal_admit(self, job, pipe=None, **_):
    """Record, waiting list and outbox one after the other, as if they did not belong together."""
    now = self.now()
    if pipe is not None:
        pipe.execute()
    job = job.evolve(submitted=now)
    self.client.hset(f"{self.root}job:{job.id}", mapping=job.to_record())
    self.client.zadd(f"{self.root}owner:{job.owner}", {job.id: now})
    self.client.persist(self.payload_key(job.id))
    self.client.zadd(f"{self.root}pending:{job.lane}", {job.id: now})
    self.client.zadd(f"{self.root}outbox", {job.id: now})
    return job
