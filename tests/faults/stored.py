"""What is stored: altered, expired while it is read, asked for by many at the moment it appears."""

from __future__ import annotations

import json
import threading

import requests

from oddline_workers.jobs import Status
from workers.trials import wait_for

READERS = 50


def alter_stored(run):
    """A byte of an upload, and a result put in the place of another."""
    stage = run.stage
    first, second = (stage.posted("ok") for _ in range(2))
    stage.over(first, second)
    for _ in range(stage.setup.workers):
        run.send(1, "until released")
    wait_for(lambda: len(run.starts()) == 2 + stage.setup.workers)
    jobs = [stage.send("ok") for _ in range(run.form.jobs)]
    victim = run.chance.choice(jobs)
    for job in jobs:
        run.expect(job, *((Status.ERROR,), "damaged") if job is victim else ())
    key = stage.store.payload_key(victim.id)
    upload = bytearray(stage.client.hget(key, "0"))
    upload[run.chance.randrange(len(upload))] ^= 1 << run.chance.randrange(5)
    run.strike()
    stage.client.hset(key, "0", bytes(upload))
    keys = [stage.store.result_key(job.id, 1) for job in (first, second)]
    stage.client.hset(keys[0], "0", stage.client.hget(keys[1], "0"))
    (stage.folder / "released").touch()
    run.check("the engine saw nothing of it", lambda: victim.id not in run.starts())
    run.check("no wrong answer", lambda: refused(stage, first))
    run.check("the other is whole", lambda: whole(stage.call("GET", result(second))))


def refused(stage, job):
    answer = stage.call("GET", result(job))
    return answer.status_code == 500 and answer.json()["code"] == "damaged"


def result(job):
    return f"/api/v1/jobs/{job.id}/result"


def whole(answer, rows=3):
    """Whether it is a result from its first row to its last; many are looked at, so without parsing them."""
    text = answer.content
    return answer.status_code == 200 and text.endswith(b"}") and text.count(b'"label":') == rows


def kind(answer, rows):
    return "whole" if whole(answer, rows) else f"half: {len(answer.content)} bytes"


def read_by_many(run):
    """Fifty readers from before the end of a job until after its result has expired."""
    stage, rows = run.stage, 25_000
    run.send()
    job = stage.posted(f"sleep {run.form.length} {rows}")
    seen, over = [], threading.Event()

    def read():
        while not over.is_set():
            try:
                answer = stage.call("GET", result(job))
                seen.append(str(answer.status_code) if not answer.ok else kind(answer, rows))
            except requests.RequestException:
                seen.append("broken off")  # and seen to be

    threads = [threading.Thread(target=read, daemon=True) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: seen.count("whole") > run.chance.randrange(READERS))
        run.strike()
        for key in (f"{stage.store.root}job:{job.id}", stage.store.result_key(job.id, 1)):
            stage.client.pexpire(key, 1 + run.chance.randrange(50))
        wait_for(lambda: seen[-READERS:].count("404") == READERS)
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
    kinds = set(seen)
    run.check(f"before, whole, and gone ({kinds})", lambda: {"409", "whole", "404"} <= kinds)
    run.check(
        f"nothing by half ({kinds})", lambda: kinds <= {"409", "whole", "404", "410", "503", "broken off"}
    )
    run.check("the rest is served", lambda: json.loads(stage.call("GET", "/api/v1/jobs").text)["total"])
