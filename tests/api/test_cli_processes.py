"""The table of processes, the Procfile, and one supervised child."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import oddline_api
from oddline_api.address import listen
from oddline_api.child import Child
from oddline_api.processes import PROCESSES, command, procfile, wanted
from oddline_api.supervisor import Supervisor
from oddline_workers import memory
from oddline_workers.settings import Settings
from serving import wait_until

ROOT = Path(oddline_api.__file__).parents[2]


def test_the_procfile_is_the_table():
    assert (ROOT / "Procfile").read_text() == procfile()


def test_up_and_the_procfile_run_the_same_words():
    """The Procfile's lines as a shell expands them, with the settings' defaults and with others."""
    changed = Settings(
        host="::1",
        port=9999,
        workers=3,
        cpu_lanes="cpu",
        gateway_workers=2,
        log_level="error",
        tls_cert_file="/c.pem",
    )
    for settings, variables in (
        (Settings(), {}),
        (
            changed,
            {
                "ODDLINE_HOST": "::1",
                "ODDLINE_PORT": "9999",
                "ODDLINE_WORKERS": "3",
                "ODDLINE_CPU_LANES": "cpu",
                "ODDLINE_GATEWAY_WORKERS": "2",
                "ODDLINE_LOG_LEVEL": "error",
                "ODDLINE_TLS_CERT_FILE": "/c.pem",
            },
        ),
    ):
        for line, process in zip(procfile().splitlines(), PROCESSES, strict=True):
            name, _, text = line.partition(": ")
            assert name == process.name
            words = shlex.split(
                subprocess.check_output(["sh", "-c", f"echo {text}"], env=variables, text=True)
            )
            split = words.index("python")
            assert dict(word.split("=") for word in words[:split]) == process.environment
            assert [sys.executable, *words[split + 1 :]] == command(process, settings)


@pytest.mark.parametrize(("lanes", "others"), [("cpu,gpu", []), ("cpu", ["worker-gpu"])])
def test_every_lane_has_a_worker_of_its_own_or_shares_the_cpu_workers(lanes, others):
    settings = Settings(cpu_lanes=lanes)
    started = [process for process in PROCESSES if wanted(process, settings)]
    assert [process.name for process in started] == ["web", "worker-cpu", *others, "worker-desk", "janitor"]
    words = command(started[1], settings)
    assert words[words.index("--queues") + 1] == lanes


@pytest.fixture
def child():
    made = []

    def start(code):
        made.append(Child("web", [sys.executable, "-c", code], dict(os.environ)))
        made[0].start()
        return made[0]

    yield start
    if not made[0].ended():
        made[0].bury()


def ended(child):
    wait_until(child.ended)


def test_a_child_that_ends_waits_longer_each_time(child):
    one = child("raise SystemExit(3)")
    delays = []
    for _ in range(3):
        ended(one)
        assert one.bury() == 3
        delays.append(one.due - time.monotonic())
        one.start()
    assert delays == pytest.approx([0.1, 0.2, 0.4], abs=0.05)
    assert one.failures == 3
    one.failures = 50
    ended(one)
    one.bury()
    assert one.due - time.monotonic() <= 5.0


def test_what_a_child_says_is_passed_on_line_by_line(child, capfd):
    one = child("print('plain'); print('{\"event\": \"told\"}'); print('last', end='')")
    ended(one)
    one.bury()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert lines[:2] == [{"process": "web", "event": "plain"}, {"process": "web", "event": "told"}]
    assert list(one.last_words)[:2] == ["plain", '{"event": "told"}']


def test_burying_a_child_ends_what_it_started(child):
    code = (
        "import subprocess, sys, time\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(inner.pid, flush=True); time.sleep(600)"
    )
    one = child(code)
    wait_until(lambda: one.relay() or one.last_words)
    inner = int(one.last_words[0])
    os.kill(one.pid, signal.SIGKILL)
    ended(one)
    one.bury()
    from oddline_workers.server import runs

    wait_until(lambda: not runs(inner))


@pytest.mark.parametrize("speaks", [True, False])
def test_a_gateway_that_falls_silent_is_ended(child, monkeypatch, speaks):
    monkeypatch.setattr("oddline_api.supervisor.SILENCE", 0.0)
    monkeypatch.setattr("oddline_api.address.PATIENCE", 0.2)
    said = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = Settings(redis_url="redis://unused", port=listener.getsockname()[1])
        supervisor = Supervisor(settings, "", prepare=list, announce=lambda: said.append("ready"))
        web = child("import time; time.sleep(600)")
        supervisor.family.children = {"web": web, "janitor": Child("janitor", [], {})}
        web.ready = True

        def speak(times):
            for _ in range(times):
                with listener.accept()[0] as wire:
                    wire.recv(1000)
                    wire.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        answering = threading.Thread(target=speak, args=(3 if speaks else 1,))
        answering.start()
        for _ in range(3):
            supervisor._probe(time.monotonic())
        answering.join()
    assert said == ["ready"]
    if speaks:
        assert not web.ended()
    else:
        ended(web)
        assert web.bury() == -signal.SIGKILL


def test_a_desk_begins_when_the_workers_are_ready_and_rests_after_a_failure():
    supervisor = Supervisor(Settings(redis_url="redis://unused"), "", prepare=list, announce=list)
    worker, desk = Child("worker-cpu", [], {}), Child("worker-desk", [], {})
    supervisor.family.children = {child.name: child for child in (worker, desk)}
    desk.due = 100.0
    supervisor._ready = True
    supervisor._call_desk(7.0)
    assert desk.due == 100.0
    worker.ready = True
    supervisor._call_desk(7.0)
    assert desk.due == 7.0
    desk.failures, desk.due = 1, 100.0
    supervisor._call_desk(8.0)
    assert desk.due == 100.0


@pytest.mark.parametrize(("lanes", "jobs"), [("cpu,gpu", 3), ("cpu", 4)])
def test_the_memory_of_the_machine_is_shared_by_the_jobs_of_all_lanes(lanes, jobs):
    settings = Settings(redis_url="redis://unused", workers=3, cpu_lanes=lanes)
    supervisor = Supervisor(settings, "", prepare=list, announce=list)
    whole = memory.budget(Settings(), 1)
    for process in PROCESSES:
        if process.lane and wanted(process, settings):
            given = int(supervisor._environment(process)["ODDLINE_JOB_MEMORY_BYTES"])
            assert given == whole // jobs
    few = Supervisor(replace(settings, job_memory_bytes=7), "", prepare=list, announce=list)
    assert few._environment(PROCESSES[1])["ODDLINE_JOB_MEMORY_BYTES"] == "7"


def test_answers_do_not_wait_for_word_of_their_beginning():
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        taken, _ = listener.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_what_was_named_from_the_callers_folder_is_found_from_another(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["engine", "/absolute", ""]))
    settings = Settings(redis_url="redis://unused", redis_password_file="hush", tls_cert_file="/c.pem")
    told = Supervisor(settings, "", prepare=list, announce=list)._environment(PROCESSES[0])
    assert told["ODDLINE_REDIS_PASSWORD_FILE"] == str(tmp_path / "hush")
    assert told["ODDLINE_TLS_CERT_FILE"] == "/c.pem"
    assert told["PYTHONPATH"] == os.pathsep.join([str(tmp_path / "engine"), "/absolute"])
