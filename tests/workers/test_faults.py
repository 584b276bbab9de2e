"""Real workers under real faults: nothing is lost, nothing takes effect twice."""

import os
import signal

import pytest

from oddline_workers.jobs import Status
from workers.trials import Service, trial_settings, wait_for

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def pair(server_url, tmp_path_factory):
    """A service on which each trial finds two workers alive."""
    service = Service(trial_settings(server_url), tmp_path_factory.mktemp("pair"))
    service.janitor_here()
    yield service
    service.close()


@pytest.fixture
def service(pair):
    pair.workers(2)
    (pair.folder / "effects").unlink(missing_ok=True)
    return pair


def holder(service, job):
    """The worker that runs the job: its process group, which bears the pid of its main process."""
    child = int(service.executing(job).worker.split(":")[1])
    wait_for(service.effects)  # in mid-job: the engine is at work
    group = os.getpgid(child)
    assert group in {process.pid for process in service.alive}
    return group


@pytest.mark.parametrize("victim", ["main", "group"])
def test_killed_worker_does_not_lose_its_job(service, victim):
    job = service.send("once")
    group = holder(service, job)
    if victim == "main":
        os.kill(group, signal.SIGKILL)
    else:
        os.killpg(group, signal.SIGKILL)
    (done,) = service.over(job)
    assert done.status is Status.DONE
    assert (done.attempt, done.losses) == (2, 1)
    assert service.effects() == ["once:1", "once:2"]


def test_job_that_kills_its_process_ends_in_an_error(service):
    poison, good = service.over(service.send("die"), service.send("ok"))
    assert poison.status is Status.ERROR
    assert poison.error["code"] == "worker_lost"
    assert good.status is Status.DONE
    assert [word for word in service.effects() if word != "ok:1"] == ["die:1", "die:2", "die:3"]


def test_suspended_worker_comes_back_too_late(service):
    job = service.send("sleep 1.5")
    group = holder(service, job)
    os.killpg(group, signal.SIGSTOP)
    service.executing(job, attempt=2)
    os.killpg(group, signal.SIGCONT)
    (done,) = service.over(job)
    assert done.status is Status.DONE
    assert (done.attempt, done.losses) == (2, 1)


def test_stopped_worker_hands_its_job_back(service):
    job = service.send("once")
    group = holder(service, job)
    os.kill(group, signal.SIGTERM)
    (done,) = service.over(job)
    assert done.status is Status.DONE
    # Handed back, not lost: no loss is counted against it.
    assert (done.attempt, done.losses) == (2, 0)
    assert next(p for p in service.alive if p.pid == group).wait(20) is not None


def test_killed_child_is_noticed_before_its_lease_runs_out(server_url, tmp_path):
    service = Service(trial_settings(server_url, lease_seconds=120.0), tmp_path)
    try:
        service.worker()
        service.janitor_here()
        job = service.send("once")
        os.kill(int(service.executing(job).worker.split(":")[1]), signal.SIGKILL)
        (done,) = service.over(job)
        assert done.status is Status.DONE
        assert (done.attempt, done.losses) == (2, 1)
    finally:
        service.close()


def test_time_limit_fails_the_job_and_frees_the_worker(server_url, tmp_path):
    service = Service(trial_settings(server_url, time_limit=1.0), tmp_path)
    try:
        service.worker()
        jobs = [service.send(text) for text in ("deaf 30", "sleep 30", "ok")]
        deaf, slow, good = service.over(*jobs)
        assert deaf.error["code"] == slow.error["code"] == "time_limit"
        assert good.status is Status.DONE
    finally:
        service.close()
