"""The commands of docs/nexosis-quickstart.md as they stand there, in one shell, against a running service."""

import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from oddline_workers import credentials
from oddline_workers.connections import connect
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings
from serving import free_port, running, wait_for_gateway

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "nexosis-quickstart.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
MARK = "=== the next block ==="


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each block prints."""
    server = EmbeddedServer(tmp_path_factory.mktemp("store"), Settings()).start()
    allowed = {"outbound_networks": "127.0.0.0/8"}
    settings = replace(Settings(), **server.login(), port=free_port(), workers=1, **allowed)
    client = credentials.create(connect(settings, "cli"), settings)
    url = f"http://127.0.0.1:{settings.port}"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    script = f"echo '{MARK}'\n".join(BLOCKS).replace("8099", port)
    environment = {
        **os.environ,
        "ODDLINE_URL": url,
        "ODDLINE_CLIENT_SECRET": client.client_secret,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    try:
        with running(settings, "web", "worker-cpu", "worker-desk", "janitor", server=server):
            wait_for_gateway(url)
            ended = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                timeout=100,
            )
    finally:
        server.stop()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.split(MARK)


@pytest.mark.service
@pytest.mark.xdist_group("nexosis-quickstart")
def test_what_the_page_promises_comes_true(said):
    sent, trained, results, scores, predicted, fetched, gone = said
    assert json.loads(sent)["dataSetName"] == "cardio"
    assert "Completed" in trained
    answer = json.loads(results)
    assert (answer["metrics"], answer["totalCount"]) == ({"percentAnomalies": 184 / 1831}, 184)
    assert all(float(row["anomaly"]) <= 0 for row in answer["data"])
    assert len(scores.splitlines()) == 7  # what echo left, a header, five rows
    [row] = json.loads(predicted)["data"]
    assert row["key"] == "1780"
    assert float(row["anomaly"]) == pytest.approx(-0.10, abs=0.03)
    assert json.loads(fetched)["status"] == "completed"
    assert gone.strip() == "204"
