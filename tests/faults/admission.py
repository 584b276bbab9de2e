"""The doors: the limit of the queue, uploads that go wrong, tables that cannot be, ids that name nothing."""

from __future__ import annotations

import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

from faults.tables import tables
from oddline_workers import credentials
from serving import Served
from workers.trials import wait_for

POSTS = 50
UPLOAD = "/api/v1/jobs"


def fill_queue(run):
    """Fifty post at once where there is room for a few."""
    stage, limit = run.stage, run.stage.settings.queue_limit
    stage.disband()
    waiting = run.chance.randrange(limit - 1)
    for _ in range(waiting):
        run.post("ok")
    with ThreadPoolExecutor(POSTS) as pool:
        answers = [*pool.map(lambda _: run.post("ok"), range(POSTS))]
    run.strike()
    run.within += 5.0  # the workers start
    taken = sum(answer.status_code == 202 for answer in answers)
    refused = [answer for answer in answers if answer.status_code != 202]
    run.check(f"{limit - waiting} of {POSTS} taken ({taken})", lambda: taken == limit - waiting)
    run.check("refused with 503", lambda: {answer.status_code for answer in refused} == {503})
    run.check("told when", lambda: all(int(answer.headers["Retry-After"]) >= 1 for answer in refused))
    stage.tidy(1)
    stage.enlist(2)
    run.check("room again", lambda: stage.post("ok").status_code == 202)


def hurt_uploads(run):
    """Broken off, slow, without a length, with a wrong boundary, too large: no job and no file stays."""
    stage = run.stage
    served = Served(stage.settings, stage.store, stage.headers, stage.base)
    before = len(stage.jobs())
    size = stage.settings.max_upload_bytes // 2
    body = b"order,number\n" + b"ok,1\n" * (size // 5)
    run.strike()

    def answered(head, *parts, end=False):
        with served.send(head, *parts) as wire:
            if end:
                wire.shutdown(socket.SHUT_WR)
            return status(wire)

    part = body[: run.chance.randrange(1, len(body))]
    line, kind = f"POST {UPLOAD} HTTP/1.1\r\nContent-Type: ", "text/csv"
    length = f"\r\nContent-Length: {len(body)}"
    chunks = b"5\r\na\n1\n2\r\n0\r\n\r\n"
    found = {
        "broken off": (answered(line + kind + length, part, end=True), 400),
        "no length": (answered(line + kind), 411),
        "in chunks": (answered(f"{line}{kind}\r\nTransfer-Encoding: chunked", chunks), 411),
        "wrong boundary": (
            answered(line + "multipart/form-data; boundary=here\r\nContent-Length: 4", b"a\n1\n"),
            400,
        ),
        "too large": (
            answered(f"{line}{kind}\r\nContent-Length: {4 * stage.settings.max_upload_bytes}"),
            413,
        ),
        "reset": (reset(served, line + kind + length, part), 0),
        "slow": (slow(served, line + kind + length, body, run.chance.randrange(200, 2000)), 408),
    }
    wrong = {name: status for name, (status, due) in found.items() if status != due}
    run.check(f"each with its status ({wrong})", lambda: not wrong)
    run.check("no job", lambda: len(stage.jobs()) == before + 1)  # the one below
    run.post("ok")
    run.check("no file stays", lambda: wait_for(lambda: not [*(stage.folder / "tmp").iterdir()]))


def status(wire):
    """The status of the answer, 0 where there is none."""
    words = wire.recv(4096).split()
    return int(words[1]) if len(words) > 1 else 0


def reset(served, head, part):
    """Cut off hard: no goodbye, no answer."""
    with served.send(head, part) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return 0


def slow(served, head, body, step):
    """A few bytes at a time, for as long as it is let."""
    with served.send(head) as wire:
        wire.settimeout(0.05)
        deadline = time.monotonic() + served.settings.upload_timeout + 5.0
        for start in range(0, len(body), step):
            try:
                wire.sendall(body[start : start + step])
                return status(wire)
            except TimeoutError:
                assert time.monotonic() < deadline, "never ended"
    return 0


def send_bad_tables(run):
    """Each is refused with its status, or its job ends as it must; nothing hangs."""
    stage = run.stage
    run.strike()
    run.within = 60.0
    jobs = {}
    for name, (content, due) in tables(run.form.rows, run.chance).items():
        answer = stage.call("POST", UPLOAD, data=content, headers={"Content-Type": "text/csv"})
        found = answer.status_code
        if found == 202:
            job = stage.store.get(answer.json()["id"])
            jobs[job.id] = name
            run.expect(job, *due) if isinstance(due, tuple) else None
            found = due if isinstance(due, tuple) else found
        run.check(f"{name}: {due} ({found} {answer.text[:200]})", lambda found=found, due=due: found == due)
    run.check("none went wrong on our side", lambda: not internal(stage, jobs))


def internal(stage, jobs):
    return [
        name for job, name in jobs.items() if (stage.store.get(job).error or {}).get("code") == "internal"
    ]


def ask_for_bad_ids(run):
    """Another's job is asked for as one that nobody has; what is no id at all is not asked for."""
    stage = run.stage
    stage.disband()
    other, unknown = stage.posted("ok"), "00000000-0000-4000-8000-000000000000"
    stranger = credentials.create(stage.client, stage.settings)
    headers = {"X-IBM-Client-Id": stranger.client_id, "X-IBM-Client-Secret": stranger.client_secret}
    bad = [
        *("*", "job:*", "..%2F..%2Fjob", "%0D%0Ax:%20y", "%00", "0" * 5000),
        *(other.id.upper(), other.id + "0", other.id[: run.chance.randrange(1, 36)]),
    ]
    run.chance.shuffle(bad)
    run.strike()
    for path in ("/result/{}", "/api/v1/jobs/{}", "/api/v1/jobs/{}/result"):
        answered(run, path, unknown, headers)  # the secret is looked up once
        least = answered(run, path, unknown, headers)
        run.check(f"{path}: not known ({least})", lambda least=least: least[0] == 404)
        other_way = answered(run, path, other.id, headers)
        run.check(f"{path}: like one that nobody has ({other_way})", lambda a=other_way, b=least: a == b)
        for name in bad:
            found = answered(run, path, name, headers)
            run.check(
                f"{path}: nothing is asked for {name[:40]} ({found})", lambda a=found, b=least: less(a, b)
            )
    run.expect(other)
    stage.tidy(1)
    stage.enlist(1)


def less(found, least):
    """Whether an answer is the same and took fewer commands."""
    return found[0] == least[0] and len(found[1]) < len(least[1])


def answered(run, path, name, headers):
    """The status of a request, and the commands that it made the store run, without the id."""
    run.witness.catch_up(run.stage.client)
    before = len(run.witness.commands)
    status = run.stage.call("GET", path.format(name), headers=headers).status_code
    run.witness.catch_up(run.stage.client)
    return status, [command.replace(name, "ID") for command in run.witness.commands[before:]]
