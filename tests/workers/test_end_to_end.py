"""Real workers, a real server: jobs from submission to their end, through every fault tried."""

import json
import os
import signal

import pytest
from workers.trials import OWNER, wait_for

from oddline_workers import results
from oddline_workers.jobs import STAMPS, Status

pytestmark = pytest.mark.service


@pytest.fixture
def over(store):
    """Wait until jobs are over and return them as they are then."""

    def over(*jobs, seconds=30.0):
        def settled():
            found = [store.get(job.id) for job in jobs]
            return found if all(job.status.over for job in found) else None

        return wait_for(settled, seconds)

    return over


@pytest.fixture
def running(store):
    """Wait until a job is executing and return it as it is then."""

    def running(job, attempt=1):
        def executing():
            found = store.get(job.id)
            return found if found.status is Status.EXECUTING and found.attempt >= attempt else None

        return wait_for(executing)

    return running


def test_job_is_done_and_its_result_readable(store, client, send, processes, over):
    job = send("ok")
    assert job.status is Status.QUEUED
    processes.worker()
    (done,) = over(job)
    assert done.status is Status.DONE
    stamps = [getattr(done, name) for name in STAMPS]
    assert stamps == sorted(stamps)
    assert stamps[0] > 0
    assert done.fraction == 1.0
    key = store.result_key(done.id, done.attempt)
    length, chunks = results.stream(client, key, done, b'{"result":', b"}", gzip=False)
    body = b"".join(chunks)
    assert len(body) == length
    assert [row["label"] for row in json.loads(body)["result"]["rows"]] == [1, 1, -1]
    assert not client.exists(store.payload_key(job.id))
    assert store.list(OWNER) == ([done], 1)


def test_failures_are_told_and_the_worker_lives(store, client, send, processes, over):
    jobs = [send(text) for text in ("bad", "bug", "ok")]
    processes.worker()
    bad, bug, good = over(*jobs)
    assert bad.status is Status.ERROR
    assert bad.error == {"code": "bad_data", "error": "row 3 has no time", "row": 3}
    assert bug.error["code"] == "internal"
    assert good.status is Status.DONE
    # The upload of a failed job is kept, for as long as its record.
    assert client.pttl(store.payload_key(bad.id)) > 0


@pytest.mark.parametrize("victim", ["group", "main", "child"])
def test_killed_worker_does_not_lose_its_job(send, processes, over, running, victim):
    worker = processes.worker()
    processes.janitor()
    job = send("once")
    child = int(running(job).worker.split(":")[1])
    if victim == "child":
        os.kill(child, signal.SIGKILL)
    else:
        processes.worker()
        (os.killpg if victim == "group" else os.kill)(worker.pid, signal.SIGKILL)
    (done,) = over(job)
    assert done.status is Status.DONE
    assert (done.attempt, done.losses) == (2, 1)
    assert processes.effects() == ["once:1", "once:2"]


def test_job_that_kills_its_process_ends_in_an_error(send, processes, over):
    processes.worker()
    processes.janitor()
    poison, good = over(send("die"), send("ok"))
    assert poison.status is Status.ERROR
    assert poison.error["code"] == "worker_lost"
    assert good.status is Status.DONE
    assert [word for word in processes.effects() if word != "ok:1"] == ["die:1", "die:2", "die:3"]


def test_suspended_worker_comes_back_too_late(send, processes, over, running):
    worker = processes.worker()
    processes.janitor()
    job = send("sleep 1.5")
    running(job)
    os.killpg(worker.pid, signal.SIGSTOP)
    processes.worker()
    second = running(job, attempt=2)
    os.killpg(worker.pid, signal.SIGCONT)
    (done,) = over(job)
    assert done.status is Status.DONE
    assert (done.attempt, done.worker) == (2, "")
    assert second.attempt == 2


def test_stopped_worker_hands_its_job_back(send, processes, over, running):
    worker = processes.worker()
    processes.janitor()
    job = send("once")
    running(job)
    worker.send_signal(signal.SIGTERM)
    processes.worker()
    (done,) = over(job)
    assert done.status is Status.DONE
    # Handed back, not lost: no loss is counted against it.
    assert (done.attempt, done.losses) == (2, 0)
    worker.wait(20)


def test_cancelling_ends_a_running_job_and_frees_the_worker(store, send, processes, over, running):
    processes.worker()
    job = send("sleep 60")
    running(job)
    assert store.cancel(job.id, OWNER).status is Status.EXECUTING
    assert over(job)[0].status is Status.CANCELLED
    assert over(send("ok"))[0].status is Status.DONE


def test_progress_is_in_the_record(store, send, processes):
    processes.worker()
    job = send("sleep 60")
    wait_for(lambda: store.get(job.id).stage == "sleeping")
    assert store.get(job.id).fraction == 0.5


@pytest.mark.parametrize("text", ["deaf 30", "sleep 30"])
def test_time_limit_fails_the_job_and_frees_the_worker(settings, store, send, processes, over, text):
    object.__setattr__(settings, "time_limit", 1.0)
    processes.worker()
    slow, good = over(send(text), send("ok"))
    assert slow.error["code"] == "time_limit"
    assert good.status is Status.DONE


def test_lost_message_is_sent_again(client, settings, send, processes, over):
    job = send("ok")
    assert client.delete(settings.key_prefix + "bell:cpu")
    processes.worker()
    processes.janitor()
    assert over(job)[0].status is Status.DONE


def test_surplus_messages_have_no_effect(app, client, settings, send, processes, over):
    jobs = [send("ok") for _ in range(5)]
    for job in jobs * 3:
        app.send_task("oddline.detect", (job.id,), queue="cpu")
    processes.worker(processes=2)
    assert {job.attempt for job in over(*jobs)} == {1}
    wait_for(lambda: client.llen(settings.key_prefix + "bell:cpu") == 0)
    app.send_task("oddline.detect", (jobs[0].id,), queue="cpu")
    assert over(send("ok"))[0].attempt == 1
    assert processes.effects() == ["ok:1"] * 6


def test_altered_payload_fails_instead_of_being_computed(store, client, send, processes, over):
    job = send("ok")
    client.hset(store.payload_key(job.id), "0", "no")
    processes.worker()
    assert over(job)[0].error["code"] == "damaged"
    assert processes.effects() == []
