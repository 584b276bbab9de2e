"""The images and the compose file, checked without an engine."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from oddline_api.processes import PROCESSES

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())


def _tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    binary = Path(sys.executable).with_name(name)
    return subprocess.run([str(binary), *arguments], cwd=ROOT, capture_output=True, text=True)


def test_the_dockerfile_is_clean():
    told = _tool("hadolint", "deploy/Dockerfile")
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_linter_sees_a_fault(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN cd /tmp && sudo apt-get install x\n")
    assert _tool("hadolint", str(tmp_path / "Dockerfile")).returncode != 0


def test_the_compose_file_keeps_to_the_specification():
    schema = json.loads((Path(__file__).parent / "compose_spec.json").read_text())
    jsonschema.Draft201909Validator(schema).validate(COMPOSE)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft201909Validator(schema).validate({**COMPOSE, "servces": {}})


def test_the_compose_file_is_tidy():
    rules = "{extends: default, rules: {line-length: {max: 120}, document-start: disable, braces: disable}}"
    told = _tool("yamllint", "--strict", "-d", rules, "deploy/compose.yaml")
    assert told.returncode == 0, told.stdout


def test_every_process_has_an_image_that_runs_its_command():
    commands = re.findall(
        r'^CMD \["python", "-m", "oddline_api.processes", "(.+)"\]$', DOCKERFILE.read_text(), re.MULTILINE
    )
    others = [COMPOSE["services"][name]["command"][-1] for name in ("worker-desk", "janitor")]
    assert {*commands, *others} == {process.name for process in PROCESSES}


def test_every_target_of_the_compose_file_exists():
    targets = set(re.findall(r"AS ([a-z-]+)$", DOCKERFILE.read_text(), re.MULTILINE))
    wanted = {s["build"]["target"] for s in COMPOSE["services"].values() if "build" in s}
    assert wanted == {"gateway", "worker-cpu", "worker-gpu"} <= targets


def test_containers_have_a_user_a_grace_and_no_secret_in_a_command():
    for name in ("gateway", "worker-cpu", "worker-gpu"):
        stage = DOCKERFILE.read_text().split(f"AS {name}\n")[1].split("\nFROM")[0]
        assert "USER 10001" in stage
        assert "STOPSIGNAL SIGTERM" in stage
    for name, service in COMPOSE["services"].items():
        assert service["stop_grace_period"] == "30s", name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "PASSWORD" not in json.dumps(service.get("command", "")), name
