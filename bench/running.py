"""A service started for a measurement: real processes on a scratch folder, ended with it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
import redis

from oddline_api.processes import PROCESSES, command
from oddline_api.supervisor import free_port
from oddline_workers import credentials
from oddline_workers.app import make_app
from oddline_workers.calls import SLOTS, desk_key
from oddline_workers.connections import connect
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings, variable
from oddline_workers.store import JobStore, bell_prefix
from oddline_workers.submit import submit

HERE = Path(__file__).parent
SETTINGS = Settings(
    host="127.0.0.1",
    submits_per_minute=10_000_000,
    reads_per_minute=10_000_000,
    log_level="warning",
    workers=2,
)


@dataclass
class Service:
    """What a measurement needs of a running service."""

    settings: Settings
    url: str
    headers: dict[str, str]
    store: redis.Redis
    pids: dict[str, int]
    web_seconds: float
    """From the start of the gateway's process to its first answer."""

    @property
    def client_id(self) -> str:
        return self.headers["X-IBM-Client-Id"]

    def warm_up(self) -> None:
        """A first job to its end: workers that still start are not what is measured."""
        spec = {"time_column": "Time", "target_columns": ["Value"], "algorithm_type": "DeepAD"}
        table = b"Time,Value\n" + b"".join(b"%d,%d\n" % (i, i * 37 % 101) for i in range(200))
        store, app = self.job_store(), make_app(self.settings, "cli")
        job = submit(store, app, owner=self.client_id, dialect="ibm", lane="cpu", spec=spec,
                     data=io.BytesIO(table), filename="t.csv")  # fmt: skip
        until(lambda: store.get(job.id).status.over)

    def job_store(self) -> JobStore:
        """The records."""
        return JobStore(self.store, self.settings)

    def waiting_jobs(self) -> int:
        """Jobs that are not over."""
        root = self.settings.key_prefix
        return int(self.store.zcard(f"{root}pending:cpu") + self.store.zcard(f"{root}leases"))

    def waiting_messages(self) -> int:
        """Messages that are not acknowledged."""
        bell = bell_prefix(self.settings)
        return int(self.store.llen(f"{bell}cpu") + self.store.hlen(f"{bell}unacked"))

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """One process and its children suspended."""
        parent = psutil.Process(self.pids[name])
        processes = [parent, *parent.children(recursive=True)]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()


@contextmanager
def service(worker_app: str = "oddline_workers.app", **changes: object) -> Iterator[Service]:
    """Server, gateway, cpu workers and janitor; ``worker_app`` is what the workers load."""
    with TemporaryDirectory(prefix="oddline-bench-") as folder:
        settings = replace(SETTINGS, port=free_port("127.0.0.1"), **changes)  # type: ignore[arg-type]
        server = EmbeddedServer(folder, settings).start()
        settings = replace(settings, **server.login())
        started: dict[str, subprocess.Popen[bytes]] = {}
        try:
            store = connect(settings, "cli")
            fresh = credentials.create(store, settings, "bench")
            web_seconds = 0.0
            for process in PROCESSES:
                if process.name == "worker-gpu":
                    continue
                words = [w.replace("oddline_workers.app", worker_app) for w in command(process, settings)]
                begin = time.perf_counter()
                started[process.name] = start(words, settings, process.environment)
                if process.name == "web":
                    wait_for(f"http://127.0.0.1:{settings.port}/livez")
                    web_seconds = time.perf_counter() - begin
            running = Service(
                settings,
                f"http://127.0.0.1:{settings.port}",
                {"X-IBM-Client-Id": fresh.client_id, "X-IBM-Client-Secret": fresh.client_secret},
                store,
                {name: child.pid for name, child in started.items()},
                web_seconds,
            )
            desks = [desk_key(settings.key_prefix, slot) for slot in SLOTS]
            until(lambda: store.exists(*desks) == len(desks))
            running.warm_up()
            yield running
        finally:
            for child in started.values():
                child.terminate()
            for child in started.values():
                try:
                    child.wait(15)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
            server.stop()


def start(words: list[str], settings: Settings, extra: object = None) -> subprocess.Popen[bytes]:
    """One process of the service under these settings; its logs go to stderr."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        **{variable(k): str(v) for k, v in vars(settings).items()},
        **dict(extra or {}),  # type: ignore[call-overload]
    }
    return subprocess.Popen(words, env=environment, stdout=sys.stderr)


def wait_for(url: str, seconds: float = 30.0) -> None:
    """Return at the first good answer."""

    def answers() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return True
        except OSError:
            return False

    until(answers, seconds)


def until(true: Callable[[], object], seconds: float = 120.0, pause: float = 0.005) -> None:
    """Return when it is true; a bench that waits in vain ends instead of hanging."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(f"the bench waited {seconds:g} s in vain")
        time.sleep(pause)


@dataclass
class Up:
    """One `oddline up` on an empty folder, in seconds from the command."""

    first_answer: float
    first_job_runs: float
    stop: float
    """From the signal to the end of the last process."""


def up_and_down() -> Up:
    """Start the whole service by its command, run one job, stop it."""
    port = free_port("127.0.0.1")
    with TemporaryDirectory(prefix="oddline-bench-") as folder:
        words = [
            sys.executable,
            "-m",
            "oddline_api.cli",
            "up",
            "--json",
            "--data",
            folder,
            "--port",
            str(port),
        ]
        begin, clock = time.perf_counter(), time.time()
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/livez")
            first_answer = time.perf_counter() - begin
            assert process.stdout is not None
            facts = json.loads(process.stdout.readline())
            auth = (facts["client_id"], facts["client_secret"])
            table = "Time,Value\n" + "".join(f"{i},{i * 37 % 101}\n" for i in range(200))
            answer = httpx.post(f"{url}/api/v1/jobs", auth=auth, files={"file": ("t.csv", table)})
            answer.raise_for_status()
            link = url + answer.json()["links"]["self"]

            def timeline() -> dict[str, str]:
                return dict(httpx.get(link, auth=auth).json()["timeline"])

            until(lambda: timeline()["done"], pause=0.02)
            started = datetime.fromisoformat(timeline()["execution_started"]).timestamp()
        finally:
            asked = time.perf_counter()
            process.terminate()
            process.wait(30)
        return Up(first_answer, started - clock, time.perf_counter() - asked)
