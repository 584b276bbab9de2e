"""A worker that could not acknowledge a message goes on taking others; one that is deaf makes room."""

import os
import signal

import pytest

from oddline_workers.jobs import Status
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings
from workers.trials import Service, trial_settings, wait_for

pytestmark = pytest.mark.service

WORKER = """
import os, runpy, sys
from oddline_workers import bell
if sys.argv.pop():
    bell.listen_on, bell.LOOK_SECONDS = lambda: None, 0.5
os.dup2(os.open("said", os.O_WRONLY | os.O_CREAT), 2)
sys.argv = [
    *("celery", "-q", "-A", "workers.trial", "worker", "-Q", "cpu", "-c", "1", "-l", "error", "-n", "w@t"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
]
runpy.run_module("celery", run_name="__main__")
"""


@pytest.mark.parametrize("control", ["", "control"])
def test_a_message_that_was_not_acknowledged_takes_no_process_away(tmp_path, control):
    with EmbeddedServer(tmp_path / "data", Settings(max_memory_bytes=64 << 20)) as server:
        login = server.login()
        service = Service(trial_settings(login.pop("redis_url"), **login), tmp_path)
        try:
            worker = service.start("-c", WORKER, control)
            service.janitor()
            job = service.send("until released")
            service.executing(job)
            # The job ends and its worker cannot say so: it wakes when the store is away.
            os.kill(worker.pid, signal.SIGSTOP)
            (tmp_path / "released").touch()
            service.over(job)
            os.kill(server.pid, signal.SIGKILL)
            wait_for(lambda: not server.alive())
            os.kill(worker.pid, signal.SIGCONT)
            wait_for(lambda: "Couldn't ack" in (tmp_path / "said").read_text())
            server.launch()

            following = service.send("ok")
            if control:  # it is deaf, and notices
                assert worker.wait(30) == 0
                assert "none is heard" in (tmp_path / "said").read_text()
                assert service.store.get(following.id).status is Status.QUEUED
                service.worker()
            assert service.over(following)[0].status is Status.DONE
            assert worker.poll() == (0 if control else None)
        finally:
            service.close()
