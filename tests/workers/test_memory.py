"""Jobs that need more memory than a worker gives to one: they fail, and nothing else does."""

import os
import subprocess
import sys

import pytest

from oddline.errors import DataError
from oddline_workers import machine, memory
from oddline_workers.jobs import Status
from oddline_workers.settings import Settings
from workers.trials import ROOTS, Service, trial_settings, wait_for

MIB = 1 << 20

HELD = """
import sys
import numpy as np
import torch
from oddline_workers import memory
kept = np.ones(20 << 20, dtype=np.uint8)
memory.hold_to(64 << 20)
for size in (32, 128, 32):
    try:
        np.ones(size << 20, dtype=np.uint8)
        print("ok")
    except MemoryError as error:
        print("out" if memory.ran_out(error) else error)
try:
    torch.ones(256 << 20, dtype=torch.uint8)
except RuntimeError as error:
    print("out" if memory.ran_out(error) else error)
"""


def test_process_is_held_to_what_it_has_and_so_much_more():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(ROOTS)}
    said = subprocess.check_output([sys.executable, "-c", HELD], env=environment, text=True)
    assert said.split() == ["ok", "out", "ok", "out"]


def test_budget_is_the_setting_or_a_share_of_the_machine():
    assert memory.budget(Settings(job_memory_bytes=123), 4) == 123
    whole = memory.budget(Settings(), 1)
    assert 0 < whole < machine.memory()
    assert memory.budget(Settings(), 3) == whole // 3


def error(kind, text, cause=None):
    made = kind(text)
    made.__cause__ = cause
    return made


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (error(DataError, "The CSV cannot be read", ValueError("C error: out of memory")), True),
        (error(DataError, "There is no column 'out of memory'."), False),
        (ValueError("row 3"), False),
    ],
)
def test_what_libraries_say_when_memory_ran_out(raised, expected):
    assert memory.ran_out(raised) is expected


@pytest.mark.service
def test_hungry_job_fails_alone_and_its_worker_goes_on(server_url, tmp_path):
    service = Service(trial_settings(server_url, job_memory_bytes=200 * MIB), tmp_path)
    try:
        worker = service.worker()
        jobs = service.over(*(service.send(text) for text in ("eat 20", "eat 500", "eat 100")))
        assert [job.status for job in jobs] == [Status.DONE, Status.ERROR, Status.DONE]
        assert (jobs[1].error["code"], jobs[1].attempt, jobs[1].losses) == ("out_of_memory", 1, 0)
        first, second, third = (line.split()[1].split(":")[1] for line in service.claims())
        assert first == second != third, "what ran out of memory makes way for a fresh process"
        assert worker.poll() is None
    finally:
        service.close()


@pytest.mark.service
def test_hungry_table_fails_in_the_engine_itself(server_url, tmp_path):
    service = Service(trial_settings(server_url, job_memory_bytes=60 * MIB), tmp_path)
    spec = {"algorithm_type": "WindowAD", "anomaly_estimator": "NearestNeighbor", "lookback_window": "10"}
    try:
        service.worker(app="oddline_workers.app")
        table = "v\n" + "".join(f"{i % 17 + i % 5}\n" for i in range(600_000))
        hungry, small = service.over(service.send(table, spec=spec), service.send(table[:2_000], spec=spec))
        assert (hungry.error["code"], hungry.attempt) == ("out_of_memory", 1)
        assert small.status is Status.DONE
    finally:
        service.close()


@pytest.mark.service
def test_workers_make_known_what_they_give_to_a_job(server_url, tmp_path):
    service = Service(trial_settings(server_url, job_memory_bytes=77 * MIB), tmp_path)
    try:
        assert service.store.budget("cpu") is None
        service.worker()

        def known():
            service.store._ask_workers = 0.0
            return service.store.budget("cpu")

        assert wait_for(known) == 77 * MIB
        assert service.store.budget("gpu") is None
    finally:
        service.close()


def test_the_largest_worker_counts_and_silent_ones_do_not(store, monkeypatch):
    for budget, name in ((3, "a:1"), (9, "b:1"), (5, "b:2")):
        store.announce("cpu", budget, name)
    assert store.budget("cpu") == 9
    later = store.now() + 61_000_000
    monkeypatch.setattr(store, "now", lambda: later)
    store.announce("cpu", 4, "c:1")
    store._ask_workers = 0.0
    assert store.budget("cpu") == 4
    assert store.client.zcard(store.root + "workers") == 1


TABLE = "v\n" + "".join(f"{i % 17 + i % 5}\n" for i in range(3_000))
NET = {"algorithm_type": "ReconstructAD", "anomaly_estimator": "DNN_AutoEncoder", "lookback_window": "10"}


@pytest.mark.service
@pytest.mark.parametrize("moment", [0.1, 0.4, 0.8])
def test_a_net_job_cut_off_at_any_moment_spoils_none_after_it(server_url, tmp_path, moment):
    """torch is imported by the first of them; an import that was cut off cannot be repeated."""
    service = Service(trial_settings(server_url), tmp_path)
    try:
        service.worker(app="oddline_workers.app")
        service.over(service.send(TABLE, spec={"algorithm_type": "PredAD"}))
        first = service.executing(service.send(TABLE, spec=NET))
        wait_for(lambda: service.store.now() / 1e6 > first.started / 1e6 + moment)
        service.store.cancel(first.id, first.owner)
        second, third = service.over(service.send(TABLE, spec=NET), service.send(TABLE, spec=NET))
        assert (second.status, third.status) == (Status.DONE, Status.DONE), (second.error, third.error)
    finally:
        service.close()


@pytest.mark.service
def test_a_starved_net_job_spoils_none_after_it(server_url, tmp_path):
    service = Service(trial_settings(server_url, job_memory_bytes=60 * MIB), tmp_path)
    try:
        service.worker(app="oddline_workers.app")
        starved = service.over(service.send(TABLE, spec=NET), service.send(TABLE, spec=NET))
        assert {job.error["code"] for job in starved} == {"out_of_memory"}
        (small,) = service.over(service.send(TABLE, spec={"algorithm_type": "PredAD"}))
        assert small.status is Status.DONE
    finally:
        service.close()
