"""The README's commands run as they stand there, against a running service."""

import os
import re
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
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """What a reader has after the README's three exports."""
    server = EmbeddedServer(tmp_path_factory.mktemp("readme"), Settings()).start()
    settings = replace(Settings(), **server.login(), port=free_port(), workers=1)
    client = credentials.create(connect(settings, "cli"), settings)
    url = f"http://127.0.0.1:{settings.port}"
    try:
        with running(settings, "web", "worker-cpu", "worker-desk", "janitor", server=server):
            wait_for_gateway(url)
            yield {
                **os.environ,
                "ODDLINE_URL": url,
                "ODDLINE_CLIENT_ID": client.client_id,
                "ODDLINE_CLIENT_SECRET": client.client_secret,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            }
    finally:
        server.stop()


def test_the_readme_has_examples():
    assert [kind for kind, _ in BLOCKS].count("bash") >= 2
    assert [kind for kind, _ in BLOCKS].count("python") >= 2


@pytest.mark.service
@pytest.mark.xdist_group("readme")
@pytest.mark.parametrize(("kind", "code"), BLOCKS, ids=range(len(BLOCKS)))
def test_the_example_runs_as_it_stands(kind, code, environment):
    words = [sys.executable, "-c", code] if kind == "python" else ["bash", "-euo", "pipefail", "-c", code]
    ended = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.strip()


def test_every_file_the_readme_points_to_exists():
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in t]
    assert targets
    assert not [t for t in targets if not (ROOT / t).exists()]


def test_every_make_target_the_readme_names_exists():
    targets = set(re.findall(r"make ([a-z]+)", README))
    assert {"demo", "test", "up"} <= targets
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(f"make {target}" in listed for target in targets)
