"""The moves of a job, against a real server."""

import re
from dataclasses import replace

import pytest
from redis.exceptions import ResponseError

from oddline.errors import JobError, LimitError, RunError
from oddline_workers import blobs
from oddline_workers import store as store_module
from oddline_workers.jobs import LEGAL_MOVES, STAMPS, Job, Status
from oddline_workers.store import JobStore
from workers.trials import OWNER, admit, claim, new_job, wait_for

OTHER = "22222222-2222-4222-8222-222222222222"


def put_result(store, job, attempt=1):
    writer = blobs.Writer(store.client, store.result_key(job.id, attempt))
    writer.add(b"text")
    return writer.manifest(), writer.pipe


def done(store, job, attempt=1):
    manifest, pipe = put_result(store, job, attempt)
    return store.finish(job.id, attempt, Status.DONE, result=manifest, pipe=pipe)


def with_settings(store, **changes):
    return JobStore(store.client, replace(store.settings, **changes))


def test_record_survives_the_store(store):
    job = admit(store, filename="säge,\n“1”.csv", spec={"target_columns": ["a", "b"], "random_state": 3})
    assert store.get(job.id) == job
    assert Job.from_record(job.to_record() | {"of_a_newer_version": "x"}) == job


def test_stamps_are_set_once_and_in_order(store):
    job = admit(store)
    store.queued(job.id)
    first = claim(store, job).job
    assert first.submitted <= first.queued <= first.execution_started
    assert store.release(job.id, 1)
    store.queued(job.id)
    second = claim(store, job).job
    assert [getattr(second, name) for name in STAMPS] == [getattr(first, name) for name in STAMPS]
    assert second.started > first.started
    assert done(store, job, 2)
    last = store.get(job.id)
    assert last.done >= last.started


def test_worker_quicker_than_the_submitter_sets_both_stamps(store):
    job = admit(store)
    claimed = claim(store, job).job
    assert claimed.queued == claimed.execution_started > 0
    store.queued(job.id)
    assert store.get(job.id) == claimed


def test_stamps_never_decrease_when_the_clock_is_set_back(store):
    job = admit(store)
    later = store.now() + 60_000_000
    store.client.hset(f"{store.root}job:{job.id}", "submitted", later)
    claimed = claim(store, job).job
    assert claimed.submitted == claimed.queued == claimed.execution_started == later


@pytest.mark.parametrize("start", list(Status))
@pytest.mark.parametrize(
    "move", ["queued", "claim", "done", "error", "cancelled", "release", "lost", "cancel"]
)
def test_every_step_from_every_status_makes_a_legal_move_or_none(store, start, move):
    job = admit(store)
    if start not in (Status.SUBMITTED, Status.QUEUED):
        claim(store, job)
    if start.over:
        done(store, job) if start is Status.DONE else store.finish(job.id, 1, start)
    if start is Status.QUEUED:
        store.queued(job.id)
    before = store.get(job.id)
    assert before.status is start
    if move == "queued":
        store.queued(job.id)
    elif move == "claim":
        claim(store, job)
    elif move == "done":
        done(store, job)
    elif move in ("error", "cancelled"):
        store.finish(job.id, 1, Status(move), error={"code": move})
    elif move in ("release", "lost"):
        store.release(job.id, 1, lost=move == "lost")
    else:
        store.cancel(job.id, OWNER)
    after = store.get(job.id)
    target = {"queued": Status.QUEUED, "claim": Status.EXECUTING, "release": Status.SUBMITTED,
              "lost": Status.SUBMITTED, "cancel": Status.CANCELLED}.get(move) or Status(move)  # fmt: skip
    # Running jobs are cancelled by their beat; the outside never finishes a waiting one.
    expected = target in LEGAL_MOVES[start] and not (move == "cancel" and start is Status.EXECUTING)
    if start in (Status.SUBMITTED, Status.QUEUED) and move in ("error", "cancelled", "release", "lost"):
        expected = False
    assert after.status is (target if expected else start)
    if start.over:
        assert after == before


@pytest.mark.parametrize("forbidden", ["submitted>queued", "submitted>executing", "submitted>cancelled"])
def test_scripts_obey_the_table_of_moves(store, monkeypatch, forbidden):
    job = admit(store)
    moves = store_module._LEGAL.replace(forbidden, "").split()
    monkeypatch.setattr(store_module, "_LEGAL", " ".join(moves))
    names = ("queued", "claim", "cancel")
    monkeypatch.setattr(store_module, "_SCRIPTS", {name: store_module._script(name) for name in names})
    if forbidden.endswith("queued"):
        store.queued(job.id)
    else:
        with pytest.raises(ResponseError, match="ILLEGAL"):
            claim(store, job) if "executing" in forbidden else store.cancel(job.id, OWNER)
    assert store.get(job.id).status is Status.SUBMITTED


def test_only_the_latest_attempt_may_speak(store):
    job = admit(store)
    assert claim(store, job).verdict == "go"
    assert claim(store, job).verdict == "busy"
    store.release(job.id, 1)
    assert claim(store, job).job.attempt == 2
    assert store.beat(job.id, 1, 0.1, "fit") == "lost"
    assert not done(store, job, 1)
    assert not store.client.exists(store.result_key(job.id, 1))
    assert store.beat(job.id, 2, 0.1, "fit") == "go"
    assert done(store, job, 2)
    assert not store.finish(job.id, 1, Status.ERROR)
    assert claim(store, job).verdict == "over"


def test_repeating_a_call_whose_reply_was_lost_is_harmless(store):
    job = admit(store)
    assert store.admit(job).submitted == job.submitted
    first = store.claim(job.id, "here:1:same")
    assert store.claim(job.id, "here:1:same") == first
    assert done(store, job)
    assert done(store, job)
    assert store.cancel(job.id, OWNER).status is Status.DONE


def test_retry_that_writes_pieces_again_does_not_shorten_their_life(store):
    job = admit(store)
    admit(store, id=job.id)
    assert store.client.pttl(store.payload_key(job.id)) == -1
    claim(store, job)
    assert done(store, job)
    assert done(store, job)
    kept, record = (
        store.client.pttl(key) for key in (store.result_key(job.id, 1), f"{store.root}job:{job.id}")
    )
    assert abs(kept - record) < 1000


def test_claim_brings_the_payload_along(store):
    job = admit(store, b"abc")
    assert claim(store, job).head == b"abc"


def test_exactly_the_limit_is_admitted(store):
    small = with_settings(store, queue_limit=3)
    jobs = [admit(small, lane=lane) for lane in ("cpu", "gpu", "cpu")]
    refused = new_job()
    writer = blobs.Writer(store.client, store.payload_key(refused.id))
    writer.add(b"x")
    with pytest.raises(LimitError) as caught:
        small.admit(replace(refused, payload=writer.manifest()), writer.pipe)
    error = caught.value
    assert (error.code, error.status) == ("queue_full", 503)
    assert error.retry_after > 0
    # Nothing of the refused job is left.
    assert not [key for key in store.client.scan_iter("*") if refused.id.encode() in key]
    claim(store, jobs[0])
    admit(small)


def test_incomplete_payload_is_not_admitted(store):
    job = new_job(payload={"pieces": [[3, 1], [3, 1]], "stored": 6})
    store.client.hset(store.payload_key(job.id), "0", b"abc")
    with pytest.raises(RunError):
        store.admit(job)
    with pytest.raises(JobError):
        store.get(job.id)


def test_result_with_a_missing_piece_is_not_finished(store):
    job = admit(store)
    claim(store, job)
    with pytest.raises(RunError):
        store.finish(job.id, 1, Status.DONE, result={"pieces": [[4, 0]], "stored": 4})
    assert store.get(job.id).status is Status.EXECUTING


def test_lost_worker_is_noticed_and_the_job_put_back(store):
    quick = with_settings(store, lease_seconds=0.02, max_attempts=2)
    job = admit(quick)
    claim(quick, job)
    assert wait_for(quick.sweep) == [("cpu", job.id)]
    back = store.get(job.id)
    assert (back.status, back.losses) == (Status.SUBMITTED, 1)
    claim(quick, job)
    wait_for(lambda: (quick.sweep(), store.get(job.id).status)[1] is Status.ERROR)
    assert store.get(job.id).error["code"] == "worker_lost"


def test_lost_worker_of_a_job_over_its_time_is_not_replaced(store):
    quick = with_settings(store, lease_seconds=0.02)
    job = admit(quick, time_limit=0.015)
    claim(quick, job)
    wait_for(lambda: (quick.sweep(), store.get(job.id).status)[1] is Status.ERROR)
    error = store.get(job.id).error
    assert error["code"] == "time_limit"
    assert "longer than 0.015 s" in error["error"]


def ended_waiting(store, *jobs):
    quick = with_settings(store, waiting_hours=0.02 / 3600)
    wait_for(lambda: (quick.sweep(), all(store.get(job.id).status is Status.ERROR for job in jobs))[1])
    for job in jobs:
        over = store.get(job.id)
        assert (over.error["code"], over.done >= over.submitted) == ("waited_too_long", True)
        assert claim(store, job).verdict == "over"
        # What it kept goes with its record.
        assert 0 < store.client.pttl(store.payload_key(job.id)) <= store._ttl
    assert not store.client.zcard(store.root + "outbox")


def test_job_that_no_worker_takes_ends(store):
    submitted, queued, put_back, running = (admit(store, lane=lane) for lane in ("cpu", "gpu", "cpu", "cpu"))
    store.queued(queued.id)
    store.client.lpush(f"{store.root}bell:gpu", "message")
    claim(store, put_back)
    store.release(put_back.id, 1)
    claim(store, running)
    assert {job_id for _, job_id in store.sweep()} == {put_back.id}  # a day is not over
    ended_waiting(store, submitted, queued, put_back)
    assert store.get(running.id).status is Status.EXECUTING


def test_job_whose_message_is_lost_again_and_again_ends(store):
    job = admit(store)
    store.queued(job.id)
    store.client.hset(f"{store.root}job:{job.id}", "submitted", job.submitted - 3_600_000_000)
    late = with_settings(store, waiting_hours=1.0)
    late._due = 10_000
    wait_for(lambda: (late.sweep(), store.get(job.id).status)[1] is Status.ERROR)
    assert store.get(job.id).error["code"] == "waited_too_long"


def test_messages_of_jobs_that_are_over_do_not_pile_up(store):
    waiting = admit(store)
    store.queued(waiting.id)
    bell = f"{store.root}bell:cpu"
    store.client.lpush(bell, *map(str, range(1000)))
    store.sweep()
    left = store.client.lrange(bell, 0, -1)
    assert 1 < len(left) <= 201
    assert left[0] == b"999"  # the newest stay


def test_scripts_know_every_lane(store, monkeypatch):
    monkeypatch.setattr(store_module, "_LANES", "'cpu', 'tpu'")
    names = ("admit", "queued", "sweep")
    monkeypatch.setattr(store_module, "_SCRIPTS", {name: store_module._script(name) for name in names})
    small = with_settings(store, queue_limit=1)
    small._due = 10_000
    job = admit(small, lane="tpu")
    small.queued(job.id)
    assert wait_for(small.sweep) == [("tpu", job.id)]
    with pytest.raises(LimitError):
        admit(small)


def test_release_does_not_count_as_a_loss(store):
    job = admit(store)
    for attempt in range(1, 6):
        assert claim(store, job).job.attempt == attempt
        assert store.release(job.id, attempt)
    assert store.get(job.id).losses == 0


def test_cancelling(store):
    waiting, running, lost = (admit(store) for _ in range(3))
    assert store.cancel(waiting.id, OWNER).status is Status.CANCELLED
    assert claim(store, waiting).verdict == "over"
    assert not store.client.exists(store.payload_key(waiting.id))
    claim(store, running)
    assert store.cancel(running.id, OWNER).cancel
    assert store.beat(running.id, 1, 0.5, "fit") == "cancel"
    assert store.finish(running.id, 1, Status.CANCELLED)
    # A worker that is lost or stops before it learns of it.
    claim(store, lost)
    store.cancel(lost.id, OWNER)
    store.release(lost.id, 1)
    assert store.get(lost.id).status is Status.CANCELLED
    # At the moment of finishing: who was told that the job will be cancelled finds it cancelled.
    for end in (done, lambda store, job: store.finish(job.id, 1, Status.ERROR, error={})):
        ended = admit(store)
        claim(store, ended)
        store.cancel(ended.id, OWNER)
        assert end(store, ended) is end(store, ended) is Status.CANCELLED
        assert store.get(ended.id).status is Status.CANCELLED
        assert not store.client.exists(store.result_key(ended.id, 1), store.payload_key(ended.id))


def test_sweep_names_each_lost_message_once_in_a_while(store, monkeypatch):
    quick = with_settings(store)
    quick._due = 30_000
    never_published = admit(quick, lane="gpu")
    stolen = admit(quick)
    quick.queued(stolen.id)
    named = set()
    wait_for(lambda: named.update(quick.sweep()) or len(named) == 2)
    assert named == {("gpu", never_published.id), ("cpu", stolen.id)}
    # A message that is still in its list is not missed.
    for job in (never_published, stolen):
        quick.queued(job.id)
        store.client.lpush(f"{store.root}bell:{job.lane}", "message")
    now = store.now()
    wait_for(lambda: store.now() > now + 60_000)
    assert quick.sweep() == []


@pytest.mark.parametrize(
    "job_id", ["", "*", "x" * 36, "../job", "11111111-1111-4111-8111-11111111111G", "a\nb", OTHER.upper()]
)
def test_malformed_ids_touch_no_key(store, job_id):
    for call in (store.get, lambda i: store.cancel(i, OWNER)):
        with pytest.raises(JobError) as caught:
            call(job_id)
        assert caught.value.status == 404
    assert store.claim(job_id, "here:1:1").verdict == "gone"


def test_jobs_of_others_are_unknown(store):
    job = admit(store)
    assert store.get(job.id, OWNER) == job
    for call in (store.get, store.cancel):
        with pytest.raises(JobError) as caught:
            call(job.id, OTHER)
        assert caught.value.status == 404
    assert store.get(job.id).status is Status.SUBMITTED


def test_list_is_newest_first_by_pages_and_by_status(store):
    jobs = [admit(store) for _ in range(5)]
    admit(store, owner=OTHER)
    claim(store, jobs[1])
    claim(store, jobs[3])
    listed, total = store.list(OWNER, limit=2, offset=1)
    assert total == 5
    assert [job.id for job in listed] == [jobs[3].id, jobs[2].id]
    listed, total = store.list(OWNER, limit=1, status=Status.EXECUTING)
    assert total == 2
    assert [job.id for job in listed] == [jobs[3].id]


def test_expired_jobs_leave_everything(store):
    quick = with_settings(store, result_days=0.05 / 86_400)
    job = admit(quick)
    claim(quick, job)
    assert done(quick, job)

    def expired():
        quick.sweep()
        return store.list(OWNER) == ([], 0)

    wait_for(expired)
    with pytest.raises(JobError):
        store.get(job.id)
    pattern = re.escape(job.id).encode()
    assert not [key for key in store.client.scan_iter(store.root + "*") if re.search(pattern, key)]
    assert not store.client.zcard(store.root + "expiry")


def test_scripts_survive_a_server_that_forgot_them(store):
    job = admit(store)
    store.client.script_flush()
    assert claim(store, job).verdict == "go"
    store.client.script_flush()
    assert done(store, job)
