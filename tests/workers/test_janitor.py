"""The janitor: one works, another takes over, several do no harm, and it outlives the store's absence."""

import itertools
import os
import signal
import threading

import pytest

from oddline_workers.janitor import LOCK_SECONDS, Janitor
from oddline_workers.jobs import Status
from workers.trials import admit, claim, wait_for


@pytest.fixture
def janitors(service):
    return [Janitor(service.settings, service.app) for _ in range(2)]


def test_one_of_two_is_elected_and_the_other_follows(janitors):
    first, second = janitors
    assert not first.store.janitor_alive()
    assert first.elected()
    assert not second.elected()
    assert first.elected()
    assert first.store.janitor_alive()
    first.resign()
    assert not first.store.janitor_alive()
    assert second.elected()
    first.resign()  # not its lock any more
    assert not first.elected()


def test_job_whose_publisher_died_is_sent(service, janitors):
    store = service.store
    store._due = janitors[0].store._due = 10_000
    job = admit(store)
    wait_for(janitors[0].tidy)
    assert store.get(job.id).status is Status.QUEUED
    assert store.client.llen(store.root + "bell:cpu") == 1


@pytest.mark.service
def test_process_outlives_an_outage_and_ends_on_sigterm(service):
    process = service.janitor()
    lock = service.settings.key_prefix + "janitor"
    wait_for(lambda: service.client.get(lock))
    # Its connection is cut under it; it comes back on another one and renews the lock.
    service.client.client_kill_filter(_type="normal", skipme=True)
    service.client.delete(lock)
    wait_for(lambda: service.client.get(lock))
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert service.client.get(lock) is None


@pytest.mark.service
def test_of_three_another_takes_over_when_the_elected_one_dies_or_hangs(service):
    lock = service.settings.key_prefix + "janitor"
    processes = {process.pid: process for process in (service.janitor() for _ in range(3))}

    def at_work():
        """The pid in the lock, when the lock is renewed: its time to live is then as good as new."""
        name = service.client.get(lock)
        fresh = service.client.pttl(lock) > 900 * LOCK_SECONDS
        return int(name.split(b":")[1]) if name and fresh else None

    def replaced(pid):
        """Who puts the job of a lost worker back, once this one does not."""
        job = claim(service.store, admit(service.store)).job
        wait_for(lambda: service.store.get(job.id).losses == 1, LOCK_SECONDS + 2)
        return wait_for(lambda: at_work() not in (None, pid) and at_work())

    first = wait_for(at_work)
    processes[first].kill()
    second = replaced(first)
    os.kill(second, signal.SIGSTOP)
    third = replaced(second)
    assert {first, second, third} == set(processes)
    os.kill(second, signal.SIGCONT)  # it believes to be at work and finds that it is not
    assert processes[second].poll() is None
    assert replaced(first) == third


@pytest.mark.service
def test_without_an_election_three_at_once_lose_nothing_and_double_nothing(service):
    """The lock saves work; what keeps jobs whole is that each step is one. So a double elects them all."""
    store = service.store
    store._due = 50_000
    janitors = [Janitor(service.settings, service.app) for _ in range(3)]
    sent = [0, 0, 0]

    def let_loose(place, janitor):
        def tidy(own=janitor.tidy):
            sent[place] += own()

        janitor.elected, janitor.tidy, janitor.store._due = lambda: True, tidy, store._due
        return threading.Thread(target=janitor.run)

    threads = [let_loose(place, janitor) for place, janitor in enumerate(janitors)]
    for thread in threads:
        thread.start()
    worker = service.worker(processes=2)
    jobs, lost = [], []
    turns = itertools.cycle(("worker", "publisher", "message"))
    try:
        for gone in turns:
            if gone == "worker":
                job = claim(store, admit(store, b"ok")).job
                lost += [job.id] if job else []
            elif gone == "publisher":
                job = admit(store, b"ok")
            else:
                job = service.send("ok")
                service.client.delete(store.root + "bell:cpu")
            jobs += [job] if job else []
            if min(sent) and len(jobs) >= 60:
                break
        over = service.over(*jobs)
    finally:
        for janitor in janitors:
            janitor.stop()
        for thread in threads:
            thread.join()
    assert worker.poll() is None
    assert {job.status for job in over} == {Status.DONE}
    assert {job.losses for job in over if job.id in lost} == {1}
    for job in jobs:
        assert len([end for end in service.ends(job) if end.endswith("kept")]) == 1
