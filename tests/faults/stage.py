"""A stage: the processes a trial is played on, and what it needs to hurt them."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import requests
from redis.exceptions import RedisError

from faults.doubles import AT_START, DOUBLES
from oddline_workers import credentials
from oddline_workers.settings import variable
from workers.trials import Service, wait_for

__all__ = ["Setup", "Stage"]

LEFT_BEHIND = ("starts", "computed", "ends", "released")


@dataclass(frozen=True)
class Setup:
    """What is there when a trial begins.

    Attributes
    ----------
    name : str
        Trials with a setup of one name share its processes.
    settings : mapping
        Over the short times of every trial.
    workers, processes : int
        Workers, and processes of each.
    server : mapping
        Settings of the embedded server.
    environment : mapping
        What the workers are started with.
    supervised : bool
        Whether it is all started by ``oddline up``.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 2
    processes: int = 1
    gateway: bool = False
    janitors: int = 1
    server: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    supervised: bool = False


class Stage(Service):
    """A service of real processes; each trial finds it whole, however the last one left it.

    Each process is its own user in the store, the trial is the admin.
    """

    def __init__(self, settings, folder, setup, server):
        super().__init__(settings, folder)
        self.setup = setup
        self.server = server
        self.broken = False
        self.team = []
        self.gateway = None
        self.tidying = []
        self.base = f"http://127.0.0.1:{settings.port}"
        self.headers = {}
        self.enrol()

    def enrol(self):
        """Make the client that the trial is."""
        fresh = credentials.create(self.client, self.settings, "trial")
        self.headers = {"X-IBM-Client-Id": fresh.client_id, "X-IBM-Client-Secret": fresh.client_secret}

    @property
    def owner(self):
        return self.headers["X-IBM-Client-Id"]

    def send(self, text="ok", **changes):
        """Submit a text as the upload, past the gateway."""
        return super().send(text, **{"owner": self.owner, **changes})

    def prepare(self):
        """All processes up, all ledgers empty."""
        self.keep_on_leash(self.server.pid)
        self.tidy(self.setup.janitors)
        if self.setup.gateway:
            self.open_door()
        self.enlist(self.setup.workers)
        if self.setup.gateway:
            wait_for(self.answers)
        self.empty()

    def start(self, *command, user="worker", **more):
        login = {variable(name): value for name, value in self.server.login(user).items()}
        return super().start(*command, **login, **more)

    def empty(self):
        """What the run before left in the folder."""
        for name in LEFT_BEHIND:
            (self.folder / name).unlink(missing_ok=True)

    def tidy(self, count):
        """See to it that so many janitors run; several all work at once."""
        self.tidying = [one for one in self.tidying if one.poll() is None]
        while len(self.tidying) < count:
            more = {"TRIAL_ALL_ELECTED": "yes"} if count > 1 else {}
            self.tidying.append(self.start("-m", "faults.janitor", **more))

    def enlist(self, count):
        """See to it that so many workers are ready for jobs."""
        self.team = [process for process in self.team if process.poll() is None]
        while len(self.team) < count:
            self.hire()
        wait_for(lambda: {process.pid for process in self.team} <= self.ready())

    def hire(self, **environment):
        """One more worker; it is ready in a moment."""
        count = self.setup.processes
        process = self.worker(
            app="faults.worker", processes=count, **{**self.setup.environment, **environment}
        )
        self.team.append(process)
        return process

    def ready(self):
        return {int(pid) for pid, _ in self.noted("ready")}

    def open_door(self):
        """See to it that the gateway's process runs, as a supervisor does."""
        if self.gateway is None or self.gateway.poll() is not None:
            self.gateway = self.start_gateway()
        return True

    def start_gateway(self):
        spool = self.folder / "tmp"
        spool.mkdir(exist_ok=True)
        return self.start("-m", "faults.gateway", user="gateway", TMPDIR=str(spool))

    def answers(self):
        """Whether the gateway can serve."""
        try:
            return requests.get(self.base + "/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def post(self, text, key=""):
        """Submit through the gateway: a table whose last line holds the order. The answer."""
        headers = {"Content-Type": "text/csv"} | ({"Idempotency-Key": key} if key else {})
        return self.call("POST", "/api/v1/jobs", data=f"order,number\n{text},1\n", headers=headers)

    def posted(self, text):
        """A job submitted through the gateway."""
        answer = self.post(text)
        assert answer.status_code == 202, answer.text
        return self.store.get(answer.json()["id"])

    def jobs(self):
        """All the client's jobs."""
        jobs, total = self.store.list(self.owner, limit=1_000_000)
        assert len(jobs) == total
        return jobs

    def call(self, method, path, **more):
        """A request with the client's credentials; the answer, whatever it says."""
        headers = {**self.headers, **more.pop("headers", {})}
        return requests.request(method, self.base + path, headers=headers, **{"timeout": 30, **more})

    @contextmanager
    def doubled(self, *names):
        """These doubles in force, in all processes of the stage; then the genuine thing again."""
        assert set(names) <= set(DOUBLES)
        files = [self.folder / f"double-{name}" for name in names]
        for file in files:
            file.touch()
        if AT_START & set(names):
            self.end_processes()
        if "forgetful" in names:
            self.client.config_set("appendonly", "no")
        try:
            yield
        finally:
            for file in files:
                file.unlink()
            if AT_START & set(names):
                self.end_processes()
            if "forgetful" in names:
                self.client.config_set("appendonly", "yes")
                self.enrol()

    def close(self):
        self.end_processes()
        self.let_off()
        self.app.close()
        self.client.close()

    def clear(self):
        """No job that is not over, by force where they do not come to an end by themselves."""
        patience = self.settings.lease_seconds + 1.0
        with suppress(AssertionError):
            wait_for(lambda: not self.unsettled(), patience if patience < 10.0 else 0.1)
            return
        self.end_processes()
        for key in self.client.scan_iter(self.settings.key_prefix + "*", count=1000):
            if not key.removeprefix(self.store.root.encode()).startswith((b"credentials", b"secret:")):
                self.client.unlink(key)

    def unsettled(self):
        root = self.store.root
        return sum(self.client.zcard(root + key) for key in ("pending:cpu", "pending:gpu", "leases"))

    def end_processes(self):
        """Kill every process of the stage, but its server."""
        self.end(self.running)
        self.running, self.team, self.tidying, self.gateway = [], [], [], None

    def disband(self):
        """Kill the workers and the janitors."""
        self.end([*self.team, *self.tidying])
        self.team, self.tidying = [], []

    def end(self, processes):
        for process in processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        if set(processes) & set(self.tidying):
            with suppress(RedisError):  # else the next janitor waits until the lock of this one has run out
                self.client.delete(self.store.root + "janitor")

    # What a trial asks about its victims.

    def holder(self, job):
        """The worker that runs the job: its process group, which bears the pid of its main process."""
        return os.getpgid(self.child(job))

    def child(self, job):
        """The process that runs the job."""
        return int(job.worker.split(":")[1])

    def dismiss(self, pid):
        """Ask a worker to stop; its process, which is of the team no more."""
        (process,) = (one for one in self.team if one.pid == pid)
        self.team.remove(process)
        process.terminate()
        return process
