"""A real worker and a real janitor: jobs from submission to their end."""

import json

import pytest

from oddline_workers import results
from oddline_workers.jobs import STAMPS, Status
from workers.trials import OWNER, wait_for

pytestmark = pytest.mark.service


def test_job_is_done_and_its_result_readable(running_service):
    s = running_service
    job = s.send("ok")
    assert job.status is Status.QUEUED
    (done,) = s.over(job)
    assert done.status is Status.DONE
    stamps = [getattr(done, name) for name in STAMPS]
    assert stamps == sorted(stamps)
    assert stamps[0] > 0
    assert done.fraction == 1.0
    key = s.store.result_key(done.id, done.attempt)
    length, chunks = results.stream(s.client, key, done, b'{"result":', b"}", gzip=False)
    body = b"".join(chunks)
    assert len(body) == length
    assert [row["label"] for row in json.loads(body)["result"]["rows"]] == [1, 1, -1]
    # The upload is gone, and result and record expire together.
    assert not s.client.exists(s.store.payload_key(job.id))
    lives = s.client.pttl(key), s.client.pttl(f"{s.store.root}job:{job.id}")
    assert lives == pytest.approx((7 * 86_400_000,) * 2, abs=60_000)


def test_failures_are_told_and_the_worker_lives(running_service):
    s = running_service
    bad, bug, good = s.over(s.send("bad"), s.send("bug"), s.send("ok"))
    assert bad.status is Status.ERROR
    assert bad.error == {"code": "bad_data", "error": "row 3 has no time", "row": 3}
    assert bug.error["code"] == "internal"
    assert good.status is Status.DONE
    # The upload of a failed job is kept, for as long as its record.
    assert s.client.pttl(s.store.payload_key(bad.id)) > 0


def test_progress_and_cancellation_of_a_running_job(running_service):
    s = running_service
    job = s.send("sleep 60")
    wait_for(lambda: s.store.get(job.id).stage == "sleeping")
    assert s.store.get(job.id).fraction == 0.5
    assert s.store.cancel(job.id, OWNER).status is Status.EXECUTING
    (cancelled,) = s.over(job)
    assert cancelled.status is Status.CANCELLED
    assert s.over(s.send("ok"))[0].status is Status.DONE
