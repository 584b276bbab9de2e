"""What the trials of jobs share: waiting, fresh jobs, and a service whose processes end with their test."""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import fields, replace
from pathlib import Path

from oddline_workers import blobs, results
from oddline_workers.app import make_app
from oddline_workers.connections import connect
from oddline_workers.jobs import Job, Status
from oddline_workers.settings import Settings, variable
from oddline_workers.store import JobStore
from oddline_workers.submit import submit

TESTS = Path(__file__).parents[1]
ROOTS = [str(TESTS.parent / floor) for floor in ("engine", "workers", "api")]
NAMES = (f"here:1:{n}" for n in itertools.count())
LEASH = """
import os, signal, sys
def since(pid):  # a number may be given to another process
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[19]
    except OSError:
        return None
told = {int(line): since(int(line)) for line in sys.stdin}  # until whoever writes is gone
for group, begun in told.items():
    if since(group) == begun:
        try:
            os.killpg(group, signal.SIGKILL)
        except OSError:
            pass
"""
OWNER = "11111111-1111-4111-8111-111111111111"


def wait_for(condition, seconds=30.0):
    """Wait on a state, not on the clock: the first true value, or a failure at the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"not reached within {seconds} s")


def new_job(**changes):
    job = {
        "id": str(uuid.uuid4()),
        "owner": OWNER,
        "dialect": "plain",
        "lane": "cpu",
        "spec": {"algorithm_type": "auto"},
        "filename": "a.csv",
    }
    return Job(**(job | changes))


def trial_settings(url, **changes):
    """Settings with keys of their own and short times."""
    short = {
        "redis_url": url,
        "key_prefix": f"t{uuid.uuid4().hex[:12]}:",
        "lease_seconds": 1.0,
        "janitor_seconds": 0.05,
        "shutdown_seconds": 0.2,
        "log_level": "error",
    }
    return Settings(**(short | changes))


def admit(store, data=b"t,a\n1,2\n", **changes):
    job = new_job(**changes)
    writer = blobs.Writer(store.client, store.payload_key(job.id))
    writer.add(data)
    return store.admit(replace(job, payload=writer.manifest(), size=len(data)), writer.pipe)


def claim(store, job):
    return store.claim(job.id, next(NAMES))


class Service:
    """A store with keys of its own, a submitter, and real worker and janitor processes."""

    def __init__(self, settings, folder):
        self.settings = settings
        self.folder = folder
        self.client = connect(settings, "cli")
        self.store = JobStore(self.client, settings)
        self.app = make_app(settings, "gateway")
        self.running = []
        self._leash = None

    def start(self, *command, **more):
        environment = os.environ | {
            variable(item.name): str(getattr(self.settings, item.name)) for item in fields(Settings)
        }
        environment["PYTHONPATH"] = os.pathsep.join([*ROOTS, str(TESTS)])
        environment |= {"TRIAL_FOLDER": str(self.folder), **more}
        # A group of its own: the whole worker can be killed at once, as a machine would.
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *command],
            env=environment, cwd=self.folder, start_new_session=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self.running.append(process)
        self.keep_on_leash(process.pid)
        return process

    def keep_on_leash(self, group):
        """See to it that a process group ends when the tests do, however they end."""
        if self._leash is None:
            words = [sys.executable, "-S", "-c", LEASH]
            self._leash = subprocess.Popen(words, stdin=subprocess.PIPE, text=True, start_new_session=True)
        self._leash.stdin.write(f"{group}\n")
        self._leash.stdin.flush()

    def let_off(self):
        """All of them have ended."""
        if self._leash is not None:
            self._leash.kill()
            with self._leash:
                pass

    def worker(self, *, app="workers.trial", processes=1, **more):
        return self.start(
            "-m", "celery", "-q", "-A", app, "worker", "-Q", "cpu", "-c", str(processes), "-l", "error",
            "-n", f"{uuid.uuid4().hex}@t", "--without-gossip", "--without-mingle", "--without-heartbeat",
            **more,
        )  # fmt: skip

    def janitor(self):
        return self.start("-m", "oddline_workers.janitor")

    def send(self, text="ok", **changes):
        """Submit a text as the upload; the trial engine does what it says."""
        job = {"owner": OWNER, "dialect": "plain", "lane": "cpu", "spec": {}, "filename": "a.csv"}
        return submit(self.store, self.app, data=io.BytesIO(text.encode()), **(job | changes))

    def over(self, *jobs):
        """Wait until the jobs are over: as they are then."""

        def settled():
            found = [self.store.get(job.id) for job in jobs]
            return found if all(job.status.over for job in found) else None

        return wait_for(settled)

    def executing(self, job, attempt=1):
        """Wait until a job is executing: as it is then."""

        def found():
            now = self.store.get(job.id)
            return now if now.status is Status.EXECUTING and now.attempt >= attempt else None

        return wait_for(found)

    def starts(self):
        """What the engine began, in order: one word a job and attempt, appended by the engine itself."""
        return [word for _, word in self.noted("starts")]

    def noted(self, name):
        """The lines of one of the files that the worker appends to, as (job id, word)."""
        path = self.folder / name
        return [tuple(line.split()) for line in path.read_text().splitlines()] if path.exists() else []

    def claims(self):
        """Who ran what, in order: ``<job> <claim>`` a line."""
        return (self.folder / "claims").read_text().splitlines()

    def ends(self, job, count=1):
        """The attempts to end a job, in order: ``<attempt>:<status>:kept`` or ``…:refused``.

        Waits for so many; a worker notes its own only after the store has it.
        """

        def found():
            ends = [word for name, word in self.noted("ends") if name == job.id]
            return (ends,) if len(ends) >= count else None

        return wait_for(found)[0]

    def result(self, job):
        """The stored result of a done job."""
        key = self.store.result_key(job.id, job.attempt)
        _, chunks = results.stream(self.client, key, job, b"", b"", gzip=False)
        return json.loads(b"".join(chunks))

    def close(self):
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, 9)
            process.wait(10)
        self.let_off()
        self.app.close()
        for key in self.client.scan_iter(self.settings.key_prefix + "*", count=1000):
            self.client.unlink(key)
        self.client.close()
