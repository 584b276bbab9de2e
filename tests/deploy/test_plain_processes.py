"""What the images run, run as plain processes: a job goes through them from end to end."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from oddline_api.supervisor import free_port
from oddline_workers import credentials
from oddline_workers.connections import connect
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings, variable

SAMPLE = Path(__file__).parents[1] / "data" / "sample.csv"


def _until(answer, seconds=40.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if (found := answer()) is not None:
                return found
        except requests.ConnectionError:
            pass
        time.sleep(0.02)
    raise AssertionError("not in time")


@pytest.fixture
def plain_service(tmp_path):
    """Gateway, worker and janitor as their images start them, on a Redis of their own."""
    settings = replace(Settings(), port=free_port("127.0.0.1"), workers=1)
    server = EmbeddedServer(tmp_path / "data", settings).start()
    settings = replace(settings, redis_url=server.url)
    environment = {**os.environ, **{variable(k): str(v) for k, v in vars(settings).items()}}
    with ExitStack() as stack:
        stack.callback(server.stop)
        for name in ("web", "worker-cpu", "janitor"):
            process = subprocess.Popen(
                [sys.executable, "-m", "oddline_api.processes", name],
                env=environment,
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
        client = credentials.create(connect(settings, "cli"), settings)
        headers = {"X-IBM-Client-Id": client.client_id, "X-IBM-Client-Secret": client.client_secret}
        yield f"http://127.0.0.1:{settings.port}", headers


@pytest.mark.service
def test_a_job_goes_through_plain_processes(plain_service):
    url, headers = plain_service
    _until(lambda: requests.get(url + "/readyz", timeout=5).ok or None)
    with SAMPLE.open("rb") as file:
        told = requests.post(
            url + "/anomaly-detection/timeseries/univariate/batch",
            headers=headers,
            files={"data_file": file},
            data={"time_column": "Time", "target_column": "Value"},
            timeout=10,
        ).json()
    done = _until(
        lambda: (
            body
            if (body := requests.get(f"{url}/result/{told['jobId']}", headers=headers, timeout=10).json())[
                "status"
            ]
            == "done"
            else None
        )
    )
    assert len(done["summary"]["result"]) == 1000
    stamps = done["updated_on"]
    assert stamps["submitted@"] <= stamps["queued@"] <= stamps["execution_started@"] <= stamps["done@"]
