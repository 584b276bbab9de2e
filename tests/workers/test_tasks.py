"""The claims of worker processes."""

import os
import threading

import pytest
from billiard import get_context

from oddline_workers import tasks
from workers.detections import detection


@pytest.fixture
def process(service):
    """Make processes whose engine waits until it is let go."""
    made, at_work, go = [], threading.Event(), threading.Event()

    def engine(*_):
        at_work.set()
        assert go.wait(30)
        return detection()

    def process():
        made.append(tasks.Process(service.settings, engine))
        return made[-1]

    process.at_work, process.go = at_work, go
    yield process
    for one in made:
        one.close()


@pytest.mark.parametrize("token", [tasks._TOKEN, "of another container"], ids=["same", "other"])
def test_two_processes_of_one_host_name_and_number_do_not_run_one_job(service, process, monkeypatch, token):
    job = service.send()
    first, second = process(), process()
    ends = []
    thread = threading.Thread(target=lambda: ends.append(first.work(job.id)))
    thread.start()
    assert process.at_work.wait(30)
    if token != tasks._TOKEN:  # where both have counted no claim yet
        monkeypatch.setattr(tasks, "_TOKEN", token)
        monkeypatch.setattr(
            tasks, "_CLAIMS", iter([int(service.store.get(job.id).worker.rpartition(":")[2])])
        )
    assert second.work(job.id) == "busy"
    process.go.set()
    thread.join(30)
    assert ends == ["done"]


def test_parent_knows_the_claims_of_its_children():
    def child(results):
        results.put(tasks.claimant(os.getpid()))

    context = get_context("fork")
    results = context.SimpleQueue()
    forked = context.Process(target=child, args=(results,))
    forked.start()
    assert results.get() == tasks.claimant(forked.pid)
    forked.join(30)
