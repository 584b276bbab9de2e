"""What the images run, run as plain processes: a job goes through them from end to end."""

from pathlib import Path

import pytest
import requests

from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings
from serving import serve, wait_until

SAMPLE = Path(__file__).parents[1] / "data" / "sample.csv"


@pytest.mark.service
def test_a_job_goes_through_plain_processes(tmp_path):
    """Gateway, worker and janitor as their images start them, on a Redis of their own."""
    with (
        EmbeddedServer(tmp_path / "data", Settings()) as server,
        serve("worker-cpu", "janitor", server=server, workers=1) as service,
    ):
        with SAMPLE.open("rb") as file:
            told = requests.post(
                service.base + "/anomaly-detection/timeseries/univariate/batch",
                headers=service.headers,
                files={"data_file": file},
                data={"time_column": "Time", "target_column": "Value"},
                timeout=10,
            ).json()

        def done():
            url = f"{service.base}/result/{told['jobId']}"
            polled = requests.get(url, headers=service.headers, timeout=10).json()
            return polled if polled["status"] == "done" else None

        body = wait_until(done)
    assert len(body["summary"]["result"]) == 1000
    stamps = body["updated_on"]
    assert stamps["submitted@"] <= stamps["queued@"] <= stamps["execution_started@"] <= stamps["done@"]
