"""Callbacks: an address is told of a session, tried again for a while, and told of nothing else."""

import json
import logging

import pytest

from oddline_workers import runner
from oddline_workers.callbacks import WAITS
from oddline_workers.jobs import Status
from oddline_workers.sessions.document import describe
from oddline_workers.tasks import Process
from workers.imports.remote import answer, remote
from workers.trials import OWNER, admit, trial_settings

TOKEN = "a-token-of-the-client"
BASE = "http://host/v1"
STRANGER = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def settings(server_url):
    return trial_settings(server_url, outbound_networks="127.0.0.0/8")


@pytest.fixture
def there():
    with remote() as there:
        there.says["/told"] = answer(b"thanks")
        yield there


@pytest.fixture
def session(store):
    """A session that is over."""
    spec = {"dataSourceName": "hearts", "base": BASE, "columns": {}}
    job = admit(store, kind="session", dialect="nexosis", spec=spec)
    return store.cancel(job.id, OWNER)


@pytest.fixture
def call(store, session, there):
    """A function that makes a callback for the session."""

    def called(url=None, **changes):
        spec = {"session": session.id, "url": url or there.url("/told")}
        data = TOKEN.encode()
        return admit(
            store, data=data, kind="callback", dialect="nexosis", after=session.id, spec=spec, **changes
        )

    return called


@pytest.fixture
def work(store):
    process = Process(store.settings, runner.detect)
    yield lambda job: process.work(job.id)
    process.close()


def test_the_address_is_sent_the_session_with_the_token(store, there, session, call, work):
    job = call()
    assert work(job) == "done"
    assert json.loads(there.bodies[0]) == describe(session, BASE)
    [head] = there.asked
    lines = head.lower().splitlines()
    assert lines[0] == "post /told http/1.1"
    assert f"nexosis-webhook-token: {TOKEN}" in lines
    assert "content-type: application/json; charset=utf-8" in lines
    assert TOKEN.encode() not in there.bodies[0]
    assert store.get(job.id).result["told"] is True


def test_it_waits_for_the_session(store, there, call, work, session):
    running = admit(store, kind="session", spec=dict(session.spec))
    job = admit(
        store, kind="callback", after=running.id, spec={"session": running.id, "url": there.url("/told")}
    )
    assert work(job) == "wait"
    assert there.asked == []


@pytest.mark.parametrize("status", ["201 Created", "204 No Content"])
def test_every_status_of_success_ends_it(there, call, work, status):
    there.says["/told"] = answer(status=status)
    assert work(call()) == "done"


@pytest.mark.parametrize("status", ["500 No", "404 Not Found", "301 Moved Permanently"])
def test_another_status_is_tried_again_with_growing_waits_until_it_is_given_up(
    store, there, call, work, status
):
    there.says["/told"] = answer(status=status, location="/elsewhere")
    there.says["/elsewhere"] = answer()
    job = call()
    for wait in WAITS:
        before = store.now()
        assert work(job) == "put back"
        due = store.client.zscore(store.root + "outbox", job.id)
        assert before + wait * 1e6 <= due <= store.now() + wait * 1e6
    assert work(job) == "error"
    ended = store.get(job.id)
    assert (ended.status, ended.error["code"], ended.losses) == (Status.ERROR, "not_delivered", 0)
    assert f"after 6 tries: it answered {status[:3]}" in ended.error["error"]
    assert [head.split()[1] for head in there.asked] == ["/told"] * 6


def test_one_that_is_not_there_at_first_is_told_later(there, call, work):
    there.says["/told"] = lambda wire: None  # it hangs up
    job = call()
    assert work(job) == "put back"
    there.says["/told"] = answer()
    assert work(job) == "done"


def test_a_lost_worker_takes_no_try_away(store, there, call, work):
    there.says["/told"] = answer(status="500 No")
    job = call()
    claimed = store.claim(job.id, "here:1:lost").job
    store.release(job.id, claimed.attempt, lost=True)
    before = store.now()
    assert work(job) == "put back"
    assert store.client.zscore(store.root + "outbox", job.id) < before + WAITS[1] * 1e6


@pytest.mark.parametrize("url", ["http://10.0.0.1/told", "ftp://a/b", "http://[::1"])
def test_an_address_that_is_refused_is_not_tried_again(store, call, work, url):
    job = call(url)
    assert work(job) == "error"
    assert store.get(job.id).error["code"] in ("address_refused", "bad_address")


def test_of_a_session_that_was_deleted_nobody_is_told(store, there, session, call, work):
    job = call()
    store.forget(session.id, OWNER)
    assert work(job) == "done"
    assert there.asked == []
    assert store.get(job.id).result["told"] is False


def test_nobody_is_told_of_a_session_of_another_client(there, call, work):
    assert work(call(owner=STRANGER)) == "done"
    assert there.asked == []


def test_the_token_is_in_no_log(there, call, work, caplog, capfd):
    there.says["/told"] = answer(status="500 " + TOKEN)
    caplog.set_level(logging.WARNING)  # of libraries no more is ever written
    job = call()
    assert [work(job) for _ in range(len(WAITS) + 1)][-1] == "error"
    assert there.asked
    said = "".join(capfd.readouterr()) + caplog.text
    assert TOKEN not in said
    assert "/told" not in said


@pytest.mark.parametrize(("status", "tries"), [("200 OK", 1), ("500 No", len(WAITS) + 1)])
def test_the_token_is_gone_with_the_end_of_it(store, there, call, work, status, tries):
    there.says["/told"] = answer(status=status)
    job = call()
    assert [work(job) for _ in range(tries)][-1] in ("done", "error")
    assert not store.client.exists(store.payload_key(job.id))
    assert TOKEN not in str(store.client.hgetall(f"{store.root}job:{job.id}"))
