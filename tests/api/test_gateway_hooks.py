"""The gateway is built on inner parts of granian: a release without them is refused by name."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from oddline_api.gateway import RELEASES

MISSING = {
    "_init_shared_socket": "del common.AbstractServer._init_shared_socket, mp.MPServer._init_shared_socket",
    "signal_handler_interrupt": "del common.AbstractServer.signal_handler_interrupt",
    "SocketHolder": "del granian._granian.SocketHolder",
}


@pytest.mark.parametrize("name", MISSING)
def test_a_granian_without_what_is_needed_is_said_in_one_line(name):
    code = f"import granian.server.common as common, granian.server.mp as mp, granian; {MISSING[name]}"
    code += "; import oddline_api.gateway as gateway; gateway.main()"
    words = [sys.executable, "-W", "ignore", "-c", code]
    ended = subprocess.run(words, env={**os.environ, "ODDLINE_PORT": "0"}, capture_output=True, text=True)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert f"has no {name}, which the gateway needs" in ended.stderr
    assert f"'granian{RELEASES}'" in ended.stderr


def test_the_releases_that_are_known_are_those_that_are_installed():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert f"granian{RELEASES}" in project["project"]["dependencies"]
