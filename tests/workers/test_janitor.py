"""The janitor: one works, another takes over, and it outlives the store's absence."""

import signal

import pytest

from oddline_workers.janitor import Janitor
from oddline_workers.jobs import Status
from workers.trials import admit, wait_for


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
