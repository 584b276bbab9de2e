"""Jobs that are no detections: found under their kind, waiting for others, put back for later, forgotten."""

import io
import sys
from types import SimpleNamespace

import pytest

from oddline.errors import DataError, JobError
from oddline_workers import blobs, runner
from oddline_workers.jobs import Job, LaterError, Status
from oddline_workers.submit import retry, submit
from oddline_workers.tasks import Process
from workers.trials import OWNER, admit, claim, new_job, wait_for

STRANGER = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def work(monkeypatch, store):
    """A function that sets what sessions do, and one that does the next attempt of a job."""
    kept = SimpleNamespace(work=None)
    monkeypatch.setitem(sys.modules, "a_kind_of_work", kept)
    monkeypatch.setitem(runner.WORK, "session", "a_kind_of_work")
    monkeypatch.setitem(runner.WORK, "import", "a_kind_of_work")
    process = Process(store.settings, runner.detect)

    def play(job, does):
        kept.work = does
        return process.work(job.id)

    yield play
    process.close()


def nothing(job, client, settings, progress, data):
    writer = blobs.Writer(client, f"{settings.key_prefix}result:{job.id}:{job.attempt}")
    return writer.manifest(rows=3), writer.pipe


def test_are_listed_under_their_kind_and_among_all(store):
    detection, session, callback = (admit(store, kind=kind) for kind in ("detect", "session", "callback"))
    assert {job.id for job in store.list(OWNER)[0]} == {detection.id, session.id}
    assert [job.id for job in store.list(OWNER, kind="session")[0]] == [session.id]
    assert store.list(OWNER, kind="import") == ([], 0)
    assert store.get(callback.id).kind == "callback"


def test_are_sketched_without_what_was_asked_for_but_for_some_words(store):
    jobs = [admit(store, kind="session", spec={"name": f"n{n}", "columns": {}}) for n in range(120)]
    for words, spec in (((), {}), (("name", "none"), {"name": "n119", "none": None})):
        found = store.sketches(OWNER, "session", *words)
        assert [job.id for job in found] == [job.id for job in reversed(jobs)]
        assert found[0].spec == spec
        assert (found[0].status, found[0].filename) == (jobs[0].status, jobs[0].filename)
    assert [job.spec["name"] for job in store.many([jobs[n].id for n in range(110)])][-1] == "n109"


def test_leave_every_index_when_they_expire(store):
    job = admit(store, kind="session")
    store.cancel(job.id, OWNER)
    client, root = store.client, store.root
    for entry in client.zrange(root + "expiry", 0, -1):
        client.zadd(root + "expiry", {entry: 1})
    client.unlink(f"{root}job:{job.id}")
    store.sweep()
    assert not client.exists(f"{root}owner:{OWNER}", f"{root}owner:{OWNER}:session", root + "expiry")


def test_are_worked_on_where_their_kind_says_and_keep_what_came_of_it(store, work):
    job = admit(store, kind="session", data=b"what is to be done")
    seen = []

    def does(*told):
        seen.append(told[-1])
        return nothing(*told)

    assert work(job, does) == "done"
    assert seen == [b"what is to be done"]
    assert store.get(job.id).result == {"pieces": [], "stored": 0, "rows": 3}


def test_one_that_waits_for_others_holds_no_worker_and_is_rung_for_again(store, work):
    first, second = admit(store, kind="import"), admit(store, kind="import")
    job = admit(store, kind="session", after=f"{first.id} {second.id}")
    store.queued(job.id)
    for before in (first, second):
        assert work(job, nothing) == "wait"
        waiting = store.get(job.id)
        assert (waiting.status, waiting.attempt, waiting.execution_started) == (Status.QUEUED, 0, 0)
        assert wait_for(lambda: ("cpu", job.id) in store.sweep(), seconds=1.0)
        store.cancel(before.id, OWNER)
    assert work(job, nothing) == "done"


def test_the_time_that_others_take_is_not_waited_too_long(store):
    first = admit(store, kind="session")
    job = admit(store, kind="callback", after=first.id)

    def a_day_ago(job, stamp):
        moment = store.now() - 25 * 3_600_000_000
        store.client.hset(f"{store.root}job:{job.id}", stamp, moment)
        store.client.zadd(f"{store.root}pending:cpu", {job.id: moment}, xx=True)
        store.sweep()

    claim(store, first)
    a_day_ago(job, "submitted")
    assert store.get(job.id).status is Status.SUBMITTED
    store.finish(first.id, 1, Status.ERROR, error=DataError("no").to_dict())
    a_day_ago(job, "submitted")
    assert store.get(job.id).status is Status.SUBMITTED
    a_day_ago(first, "done")
    a_day_ago(job, "submitted")
    assert store.get(job.id).error["code"] == "waited_too_long"


def test_a_session_that_nobody_takes_does_not_end_with_the_callback_that_tells_of_it(store):
    first = admit(store, kind="session")
    job = admit(store, kind="callback", after=first.id)
    moment = store.now() - 25 * 3_600_000_000
    for one in (first, job):
        store.client.hset(f"{store.root}job:{one.id}", "submitted", moment)
        store.client.zadd(f"{store.root}pending:cpu", {one.id: moment})
    store.sweep()
    assert [store.get(one.id).status for one in (first, job)] == [Status.ERROR, Status.SUBMITTED]


def test_one_that_waited_for_what_is_gone_starts(store, work):
    job = admit(store, kind="session", after="11111111-1111-4111-8111-111111111111")
    assert work(job, nothing) == "done"


def test_one_that_comes_back_later_is_not_rung_for_before_and_loses_nothing(store, work):
    job = admit(store, kind="session")

    def later(*_):
        raise LaterError(0.3)

    begun = store.now()
    assert work(job, later) == "put back"
    put_back = store.get(job.id)
    assert (put_back.status, put_back.losses) == (Status.SUBMITTED, 0)
    wait_for(lambda: ("cpu", job.id) in store.sweep(), seconds=2.0)
    assert store.now() - begun >= 0.3e6
    assert work(job, nothing) == "done"
    assert store.get(job.id).attempt == 2


@pytest.mark.parametrize(("kind", "kept"), [("import", 0), ("session", 0), ("detect", 1)])
def test_only_a_failed_detection_keeps_its_payload(store, kind, kept):
    job = admit(store, kind=kind, data=b"a password")
    claim(store, job)
    assert store.finish(job.id, 1, Status.ERROR, error=DataError("no").to_dict())
    assert store.client.exists(store.payload_key(job.id)) == kept


@pytest.mark.parametrize("state", ["waiting", "executing", "done"])
def test_a_forgotten_one_leaves_nothing_behind(store, work, state):
    job = admit(store, kind="session")
    if state == "executing":
        claim(store, job)
        writer = blobs.Writer(store.client, store.result_key(job.id, 1))
        writer.add(b"text")
        writer.pipe.execute()
    if state == "done":
        work(job, nothing)
    assert not store.forget(job.id, STRANGER)
    assert not store.forget("*", OWNER)
    assert store.get(job.id)
    assert store.forget(job.id, OWNER)
    assert not store.forget(job.id, OWNER)
    with pytest.raises(JobError, match="is known"):
        store.get(job.id)
    assert [key for key in store.client.scan_iter(store.root + "*") if job.id.encode() in key] == []
    assert store.list(OWNER) == store.list(OWNER, kind="session") == ([], 0)
    assert store.beat(job.id, 1, 0.5, "") == "lost"
    assert store.finish(job.id, 1, Status.DONE, result={"pieces": []}) is None
    assert store.sweep() == []


@pytest.mark.parametrize("kind", ["session", "import", "callback"])
def test_a_failed_one_is_not_done_again_but_asked_for_again(service, kind):
    store = service.store
    job = admit(store, kind=kind)
    claim(store, job)
    store.finish(job.id, 1, Status.ERROR, error=DataError("no").to_dict())
    with pytest.raises(JobError, match=f"of the kind {kind}, whose request was not kept") as met:
        retry(store, service.app, job.id, OWNER)
    assert met.value.status == 409


def test_a_forgotten_one_is_so_in_the_journal(store, monkeypatch):
    job = admit(store, kind="session")
    left = []
    monkeypatch.setattr(
        store, "await_journal", lambda: left.append(store.client.exists(f"{store.root}job:{job.id}"))
    )
    assert store.forget(job.id, OWNER)
    assert left == [0]


def test_submitted_with_what_it_waits_for(service):
    store = service.store
    first = admit(store, kind="import")
    job = submit(
        store, service.app, owner=OWNER, dialect="nexosis", lane="cpu", spec={"dataSourceName": "a"},
        data=io.BytesIO(b""), filename="a", kind="session", after=first.id,
    )  # fmt: skip
    assert (job.kind, job.after, job.dialect) == ("session", first.id, "nexosis")
    assert Job.from_record(job.to_record()) == job
    assert new_job().kind == "detect"
