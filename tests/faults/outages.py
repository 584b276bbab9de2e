"""The store: killed, hung, cut off, full, or with the end of its journal missing."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import requests

from faults.witness import Witness
from workers.trials import wait_for

UNKNOWN = "00000000-0000-4000-8000-000000000000"
TIMES = 3
MOST = 3.0
"""Seconds within which every request is answered, store or no store."""


def kill_server(run):
    """Three times under load; a client that posts meanwhile is answered 202 or 503."""
    stage, server = run.stage, run.stage.server
    run.within += 5.0  # Celery's workers come back to the store with growing pauses
    run.send(TIMES * run.form.jobs)
    with posting(run) as answers:
        for _ in range(TIMES):
            run.moment()
            run.strike()
            os.kill(server.pid, signal.SIGKILL)
            wait_for(lambda: not server.alive())
            away = len(answers)
            wait_for(lambda: len(answers) > away + 1)  # noqa: B023 (asked at once)
            server.launch()
            wait_for(stage.answers)
    statuses = {status for status, _ in answers}
    run.check(f"answered 202 and, while the store is away, 503 ({statuses})", lambda: statuses == {202, 503})


@contextmanager
def posting(run):
    """A client that posts jobs while the block lasts; the answers as (status, seconds)."""
    answers, over = [], threading.Event()

    def post():
        while not over.wait(0.05):
            begun = time.monotonic()
            status = run.post("ok").status_code
            answers.append((status, time.monotonic() - begun))

    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join(30)


def hang_server(run):
    """Every request made meanwhile is answered within three seconds, with 503."""
    stage = run.stage
    hang = run.form.hang * (1.0 if run.seed == 0 else run.chance.uniform(0.4, 1.0))
    run.within += 2 * hang
    (job, *_) = run.send()
    calls = [
        ("GET", "/connection-check", {}),
        ("GET", f"/result/{job.id}", {}),
        ("GET", "/api/v1/jobs", {}),
        ("DELETE", f"/api/v1/jobs/{UNKNOWN}", {}),
        ("POST", "/api/v1/jobs", {"data": "a\n1\n", "headers": {"Content-Type": "text/csv"}}),
        ("GET", "/readyz", {}),
    ]

    def call(one):
        method, path, more = one
        begun = time.monotonic()
        try:
            status = stage.call(method, path, **more, timeout=MOST + 0.5).status_code
        except requests.Timeout:
            status = 0
        return status, time.monotonic() - begun

    calls *= run.seed + 1  # more at once than there are connections that lie idle
    run.moment()
    answers = []
    with ThreadPoolExecutor(len(calls)) as pool:
        end = time.time() + hang
        os.kill(stage.server.pid, signal.SIGSTOP)
        try:
            while not answers or time.time() < end - MOST - 0.5:
                answers += pool.map(call, calls)
            run.until(end)
        finally:
            run.strike()
            os.kill(stage.server.pid, signal.SIGCONT)
    slowest = max(seconds for _, seconds in answers)
    run.check(f"answered within {MOST:g} s ({slowest:.1f} s)", lambda: slowest <= MOST)
    run.check("answered with 503", lambda: {status for status, _ in answers} == {503})


def drop_connections(run):
    """All of them but the witness's, three times.

    A worker with a free process waits for a message and sees its connection go; what its other process
    runs is then delivered again.
    """
    client = run.stage.client
    own = client.client_id()
    run.once = True
    run.within += 2.0
    run.send(3, "sleep 2")
    wait_for(lambda: len(run.starts()) == 3)
    for _ in range(TIMES):
        run.moment()
        run.strike()
        for one in client.client_list():
            if one["name"] != Witness.NAME and int(one["id"]) != own:
                client.client_kill_filter(_id=one["id"])


def fill_store(run):
    """Clients post until they are refused; what runs then still finds room for its result."""
    stage = run.stage
    run.send(2, "until released 20000")
    wait_for(lambda: len(stage.noted("starts")) >= 2)
    size = run.chance.randrange(200_000, 600_000)
    answers = []
    while not answers or answers[-1].status_code == 202:
        assert len(answers) < 200, "the store never says that it is full"
        answers.append(run.post("#" * size + ",1\nok"))
    run.strike()
    (stage.folder / "released").touch()
    run.within += 5.0
    refused = answers[-1]
    run.check("refused with 503", lambda: refused.status_code == 503)
    run.check("told when to come again", lambda: int(refused.headers["Retry-After"]) >= 1)
    run.check("no partial record", lambda: not halves(stage))


def halves(stage):
    """Uploads without a record that do not expire, and waiting jobs without an upload."""
    client, root = stage.client, stage.store.root
    found = []
    for key in client.scan_iter(root + "payload:*"):
        name = key.decode().removeprefix(root + "payload:")
        if not client.exists(f"{root}job:{name}") and client.pttl(key) == -1:
            found.append(f"payload of {name}")
    for key in client.scan_iter(root + "job:*"):
        name = key.decode().removeprefix(root + "job:")
        job = stage.store.get(name)
        if not job.status.over and not client.exists(root + "payload:" + name):
            found.append(f"record of {name}")
        listed = client.zscore(root + "pending:cpu", name) or client.zscore(root + "leases", name)
        if not job.status.over and not listed:
            found.append(f"{name} is on no list")
    return found


def cut_journal(run):
    """Killed, and the last bytes of its journal are gone: the last job may be missing, but none by half."""
    stage, server = run.stage, run.stage.server
    stage.disband()
    for _ in range(run.form.jobs):
        run.post("ok")
    before = journal(server).stat().st_size
    last = run.post("ok").json()["id"]
    whole = journal(server).read_bytes()
    os.kill(server.pid, signal.SIGKILL)
    wait_for(lambda: not server.alive())
    # The first seed cuts in the midst of the admission.
    keep = whole.index(b"owner:", before) if run.seed == 0 else run.chance.randrange(before, len(whole))
    os.truncate(journal(server), keep)
    server.launch()
    run.strike()
    run.within += 5.0
    if not stage.client.exists(f"{stage.store.root}job:{last}"):
        del run.expected[last]  # of the last second
    run.check("nothing by half", lambda: not halves(stage))
    stage.tidy(1)
    stage.enlist(2)


def journal(server):
    """The file that the server appends to."""
    return max(server.data.glob("appendonlydir/*.incr.aof"), key=lambda file: file.stat().st_mtime)
