"""Taking jobs in, also when the store is full or away."""

import io
from dataclasses import replace

import pytest
from redis.exceptions import OutOfMemoryError, RedisError

from oddline.errors import LimitError, ParameterError
from oddline_workers import blobs
from oddline_workers.connections import celery_url, connect
from oddline_workers.jobs import Status
from oddline_workers.settings import Settings
from oddline_workers.store import JobStore
from oddline_workers.submit import submit
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


def test_store_above_its_headroom_takes_nothing_in(service, monkeypatch):
    monkeypatch.setattr(service.store, "memory_share", lambda: 0.71)
    with pytest.raises(LimitError) as caught:
        service.send()
    assert (caught.value.code, caught.value.status) == ("store_full", 503)
    assert caught.value.retry_after > 0


def test_full_store_refuses_but_running_jobs_end(service):
    store = service.store
    running = service.send("ok")
    attempt = store.claim(running.id, "here:1:1").job.attempt
    store.memory_share()
    before = store.client.config_get("maxmemory")["maxmemory"]
    store.client.config_set("maxmemory", 1)
    try:
        with pytest.raises(LimitError) as caught:
            service.send()
        assert (caught.value.code, caught.value.status) == ("store_full", 503)
        # A large upload fails at its first pieces, a small one at its admission.
        with pytest.raises(LimitError):
            service.send("x" * 3 * blobs.PIECE)
        with pytest.raises(OutOfMemoryError):
            store.client.set("x", "y")
        assert store.beat(running.id, attempt, 0.5, "fit") == "go"
        assert store.finish(running.id, attempt, Status.ERROR, error={"code": "x", "error": "y"})
    finally:
        store.client.config_set("maxmemory", before)
    assert store.list(OWNER)[1] == 1


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


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h:6380/2", "redis://h:6380/2"),
        ("rediss://:pw@h/0", "rediss://:pw@h/0"),
        ("unix:///run/r.sock?db=3", "redis+socket:///run/r.sock?virtual_host=3"),
        ("unix:///run/r.sock", "redis+socket:///run/r.sock?virtual_host=0"),
        ("unix://me:p%40w@/run/r.sock", "redis+socket://me:p%40w@/run/r.sock?virtual_host=0"),
    ],
)
def test_store_as_celery_writes_it(url, expected):
    assert celery_url(Settings(redis_url=url)) == expected


@pytest.mark.parametrize("url", ["", "http://h", "h:6379"])
def test_no_store_is_said_kindly(url):
    with pytest.raises(ParameterError, match="ODDLINE_REDIS_URL"):
        connect(Settings(redis_url=url), "gateway")
