"""Which store the commands meet: named, never made by mistake, and asked before anything is started."""

import json
import os
import subprocess
import sys

import pytest

from oddline_api.cli.folder import addressed, default_folder
from oddline_api.supervisor import free_port
from oddline_workers.settings import variable


@pytest.fixture(autouse=True)
def no_server_elsewhere(monkeypatch):
    monkeypatch.delenv("ODDLINE_REDIS_URL", raising=False)


def test_credentials_name_the_store_they_work_on(run, tmp_path):
    folder = tmp_path / "store"
    told = f"oddline: Using the store in {folder}\n"
    code, out, err = run("credentials", "create", "--data", folder, "--json")
    assert (code, err) == (0, told)
    made = json.loads(out)
    code, out, err = run("credentials", "list", "--data", folder, "--json")
    assert (code, err) == (0, told)
    assert [client["client_id"] for client in json.loads(out)] == [made["client_id"]]
    code, out, err = run("credentials", "revoke", made["client_id"], "--data", folder)
    assert (code, out, err) == (0, f"{made['client_id']} is revoked.\n", told)
    code, out, _ = run("credentials", "list", "--data", folder)
    assert out == f"No clients yet. Make one with: oddline credentials create --data {folder}\n"


def test_credentials_name_a_server_without_its_password(run, monkeypatch, store_login):
    for name, value in store_login.items():
        monkeypatch.setenv(variable(name), value)
    code, _, err = run("credentials", "list")
    url = store_login["redis_url"].replace("admin@", "").partition("?")[0]
    assert (code, err) == (0, f"oddline: Using the store at {url}\n")


def test_a_data_folder_is_met_whatever_the_environment_says_of_another_store(run, tmp_path, monkeypatch):
    monkeypatch.setenv("ODDLINE_REDIS_URL", "rediss://gateway@redis.example:6380/0")
    for file in ("CA", "CERT", "KEY", "PASSWORD"):
        monkeypatch.setenv(f"ODDLINE_REDIS_{file}_FILE", str(tmp_path / "theirs.pem"))
    code, _, err = run("credentials", "create", "--data", tmp_path / "store")
    assert (code, err) == (0, f"oddline: Using the store in {tmp_path / 'store'}\n")


@pytest.mark.parametrize("words", [("list",), ("revoke", "someone")])
def test_a_folder_without_a_store_is_left_alone(run, tmp_path, words):
    code, out, err = run("credentials", *words, "--data", tmp_path / "typo")
    assert (code, out) == (2, "")
    assert f"{tmp_path}/typo holds no store; `oddline up --data {tmp_path}/typo` makes one." in err
    assert not (tmp_path / "typo").exists()


def test_a_store_that_is_away_is_said_before_anything_is_started(run, monkeypatch):
    port = free_port("127.0.0.1")
    monkeypatch.setenv("ODDLINE_REDIS_URL", f"redis://:hush@127.0.0.1:{port}/0")
    code, out, err = run("up", "--port", 0)
    assert (code, out) == (3, "")
    assert err.startswith(f"oddline: The store does not answer at redis://127.0.0.1:{port}/0: ")
    assert err.endswith(" Start a Redis or Valkey there, or correct ODDLINE_REDIS_URL.\n")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("url", ["redis://:hu/sh@127.0.0.1:1/0", "redis://[::1"])
def test_an_address_that_cannot_be_read_is_not_echoed(run, monkeypatch, url):
    monkeypatch.setenv("ODDLINE_REDIS_URL", url)
    code, _, err = run("credentials", "list")
    assert code == 2
    assert "ODDLINE_REDIS_URL cannot be read" in err
    assert "hu" not in err


def test_a_command_names_the_folder_where_it_is_not_the_default(tmp_path):
    assert addressed("oddline up", None) == "oddline up"
    assert addressed("oddline up", default_folder()) == "oddline up"
    assert addressed("oddline up", tmp_path / "a b") == f"oddline up --data '{tmp_path}/a b'"


@pytest.mark.service
def test_the_ready_lines_say_how_to_make_another_client_of_this_service(tmp_path):
    settings = {k: v for k, v in os.environ.items() if not k.startswith("ODDLINE_")}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "oddline_api.cli",
            "up",
            "--port",
            "0",
            "--data",
            str(tmp_path / "d"),
            "--leash",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**settings, "ODDLINE_WORKERS": "1"},
        text=True,
    )
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "another client" in line:
                break
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()
    assert lines[-1].endswith(f"for another client: oddline credentials create --data {tmp_path}/d\n")
