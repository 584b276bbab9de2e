"""The lease: what a worker says of its job, and what it is told."""

from dataclasses import replace

import pytest

from oddline.errors import CancelledError, RunError
from oddline_workers.lease import Lease, LostError
from oddline_workers.store import JobStore
from workers.trials import OWNER, admit, claim, wait_for


@pytest.fixture
def lease(store):
    quick = replace(store.settings, lease_seconds=0.1)
    lease = Lease(JobStore(store.client, quick), quick)
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


def test_progress_reaches_the_record_and_renews_the_lease(store, lease, job):
    lease.progress(0.25, "prepare")
    wait_for(lambda: store.get(job.id).stage == "prepare")
    first = store.client.zscore(store.root + "leases", job.id)
    wait_for(lambda: store.client.zscore(store.root + "leases", job.id) > first)


def test_cancelled_job_is_told_and_the_next_one_is_not(store, lease, job):
    store.cancel(job.id, OWNER)
    raised(lease, CancelledError)
    lease.drop()
    following = claim(store, admit(store)).job
    lease.take(following)
    lease.progress(0.75, "fit")
    wait_for(lambda: store.get(following.id).fraction == 0.75)
    lease.progress(1.0, "fit")


def test_overtaken_attempt_is_told(store, lease, job):
    store.release(job.id, 1)
    raised(lease, LostError)


def test_abandoned_job_is_told(lease, job):
    lease.abandon()
    with pytest.raises(LostError):
        lease.progress(0.5, "fit")


def test_job_over_its_time_is_told(store, job):
    hasty = replace(store.settings, time_limit=0.0)
    lease = Lease(store, hasty)
    lease.take(job)
    assert raised(lease, RunError).code == "time_limit"
    lease.stop()
