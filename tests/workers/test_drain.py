"""A worker asked to stop: what runs may end, the rest goes to others at once, and it is gone in time."""

import os
import signal
import time

import pytest

from oddline_api.processes import SOFT_STOP
from oddline_workers.jobs import Status
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings
from workers.trials import Service, trial_settings, wait_for

pytestmark = pytest.mark.service

GRACE, LEASE = 2.0, 60.0  # no job comes back within a test because its lease ran out


@pytest.fixture
def service(server_url, tmp_path):
    service = Service(trial_settings(server_url, lease_seconds=LEASE, shutdown_seconds=GRACE), tmp_path)
    service.janitor()
    yield service
    service.close()


def group(service, job):
    """The worker that runs the job, by the pid of its main process."""
    return os.getpgid(int(service.executing(job).worker.split(":")[1]))


def stopped(worker, within=GRACE + 1, by=signal.SIGTERM):
    """Ask it to stop and see that it does."""
    began = time.monotonic()
    worker.send_signal(by)
    assert worker.wait(10) == 0
    assert time.monotonic() - began < within


def test_under_load_each_job_ends_here_or_is_handed_to_another_worker(service):
    old = service.worker(processes=5)
    short, long = [service.send("until released") for _ in range(2)], [service.send("once") for _ in range(2)]
    idle = service.send("until idle")
    assert {group(service, job) for job in [*short, *long, idle]} == {old.pid}
    new = service.worker(processes=2)
    assert group(service, service.send("until idle")) == new.pid  # it is up
    (service.folder / "idle").touch()
    service.over(idle)

    old.send_signal(signal.SIGTERM)  # two short, two long, and one process that waits for a message
    asked, began = service.store.now(), time.monotonic()
    late = [service.send("until released") for _ in range(2)]
    assert {group(service, job) for job in late} == {new.pid}
    (service.folder / "released").touch()
    assert old.wait(10) == 0
    assert time.monotonic() - began < GRACE + 1

    for job in service.over(*short, *late):
        assert (job.status, job.attempt) == (Status.DONE, 1)
    for job in service.over(*long):
        assert (job.status, job.attempt, job.losses) == (Status.DONE, 2, 0)
        assert job.started - asked < (GRACE + 2) * 1e6


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_with_one_process_a_job_has_its_grace_and_then_waits_again(service, pool):
    def worker():
        return service.start(
            *("-m", "celery", "-q", "-A", "workers.trial", "worker", "-Q", "cpu", "-P", pool, "-c", "1"),
            *("-l", "error", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        )

    first, job = worker(), service.send("until released")
    service.executing(job)
    first.send_signal(signal.SIGTERM)
    wait_for(lambda: service.store.get(job.id).stage == "waiting")
    (service.folder / "released").touch()
    assert service.over(job)[0].attempt == 1
    assert first.wait(GRACE + 1) == 0

    second, job = worker(), service.send("once")
    service.executing(job)
    stopped(second)
    wait_for(lambda: service.store.get(job.id).status is not Status.EXECUTING)
    third = worker()
    (done,) = service.over(job)
    assert (done.status, done.attempt, done.losses) == (Status.DONE, 2, 0)
    stopped(third, within=1)  # nothing to wait for


def test_a_second_signal_ends_the_grace(service):
    worker, job = service.worker(), service.send("once")
    service.executing(job)
    worker.send_signal(signal.SIGTERM)
    stopped(worker, within=GRACE / 2, by=signal.SIGINT)  # two of a kind may become one
    assert service.store.get(job.id).status in (Status.SUBMITTED, Status.QUEUED)


def test_a_signal_to_the_whole_group_is_for_the_worker_alone(service):
    """What a terminal, systemd and some process managers send."""
    worker, job = service.worker(**SOFT_STOP), service.send("until released")
    service.executing(job)
    os.killpg(worker.pid, signal.SIGTERM)
    wait_for(lambda: service.store.get(job.id).stage == "waiting")
    (service.folder / "released").touch()
    assert service.over(job)[0].attempt == 1
    assert worker.wait(GRACE + 1) == 0


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_a_store_that_is_away_keeps_no_worker_alive(tmp_path, fault):
    grace = 0.5
    with EmbeddedServer(tmp_path / "data", Settings(max_memory_bytes=64 << 20)) as server:
        login = server.login()
        service = Service(trial_settings(login.pop("redis_url"), shutdown_seconds=grace, **login), tmp_path)
        try:
            worker, job = service.worker(processes=2), service.send("once")
            service.executing(job)
            os.kill(server.pid, fault)
            stopped(worker, within=grace + 1)
            if fault == signal.SIGSTOP:
                os.kill(server.pid, signal.SIGCONT)
            else:
                wait_for(lambda: not server.alive())
                server.launch()
            service.worker()
            service.janitor()
            (done,) = service.over(job)
            assert (done.status, done.attempt) == (Status.DONE, 2)
        finally:
            service.close()
