"""What the trials of jobs share: waiting, fresh jobs, and processes that end with their test."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from oddline_workers.jobs import Job
from oddline_workers.settings import variable

HERE = Path(__file__).parent
ROOTS = [str(HERE.parents[1] / floor) for floor in ("engine", "workers", "api")]
OWNER = "11111111-1111-4111-8111-111111111111"


def wait_for(condition, seconds=20.0):
    """Wait on a state, not on the clock: the first true value, or a failure at the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    pytest.fail(f"not reached within {seconds} s")


def new_job(**changes):
    fields = {
        "id": str(uuid.uuid4()),
        "owner": OWNER,
        "dialect": "plain",
        "lane": "cpu",
        "spec": {"algorithm_type": "auto"},
        "filename": "a.csv",
    }
    return Job(**(fields | changes))


class Processes:
    """Worker and janitor processes of one test; none outlives it."""

    def __init__(self, settings, folder):
        self.settings = settings
        self.folder = folder
        self.running = []

    def start(self, *command):
        names = ("redis_url", "key_prefix", "lease_seconds", "janitor_seconds", "shutdown_seconds",
                 "log_level", "time_limit", "max_attempts")  # fmt: skip
        environment = os.environ | {variable(n): str(getattr(self.settings, n)) for n in names}
        environment["PYTHONPATH"] = os.pathsep.join([*ROOTS, str(HERE)])
        environment["TRIAL_EFFECTS"] = str(self.folder / "effects")
        # A group of its own: the whole worker can be killed at once, as a machine would.
        process = subprocess.Popen(
            [sys.executable, *command], env=environment, cwd=self.folder, start_new_session=True
        )
        self.running.append(process)
        return process

    def worker(self, *options, app="trial", processes=1):
        return self.start(
            "-m", "celery", "-A", app, "worker", "-Q", "cpu", "-c", str(processes), "-l", "warning",
            "-n", f"{uuid.uuid4().hex}@t", "--without-gossip", "--without-mingle", *options,
        )  # fmt: skip

    def janitor(self):
        return self.start("-m", "oddline_workers.janitor")

    def effects(self):
        """What the engine did, in order: one word a line, appended by the engine itself."""
        path = self.folder / "effects"
        return path.read_text().split() if path.exists() else []

    def close(self):
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, 9)
            process.wait(10)
