"""Real workers under real faults: nothing is lost, nothing takes effect twice."""

import os
import signal
from contextlib import contextmanager

import pytest

from oddline_workers.jobs import Status
from workers.trials import OWNER, Service, trial_settings, wait_for

pytestmark = pytest.mark.service

DYING_SUBMITTER = """
import io, os, sys
from oddline_workers import connections, settings, store, submit

class App:
    def send_task(self, *_, **__):
        os.kill(os.getpid(), 9)

here = settings.from_environment()
jobs = store.JobStore(connections.connect(here, "gateway"), here)
jobs._due = 100_000
job = {"owner": sys.argv[1], "dialect": "plain", "lane": "cpu", "spec": {}, "filename": "a.csv"}
submit.submit(jobs, App(), data=io.BytesIO(b"ok"), **job)
"""


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
    for name in ("effects", "unfenced"):
        (pair.folder / name).unlink(missing_ok=True)
    return pair


@contextmanager
def idle_janitor(service):
    """A control: the janitor goes its rounds and does nothing. Yields how to wait for some."""
    rounds = []
    service.tidying.tidy = lambda: rounds.append(1)

    def see(count):
        last = len(rounds) + count
        wait_for(lambda: len(rounds) >= last)

    try:
        yield see
    finally:
        del service.tidying.tidy


def overdue(service, index, job):
    """Wait until the job's time on an index of the store has come."""
    key = service.store.root + index
    return wait_for(lambda: service.client.zscore(key, job.id) < service.store.now())


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
    assert service.ends(job) == ["2:done:kept"]


def test_job_that_kills_its_process_ends_in_an_error(service):
    poison, good = service.over(service.send("die"), service.send("ok"))
    assert poison.status is Status.ERROR
    assert poison.error["code"] == "worker_lost"
    assert good.status is Status.DONE
    assert [word for word in service.effects() if word != "ok:1"] == ["die:1", "die:2", "die:3"]


def test_control_without_the_sweep_a_killed_worker_loses_its_job(service):
    job = service.send("once")
    with idle_janitor(service) as see:
        os.killpg(holder(service, job), signal.SIGKILL)
        overdue(service, "leases", job)
        see(5)
        assert service.store.get(job.id).status is Status.EXECUTING
        assert service.ends(job, 0) == []
    service.over(job)
    assert service.ends(job) == ["2:done:kept"]


def test_job_of_a_killed_submitter_runs_and_in_the_control_without_outbox_it_does_not(service):
    with idle_janitor(service) as see:
        submitter = service.start("-c", DYING_SUBMITTER, OWNER)
        assert submitter.wait(30) == -signal.SIGKILL
        (job, *_), _ = service.store.list(OWNER)
        overdue(service, "outbox", job)
        see(5)
        assert service.store.get(job.id).status is Status.SUBMITTED
        assert service.ends(job, 0) == []
    service.over(job)
    assert service.ends(job) == ["1:done:kept"]


def ended_late(service):
    """A job whose first worker is suspended until another has the job, and then ends it all the same."""
    job = service.send("stubborn 1.5")
    group = holder(service, job)
    os.killpg(group, signal.SIGSTOP)
    service.executing(job, attempt=2)
    os.killpg(group, signal.SIGCONT)
    service.ends(job, 2)
    return service.over(job)[0]


def test_suspended_worker_comes_back_too_late(service):
    done = ended_late(service)
    assert (done.status, done.attempt, done.losses) == (Status.DONE, 2, 1)
    assert sorted(service.ends(done, 2)) == ["1:done:refused", "2:done:kept"]
    assert service.result(done)["summary"]["model_summary"] == "attempt 2"
    assert not service.client.exists(service.store.result_key(done.id, 1))


def test_control_without_the_fence_a_suspended_worker_ends_its_job_too(service):
    (service.folder / "unfenced").touch()
    done = ended_late(service)
    assert sorted(service.ends(done, 2)) == ["1:done:kept", "2:done:kept"]


def test_stopped_worker_hands_its_job_back(service):
    job = service.send("once")
    group = holder(service, job)
    os.kill(group, signal.SIGTERM)
    (done,) = service.over(job)
    assert done.status is Status.DONE
    # Handed back, not lost: no loss is counted against it.
    assert (done.attempt, done.losses) == (2, 0)
    assert service.ends(job) == ["2:done:kept"]
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
