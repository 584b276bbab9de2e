"""Real workers, a real server: jobs from submission to their end."""

import json

import pytest

from oddline_workers import results
from oddline_workers.jobs import STAMPS, Status
from workers.trials import OWNER, wait_for

pytestmark = pytest.mark.service


def over(store, job):
    def settled():
        found = store.get(job.id)
        return found if found.status.over else None

    return wait_for(settled)


def test_job_is_done_and_its_result_readable(store, client, send, processes):
    job = send("ok")
    assert job.status is Status.QUEUED
    processes.worker()
    done = over(store, job)
    assert done.status is Status.DONE
    stamps = [getattr(done, name) for name in STAMPS]
    assert stamps == sorted(stamps)
    assert stamps[0] > 0
    assert done.fraction == 1.0
    length, chunks = results.stream(
        client, store.result_key(done.id, done.attempt), done, b'{"result":', b"}", gzip=False
    )
    body = b"".join(chunks)
    assert len(body) == length
    assert [row["label"] for row in json.loads(body)["result"]["rows"]] == [1, 1, -1]
    assert not client.exists(store.payload_key(job.id))
    assert store.list(OWNER) == ([done], 1)
