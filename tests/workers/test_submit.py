"""Taking jobs in, also when the store is full or away."""

import io
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
from redis.exceptions import NoPermissionError, OutOfMemoryError, RedisError

from oddline.errors import LimitError
from oddline_workers import blobs
from oddline_workers.connections import connect
from oddline_workers.jobs import Status
from oddline_workers.store import JobStore
from oddline_workers.submit import HEADROOM, submit
from oddline_workers.tasks import Process
from workers.detections import detection
from workers.trials import OWNER, Service

FIELDS = {
    "owner": OWNER,
    "dialect": "ibm",
    "lane": "cpu",
    "spec": {"recent_data": 2},
    "filename": "a\ud800.csv",
}


@pytest.mark.parametrize("size", [0, 1, blobs.PIECE, 2 * blobs.PIECE + 1])
def test_upload_is_stored_as_it_came(service, size):
    data = bytes(range(251)) * (size // 251 + 1)
    job = submit(service.store, service.app, data=io.BytesIO(data[:size]), **FIELDS)
    assert job.status is Status.QUEUED
    kept = service.store.get(job.id)
    assert (kept.size, kept.spec, kept.filename) == (size, {"recent_data": 2}, "a?.csv")
    pieces = [*blobs.read(service.client, service.store.payload_key(job.id), kept.payload)]
    assert b"".join(pieces) == data[:size]
    assert max(map(len, pieces)) <= blobs.PIECE
    # Adopted: it stays until its job is over.
    assert service.client.pttl(service.store.payload_key(job.id)) == -1


@contextmanager
def memory_left(client, left):
    """The store with so many bytes of memory left; it holds what it held."""
    before = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", max(1, client.info("memory")["used_memory"] + left))
    try:
        yield
    finally:
        client.config_set("maxmemory", before)


def kept_bytes(store):
    keys = [key for kind in ("payload:*", "result:*") for key in store.client.scan_iter(store.root + kind)]
    return sum(store.client.memory_usage(key) for key in keys)


def refused(call, *args):
    with pytest.raises(LimitError) as caught:
        call(*args)
    assert (caught.value.code, caught.value.status) == ("store_full", 503)
    assert caught.value.retry_after > 0


def test_store_above_its_headroom_takes_nothing_in(service, monkeypatch):
    used = service.client.info("memory")["used_memory"]
    limit = 3 * used + 16 * blobs.PIECE
    monkeypatch.setattr(service.store.client, "info", lambda _: {"used_memory": used, "maxmemory": limit})
    room = int(HEADROOM * limit) - used
    # Counted with what is about to come, and with what came since the store was asked.
    refused(service.send, "x" * (room + 1))
    service.send("x" * (room - 1))
    refused(service.send, "xx")
    monkeypatch.setattr(service.store.client, "info", lambda _: {"used_memory": used})
    service.store._ask_memory = 0.0
    service.send("xx")


def test_store_that_keeps_its_memory_to_itself_lets_jobs_in(service, monkeypatch):
    monkeypatch.setattr(service.store.client, "info", Mock(side_effect=NoPermissionError("info")))
    assert service.store.has_room(1 << 40, HEADROOM)


@pytest.mark.parametrize("pieces", [0.5, 3, 6.5])
def test_full_store_refuses_and_keeps_nothing_of_the_upload(service, monkeypatch, pieces):
    monkeypatch.setattr(service.store, "has_room", lambda *_: True)
    # Room for some pieces but not for all, for none, or for all but the record.
    with memory_left(service.client, int(min(pieces - 0.4, 4) * blobs.PIECE) if pieces > 1 else -(1 << 40)):
        refused(service.send, "x" * int(pieces * blobs.PIECE))
    assert kept_bytes(service.store) == 0
    assert service.store.list(OWNER)[1] == 0


def test_upload_that_breaks_off_keeps_no_room(service):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= 3 * blobs.PIECE:
                raise OSError("gone")
            return super().read(size)

    with pytest.raises(OSError, match="gone"):
        submit(service.store, service.app, data=Broken(bytes(4 * blobs.PIECE)), **FIELDS)
    assert kept_bytes(service.store) == 0


def test_running_jobs_end_in_a_full_store(service):
    store = service.store
    running = service.send("ok")
    attempt = store.claim(running.id, "here:1:1").job.attempt
    with memory_left(store.client, -(1 << 40)):
        with pytest.raises(OutOfMemoryError):
            store.client.set("x", "y")
        assert store.beat(running.id, attempt, 0.5, "fit") == "go"
        assert store.finish(running.id, attempt, Status.ERROR, error={"code": "x", "error": "y"})


@pytest.mark.parametrize("rows", [3, 300_000])
def test_result_without_room_fails_its_job_at_once(service, rows):
    found = detection(rows, score=np.random.default_rng(0).random(rows))
    process = Process(service.settings, lambda *_: found)
    job = service.send("ok")
    with memory_left(service.client, 2 * blobs.PIECE if rows > 3 else -(1 << 40)):
        assert process.work(job.id) == "error"
    process.close()
    over = service.store.get(job.id)
    assert (over.error["code"], over.attempt) == ("store_full", 1)
    assert not service.client.exists(service.store.result_key(job.id, 1))


def test_job_is_admitted_though_its_message_cannot_be_sent(settings, service, tmp_path):
    away = Service(replace(settings, redis_url=f"unix://{tmp_path}/none.sock?db=0"), tmp_path)
    job = submit(service.store, away.app, data=io.BytesIO(b"ok"), **FIELDS)
    away.app.close()
    assert job.status is Status.SUBMITTED
    assert service.client.zscore(service.settings.key_prefix + "outbox", job.id)


def test_store_that_is_away_is_told_within_seconds(settings, service, tmp_path):
    away = replace(settings, redis_url=f"unix://{tmp_path}/none.sock?db=0")
    with pytest.raises(RedisError):
        submit(JobStore(connect(away, "gateway"), away), service.app, data=io.BytesIO(b"ok"), **FIELDS)


def test_job_is_acknowledged_when_the_journal_of_the_store_has_it(service, monkeypatch):
    answers = iter([1, 1, 0])
    asked = []

    def info(section):
        asked.append(section)
        return {"aof_pending_bio_fsync": next(answers)} if section == "persistence" else {"used_memory": 0}

    monkeypatch.setattr(service.store.client, "info", info)
    job = service.send()
    assert asked == ["memory", "persistence", "persistence", "persistence"]
    assert service.store.get(job.id).status is Status.QUEUED
