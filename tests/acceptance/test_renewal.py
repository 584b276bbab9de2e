"""Every part of a running service replaced, under load: no request fails, no job is lost or done twice."""

import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress

import pytest
import requests

from acceptance.load import SUBMIT, TABLE, Load
from acceptance.service import PATIENCE, Service, environment, gone, oddline
from oddline_api.address import LISTENER, listen
from oddline_api.guardian import end_group
from oddline_api.renewal import outcomes
from oddline_workers.readiness import READY
from oddline_workers.server import EmbeddedServer, supervisor
from oddline_workers.settings import Settings, variable
from serving import free_port, wait_for_gateway, wait_until

pytestmark = [pytest.mark.service, pytest.mark.timeout(300), pytest.mark.xdist_group("renewal")]

PARTS = ["web", "worker-cpu", "worker-desk", "janitor", "server"]
OPEN = {"submits_per_minute": 1_000_000, "reads_per_minute": 1_000_000}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    changed = {"drain_seconds": 0.5, "shutdown_seconds": 1, **OPEN}
    settings = {variable(name): str(value) for name, value in changed.items()}
    service = Service(tmp_path_factory.mktemp("up") / "data", **settings)
    yield service
    service.close()


@pytest.fixture
def headers(service):
    facts = service.facts
    return {"X-IBM-Client-Id": facts["client_id"], "X-IBM-Client-Secret": facts["client_secret"]}


def renewed(service):
    """The parts that were renewed so far, in order."""
    return [name for name, text in service.said() if text == "was renewed"]


def gateways(service):
    return [process for process in service.family() if "oddline_api.gateway" in process.cmdline()]


def test_under_load_no_request_fails_and_every_job_is_done_once(service, headers):
    words = ("oddline_api.gateway", "celery", "oddline_workers.janitor")
    before = [wait_until(lambda word=word: service.find(word)) for word in words] + [service.server()]
    with Load(service.url, headers) as load:
        wait_until(lambda: len(load.jobs) > 10)
        told = oddline("restart", "--data", service.data)
        assert told.returncode == 0, told.stderr
        assert told.stdout.startswith(f"Process {service.process.pid} ")
        assert told.stdout.splitlines()[1:] == [f"{name} was renewed." for name in PARTS]
        assert stat.S_IMODE((service.data / "renewal.json").stat().st_mode) == 0o600
        load.stop()
    assert load.failures == []
    assert renewed(service) == PARTS
    assert gone(before)
    # What would prove nothing: connections that were not kept, or too few requests.
    assert sum(count for kind, count in load.answers.items() if kind.startswith("kept")) > 100, load.answers
    with service.client() as client:
        jobs = client.jobs(limit=1000)
    assert Counter(job["id"] for job in jobs["jobs"]) == Counter(load.jobs)  # none twice, none unknown
    assert {job["status"] for job in jobs["jobs"]} == {"done"}


def test_a_request_in_progress_is_finished_by_the_gateway_that_leaves(service, headers):
    before, old = len(renewed(service)), service.find("oddline_api.gateway")
    address = service.url.removeprefix("http://").split(":")
    head = {**headers, "Host": "x", "Content-Type": "text/csv", "Content-Length": str(len(TABLE))}
    with socket.create_connection((address[0], int(address[1]))) as wire:
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        wire.sendall(f"POST {SUBMIT} HTTP/1.1\r\n{lines}\r\n".encode() + TABLE[:300])
        service.process.send_signal(signal.SIGUSR1)
        wait_until(
            lambda: service.said().count(("web", "[INFO] Shutting down granian")) > before / len(PARTS)
        )
        assert old.is_running()
        wire.sendall(TABLE[300:])
        answer = b"".join(iter(lambda: wire.recv(65536), b""))  # until it is closed
        assert answer.startswith(b"HTTP/1.1 202 ")
        assert b"\r\nconnection: close\r\n" in answer.lower()
    wait_until(lambda: len(renewed(service)) == before + len(PARTS))
    assert gone([old])
    with service.client() as client:
        assert client.wait(json.loads(answer.partition(b"\r\n\r\n")[2])["id"], timeout=PATIENCE)


def test_a_fresh_part_that_does_not_come_up_leaves_the_old_one_in_place(service, headers):
    before, old = len(renewed(service)), gateways(service)
    with Load(service.url, headers, clients=2) as load, ThreadPoolExecutor() as pool:
        told = pool.submit(oddline, "restart", "--data", service.data)
        [fresh] = wait_until(
            lambda: [
                one
                for one in service.family()
                if one.parent().pid == service.process.pid
                and "oddline_api.gateway" in one.cmdline()
                and one not in old
            ]
        )
        fresh.kill()
        said = ("web", "the fresh one did not come up; nothing more is renewed")
        wait_until(lambda: said in service.said())
        load.stop()
        assert told.result().returncode == 1
        assert "oddline: The fresh web did not come up: " in told.result().stderr
    assert load.failures == []
    assert set(gateways(service)) == set(old)
    assert len(renewed(service)) == before


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_service_ended_in_the_midst_of_it_leaves_nothing(tmp_path, end):
    service = Service(tmp_path / "data", ODDLINE_DRAIN_SECONDS="60")
    try:
        service.process.send_signal(signal.SIGUSR1)
        leaving = service.find("oddline_api.gateway")
        wait_until(lambda: [text for name, text in service.said() if name == "web"].count("ready") == 2)
        wait_until(lambda: len({os.getpgid(one.pid) for one in gateways(service)}) == 2)
        family = service.family()
        assert leaving in family
        service.process.send_signal(end)
        service.process.wait(PATIENCE)
        wait_until(lambda: gone(family))
    finally:
        service.close()


def test_who_asks_too_early_or_once_more_is_heard(tmp_path):
    data = tmp_path / "data"
    with ThreadPoolExecutor() as pool:
        up = pool.submit(Service, data, ODDLINE_DRAIN_SECONDS="0.5")
        pid = wait_until(lambda: supervisor(data))
        first = pool.submit(oddline, "restart", "--data", data)  # it is not ready yet
        with closing(up.result()) as service:
            wait_until(lambda: outcomes(data, pid))
            second = pool.submit(oddline, "restart", "--data", data)
            for told in (first.result(), second.result()):
                assert told.returncode == 0, told.stderr
                assert len(told.stdout.splitlines()) == 1 + len(PARTS)
            assert renewed(service) == 2 * PARTS


def test_who_waits_is_told_that_the_service_ended(tmp_path):
    with (
        closing(Service(tmp_path / "data", ODDLINE_DRAIN_SECONDS="60")) as service,
        ThreadPoolExecutor() as pool,
    ):
        asked = pool.submit(oddline, "restart", "--data", service.data)
        wait_until(lambda: outcomes(service.data, service.process.pid))
        service.process.kill()
        told = asked.result()
    assert (told.returncode, "ended before it was done" in told.stderr) == (3, True)


def test_a_lock_of_a_supervisor_that_is_dead_is_nobodys(tmp_path):
    """Its guardian holds it while it tidies up."""
    with (tmp_path / "lock").open("w") as lock, subprocess.Popen(["true"]) as process:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process.wait()
        print(process.pid, "up", file=lock, flush=True)
        told = oddline("restart", "--data", tmp_path)
    assert (told.returncode, "No `oddline up` runs on" in told.stderr) == (3, True)


def test_only_a_service_is_asked(service, tmp_path):
    assert supervisor(service.data) == service.process.pid
    with EmbeddedServer(tmp_path / "data", Settings()):
        # We hold the folder, as `oddline credentials` does; the signal would be the end of us.
        told = oddline("restart", "--data", tmp_path / "data")
    assert told.returncode == 3
    assert told.stderr.startswith(f"oddline: No `oddline up` runs on {tmp_path / 'data'}.")
    assert oddline("restart", "--data", tmp_path / "data").returncode == 3
    assert oddline("restart", "--data", tmp_path / "none").returncode == 3


@pytest.fixture
def gateway():
    """A function that starts a gateway on a socket that is lent, ready to serve; ``double`` is run before."""
    with ExitStack() as started:

        def start(listener, drain_seconds, double="pass"):
            code = f"import oddline_api.gateway as gateway; {double}; gateway.main()"
            more = {LISTENER: str(listener.fileno()), "ODDLINE_DRAIN_SECONDS": str(drain_seconds)}
            process = subprocess.Popen(
                [sys.executable, "-c", code],
                env=environment(PYTHONPATH=os.pathsep.join(sys.path), ODDLINE_REDIS_URL="redis://x", **more),
                pass_fds=[listener.fileno()],
                process_group=0,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            started.enter_context(process)
            started.callback(end_group, process.pid)
            while process.stderr.readline().strip() != READY:
                assert process.poll() is None
            return process

        yield start


def test_gateways_that_share_a_socket_lose_no_connection(gateway):
    with listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        now = gateway(listener, 0.5)
        with Load(url, {}, only="/livez", clients=32, pause=0.005) as load:
            for _ in range(4):
                old, now = now, gateway(listener, 0.5)
                old.terminate()
                assert old.wait(PATIENCE) == 0
            load.stop()
    assert {kind.split()[0] for kind in load.answers} == {"fresh", "kept"}, load.answers
    assert load.failures == []


def said_at(listener, path):
    """A connection on which this path was asked for, kept alive."""
    wire = socket.create_connection(listener.getsockname())
    wire.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return wire


@pytest.mark.parametrize(
    ("double", "takes"),
    [("pass", False), ("gateway._let_go = lambda listener: None", True)],
    ids=["as it is", "control"],
)
def test_a_gateway_that_leaves_takes_no_connection_from_the_next(gateway, double, takes):
    with listen("127.0.0.1", 0) as listener:
        old = gateway(listener, 2.0, double)
        with said_at(listener, "/livez") as known:
            assert known.recv(65536).startswith(b"HTTP/1.1 200 ")
            old.terminate()
            wait_until(lambda: _asked_again(known))
        with said_at(listener, "/livez") as unknown:
            unknown.settimeout(1.0)
            try:
                taken = unknown.recv(65536).startswith(b"HTTP/1.1 200 ")
            except TimeoutError:
                taken = False
            assert taken is takes
            assert old.wait(PATIENCE) == 0
            gateway(listener, 0.0)
            unknown.settimeout(PATIENCE)
            assert taken or unknown.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_control_without_the_time_for_it_a_connection_that_is_kept_is_lost(gateway):
    with listen("127.0.0.1", 0) as listener:
        old = gateway(listener, 0.0)
        with said_at(listener, "/livez") as known:
            assert known.recv(65536).startswith(b"HTTP/1.1 200 ")
            old.terminate()
            assert old.wait(PATIENCE) == 0
            with suppress(ConnectionError):
                assert not _asked_again(known)


def _asked_again(wire):
    """Whether the gateway says on this connection that it leaves."""
    wire.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    return b"\r\nconnection: close\r\n" in wire.recv(65536).lower()


def test_a_gateway_on_its_own_tells_balancers_before_it_leaves(tmp_path):
    with EmbeddedServer(tmp_path / "data", Settings()) as server:
        own = {**server.login("gateway"), "port": free_port(), "drain_seconds": 1.0}
        settings = {variable(name): str(value) for name, value in own.items()}
        words = [sys.executable, "-m", "oddline_api.processes", "web"]
        process = subprocess.Popen(words, env=environment(PYTHONPATH=os.pathsep.join(sys.path), **settings))
        base = f"http://127.0.0.1:{own['port']}"
        with process:
            wait_for_gateway(base)
            process.terminate()
            [leaving] = wait_until(lambda: [told for told in [requests.get(base + "/readyz")] if not told.ok])
            alive = requests.get(base + "/livez")  # who does not know yet is served
            assert process.wait(PATIENCE) == 0
    assert leaving.json()["status"] == "leaving"
    assert leaving.headers["Retry-After"] == "1"
    assert (alive.status_code, alive.headers["Connection"]) == (200, "close")
