"""The lease: what a worker process says of its job, and what its keeper tells it."""

import ctypes
import os
import signal
import time
from dataclasses import replace

import pytest

from oddline.errors import CancelledError, RunError
from oddline_workers import keeper
from oddline_workers.jobs import Status
from oddline_workers.lease import Lease, LostError
from workers.trials import OWNER, admit, claim, wait_for


@pytest.fixture
def quick(store):
    return replace(store.settings, lease_seconds=0.1)


@pytest.fixture
def lease(quick):
    lease = Lease(quick)
    yield lease
    lease.stop()


@pytest.fixture
def job(store, lease):
    job = claim(store, admit(store)).job
    lease.take(job)
    return job


def raised(lease, kind):
    def found():
        try:
            lease.progress(0.5, "fit")
        except kind as error:
            return error
        return None

    return wait_for(found)


def renewed(store, job):
    """Wait until the lease runs out later than it does now."""
    first = store.client.zscore(store.root + "leases", job.id)
    wait_for(lambda: store.client.zscore(store.root + "leases", job.id) > first)


def test_progress_reaches_the_record_and_the_lease_is_renewed(store, lease, job):
    lease.progress(0.25, "prepare")
    wait_for(lambda: store.get(job.id).stage == "prepare")
    renewed(store, job)


def test_the_last_of_many_reports_arrives_though_most_are_passed_over(store, lease, job):
    for step in range(20_000):
        lease.progress(step / 20_000, "fit")
    wait_for(lambda: (lease.progress(0.75, "x" * 10_000), store.get(job.id).fraction == 0.75)[1])
    assert store.get(job.id).stage == "x" * 100


def test_many_jobs_between_two_rounds_of_the_keeper_do_not_block(store, lease, job):
    for _ in range(2_000):
        lease.take(job)
        lease.settle()
        lease.drop()
    lease.take(job)
    renewed(store, job)


def test_cancelled_job_is_told_and_the_next_one_is_not(store, lease, job):
    store.cancel(job.id, OWNER)
    raised(lease, CancelledError)
    lease.drop()
    following = claim(store, admit(store)).job
    lease.take(following)
    wait_for(lambda: (lease.progress(0.75, "fit"), store.get(following.id).fraction == 0.75)[1])
    lease.progress(1.0, "fit")


def test_overtaken_attempt_is_told(store, lease, job):
    store.release(job.id, 1)
    raised(lease, LostError)


def test_job_over_its_time_is_told(store, lease, job):
    lease.take(replace(job, time_limit=0.05))
    error = raised(lease, RunError)
    assert (error.code, "0.05 s" in error.message) == ("time_limit", True)


def test_job_that_is_over_is_kept_no_longer(store, lease, job):
    lease.drop()
    other = claim(store, admit(store)).job
    lease.take(other)
    renewed(store, other)
    assert store.client.zscore(store.root + "leases", job.id) < store.client.zscore(
        store.root + "leases", other.id
    )


def test_keeper_ends_when_its_worker_does(quick):
    read, write = os.pipe()
    worker = os.fork()
    if worker == 0:
        os.write(write, str(Lease(quick)._pid).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(write)
    pid = int(os.read(read, 20))
    os.close(read)
    os.waitpid(worker, 0)

    def gone():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"

    wait_for(gone)


def in_a_worker(quick, job, work, monkeypatch, grace=60.0):
    """Keep the job in a process of its own that works; its exit code, or the signal that ended it."""
    monkeypatch.setattr(keeper, "GRACE_SECONDS", grace)
    worker = os.fork()
    if worker == 0:
        code = 9
        try:
            lease = Lease(quick, taps=True)
            lease.take(job)
            work(lease)
            code = 0
        except CancelledError:
            code = 1
        except LostError:
            code = 2
        except RunError:
            code = 3
        finally:
            os._exit(code)
    return worker


def sleep(lease):
    """A computation that reports no progress."""
    time.sleep(30)


def deaf(lease):
    """One that the interpreter cannot interrupt."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {keeper.TAP})
    time.sleep(30)


def settling(lease):
    """One whose end is being written."""
    lease.settle()
    time.sleep(1.0)


@pytest.mark.parametrize(("event", "code"), [("cancel", 1), ("lost", 2), ("late", 3)])
def test_computation_without_progress_is_interrupted(store, quick, monkeypatch, event, code):
    job = claim(store, admit(store)).job
    worker = in_a_worker(quick, replace(job, time_limit=0.3 if event == "late" else 60), sleep, monkeypatch)
    if event == "cancel":
        store.cancel(job.id, OWNER)
    elif event == "lost":
        store.release(job.id, 1)
    assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == code


@pytest.mark.parametrize(
    ("event", "end"), [("cancel", Status.CANCELLED), ("late", Status.ERROR), ("lost", Status.SUBMITTED)]
)
def test_computation_that_does_not_react_is_ended_with_its_process(store, quick, monkeypatch, event, end):
    job = claim(store, admit(store)).job
    limit = 0.3 if event == "late" else 60
    worker = in_a_worker(quick, replace(job, time_limit=limit), deaf, monkeypatch, grace=0.3)
    if event == "cancel":
        store.cancel(job.id, OWNER)
    elif event == "lost":
        store.release(job.id, 1)
    assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == -signal.SIGKILL
    over = store.get(job.id)
    assert over.status is end
    if event == "late":
        assert over.error["code"] == "time_limit"


def test_nothing_interrupts_the_end(store, quick, monkeypatch):
    job = claim(store, admit(store)).job
    worker = in_a_worker(quick, replace(job, time_limit=0.2), settling, monkeypatch, grace=0.2)
    assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == 0


def test_worker_without_its_keeper_ends(store, quick, monkeypatch):
    def work(lease):
        os.kill(lease._pid, signal.SIGKILL)
        while True:
            lease.progress(0.5, "fit")

    job = claim(store, admit(store)).job
    worker = in_a_worker(quick, replace(job, time_limit=60.0), work, monkeypatch)
    assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) != 0


def hold_the_interpreter(lease):
    """What a compiled step does that never lets another thread run."""
    ctypes.PyDLL(None).usleep(2_500_000)


def test_computation_that_holds_the_interpreter_keeps_its_lease(store, monkeypatch):
    job = claim(store, admit(store)).job
    worker = in_a_worker(store.settings, replace(job, time_limit=60.0), hold_the_interpreter, monkeypatch)
    while os.waitpid(worker, os.WNOHANG) == (0, 0):
        assert store.sweep() == []  # what would put it back after a second without a beat
    assert store.get(job.id).status is Status.EXECUTING
