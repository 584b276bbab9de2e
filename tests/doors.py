"""A gateway on a real store, with the worker's side played by hand: one step a call, no waiting."""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oddline.result import Detection, Run
from oddline_api.app import create_app
from oddline_workers import credentials
from oddline_workers.access import USERS, access_list
from oddline_workers.connections import connect
from oddline_workers.jobs import Job
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings
from oddline_workers.store import JobStore
from oddline_workers.tasks import Process

__all__ = ["CSV", "Gateway", "gateway", "make_gateway", "store_login", "work"]

CSV = b"Time,Value,Other\n" + b"".join(
    b"2017-01-01 00:%02d:00,%d.5,%d\n" % (minute, minute % 7, minute % 5) for minute in range(60)
)
_numbers = itertools.count()


def detection(data: bytes, job: Job, *_: Any) -> Detection:
    """A detection of 60 rows as an engine would give it: 5 rows of warm-up, one flagged run."""
    n = 60
    score = np.linspace(0.0, 1.0, n)
    label = np.ones(n, dtype=np.int8)
    label[40:42] = -1
    return Detection(
        index=[f"2017-01-01 00:{minute:02d}:00" for minute in range(n)],
        values=np.zeros((n, 1)),
        columns=("Value",),
        score=score,
        threshold=np.full(n, 0.5),
        severity=score * 2,
        label=label,
        judged=np.arange(n) >= 5,
        anomalies=(Run(40, 41, "2017-01-01 00:40:00", "2017-01-01 00:41:00", 1.4, 41, {"Value": 1.0}, 2),),
        lookback_window=5,
        model_summary="[('A',A()),]",
        num_pipelines_explored=3,
        spec=dict(job.spec),
        seconds={"score": 0.25},
    )


def work(settings: Settings, job_id: str, engine: Any = detection) -> str:
    """Do the worker's part for one job."""
    process = Process(settings, engine)
    try:
        return process.work(job_id)
    finally:
        process.close()


@dataclass
class Gateway:
    """The app, a client with credentials, and the store behind both.

    The app and the worker are the users of the access list that they are in a service; ``settings``
    and ``store`` are the admin's.
    """

    settings: Settings
    worker: Settings
    app: Any
    store: JobStore
    client_id: str
    client_secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"X-IBM-Client-Id": self.client_id, "X-IBM-Client-Secret": self.client_secret}

    def stranger(self) -> Gateway:
        """The same gateway with another client's credentials."""
        fresh = credentials.create(self.store.client, self.settings)
        return replace(self, client_id=fresh.client_id, client_secret=fresh.client_secret)

    def call(self, method: str, path: str, **more: Any) -> Any:
        headers = {**self.headers, **more.pop("headers", {})}
        return self.app.test_client().open(path, method=method, headers=headers, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.call("GET", path, **more)

    def post(self, path: str, **more: Any) -> Any:
        return self.call("POST", path, **more)

    def submit(
        self, *, data: bytes = CSV, filename: str = "a.csv", multi: bool = False, **fields: Any
    ) -> Any:
        """Submit by IBM's form; ``None`` leaves a field out."""
        kind = "multivariate" if multi else "univariate"
        target = {"target_columns": '["Value", "Other"]'} if multi else {"target_column": "Value"}
        form = {"time_column": "Time", **target, "data_file": (io.BytesIO(data), filename), **fields}
        form = {name: value for name, value in form.items() if value is not None}
        return self.post(
            f"/anomaly-detection/timeseries/{kind}/batch", data=form, content_type="multipart/form-data"
        )

    def spec(self, **more: Any) -> dict[str, Any]:
        """The parameters a form led to."""
        answer = self.submit(**more)
        assert answer.status_code == 200, answer.data
        return dict(self.store.get(answer.json["jobId"]).spec)

    def work(self, job_id: str, engine: Any = detection) -> str:
        """Do the worker's part for one job."""
        return work(self.worker, job_id, engine)

    def jobs(self) -> int:
        """How many jobs the store has."""
        return sum(1 for _ in self.store.client.scan_iter(self.settings.key_prefix + "job:*"))


@pytest.fixture(scope="session")
def store_login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The admin's way into a real server that lives as long as the tests."""
    folder: Path = tmp_path_factory.mktemp("store")
    with EmbeddedServer(folder, Settings(max_memory_bytes=256 << 20)) as server:
        yield server.login()


@pytest.fixture
def make_gateway(store_login: dict[str, str]) -> Iterator[Any]:
    """A function that makes a gateway with some settings changed: on a server, or with keys of its own."""
    made: list[Gateway] = []

    def make(server: EmbeddedServer | None = None, **settings: Any) -> Gateway:
        if server:
            chosen = Settings(**{**server.login(), **settings})
        else:
            chosen = Settings(**{**store_login, "key_prefix": f"gate{next(_numbers)}:", **settings})
        store = JobStore(connect(chosen, "cli"), chosen)
        fresh = credentials.create(store.client, chosen)
        users = [
            replace(chosen, **server.login(user)) if server else as_user(user, chosen, store.client)
            for user in ("gateway", "worker")
        ]
        app, worker = create_app(users[0]), users[1]
        app.testing = True
        made.append(Gateway(chosen, worker, app, store, fresh.client_id, fresh.client_secret))
        return made[-1]

    yield make
    for gateway in made:
        gateway.store.client.close()
        gateway.app.extensions["oddline"].close()


def as_user(user: str, settings: Settings, admin: Any) -> Settings:
    """The settings with which a user meets a server that many prefixes share; it is made for this one."""
    name = f"{user}-{settings.key_prefix.strip(':')}"
    file = Path(settings.redis_password_file)  # the admin's own will do
    digests = dict.fromkeys(USERS, hashlib.sha256(file.read_bytes()).hexdigest())
    [rules] = [
        line for line in access_list(settings.key_prefix, digests).splitlines() if f"user {user} " in line
    ]
    admin.execute_command("ACL", "SETUSER", name, *rules.split()[2:])
    return replace(settings, redis_url=settings.redis_url.replace("//admin@", f"//{name}@"))


@pytest.fixture
def gateway(make_gateway: Any) -> Gateway:
    """A gateway with the settings as they come."""
    made: Gateway = make_gateway()
    return made
