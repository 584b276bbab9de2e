"""Calls to a desk, a real process with a child for each slot, and what happens where one dies or is slow."""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import fields, replace

import psutil
import pytest
from redis.exceptions import RedisError

from oddline.errors import OddlineError
from oddline_workers import calls
from oddline_workers.connections import connect
from oddline_workers.desk import load
from oddline_workers.readiness import READY
from oddline_workers.settings import variable
from oddline_workers.store import JobStore
from workers.trials import ROOTS, TESTS, wait_for


class Place:
    """A desk on the store of a test, and its asker."""

    def __init__(self, settings):
        self.settings = settings
        self.store = JobStore(connect(settings, "gateway"), settings)
        self.process = None

    def open(self, **changes):
        own = replace(self.settings, **changes)
        environment = {
            **os.environ,
            **{variable(item.name): str(getattr(own, item.name)) for item in fields(own)},
            "PYTHONPATH": os.pathsep.join([*ROOTS, str(TESTS)]),
        }
        words = [sys.executable, "-m", "workers.desks"]
        process = subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)
        self.process = self.process or process
        self.said = [next(iter(process.stderr)).strip()]
        threading.Thread(target=self._listen, args=[process], daemon=True).start()
        return process

    def _listen(self, process):
        with process.stderr as lines:
            self.said += [line.strip() for line in lines]

    def ask(self, op, slot="data", data=b"", limit=None, **arguments):
        return calls.ask(self.store, slot, op, arguments, data, seconds=limit)

    def refusal(self, *words, **more):
        with pytest.raises(OddlineError) as met:
            self.ask(*words, **more)
        return met.value

    def later(self, *words, **more):
        """A call made meanwhile; its answer when asked for."""
        kept = []

        def call():
            try:
                kept.append(self.ask(*words, **more))
            except OddlineError as error:
                kept.append(error)

        thread = threading.Thread(target=call)
        thread.start()

        def answer():
            thread.join(20)
            return kept[0]

        return answer

    def begun(self):
        """The process that naps."""
        return int(wait_for(lambda: self.store.client.get(self.store.root + "answer:begun")))

    def left_behind(self):
        return {key.decode().split(":")[1] for key in self.store.client.scan_iter(self.store.root + "*")} - {
            "desk"
        }

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait(10)
        self.store.client.close()


@pytest.fixture
def place(settings):
    place = Place(settings)
    yield place
    place.close()


@pytest.fixture
def desk(place):
    place.open()
    assert place.said == [READY]
    return place


def test_an_answer_comes_with_its_body_and_leaves_nothing_behind(desk):
    large = os.urandom(3 << 20)
    head, body = desk.ask("echo", data=io.BytesIO(large), name="säge")
    assert (head["told"], body == large) == ({"name": "säge"}, True)
    assert desk.ask("echo").body == b""
    assert desk.left_behind() == set()


def test_each_slot_has_a_process_of_its_own_so_that_one_waits_for_none_of_the_other(desk):
    slow = desk.later("nap", slot="data", seconds=1)
    napping = desk.begun()
    assert desk.ask("echo", slot="predict").head["process"] != napping
    assert isinstance(slow(), OddlineError) is False


def test_a_round_trip_takes_few_milliseconds(desk):
    desk.ask("echo")

    def seconds():
        begin = time.perf_counter()
        desk.ask("echo")
        return time.perf_counter() - begin

    assert statistics.median(seconds() for _ in range(50)) < 0.02


def test_what_the_desk_refuses_is_raised_here_with_its_place(desk):
    met = desk.refusal("refuse")
    assert (met.code, met.status, met.where) == ("not_a_number", 400, {"column": "a", "row": 3})
    assert met.message == "Row 3 of column a is a word."


def test_a_failure_says_nothing_of_what_it_was_about(desk):
    met = desk.refusal("fail", password="s3cret")
    assert (met.code, met.status) == ("internal", 500)
    assert "s3cret" not in met.message
    assert desk.refusal("unheard of").status == 500


def test_what_is_not_installed_is_refused_and_holds_up_no_desk(place):
    place.open()
    met = place.refusal("absent")
    assert (met.code, met.status) == ("not_installed", 500)
    assert place.ask("echo").head["told"] == {}
    load({"data": {"absent": "workers.absent.at_all", "echo": "workers.desks"}})
    with pytest.raises(ModuleNotFoundError, match="of_another"):
        load({"data": {"broken": "workers.broken_desk"}})


def test_without_a_desk_the_refusal_is_quick(place):
    begin = time.monotonic()
    met = place.refusal("echo")
    assert (met.code, met.status, met.retry_after) == ("no_desk", 503, 2.0)
    assert time.monotonic() - begin < 1.0


def test_a_desk_that_is_on_its_way_is_waited_for(place):
    calls.expect(place.store.client, place.settings)
    early = place.later("echo")
    wait_for(lambda: place.store.client.llen(calls.calls_key(place.store.root, "data")), 5)
    place.open()
    assert early().head["told"] == {}


def test_one_that_is_expected_and_does_not_come_is_not_waited_for_long(place, monkeypatch):
    monkeypatch.setattr(calls, "ON_ITS_WAY_SECONDS", 0.1)
    calls.expect(place.store.client, place.settings)
    assert place.refusal("echo").code == "no_desk"
    assert place.left_behind() == set()


def test_in_a_full_store_nothing_is_expected(place):
    most = place.store.client.config_get("maxmemory")["maxmemory"]
    place.store.client.config_set("maxmemory", 1)
    try:
        calls.expect(place.store.client, place.settings)
    finally:
        place.store.client.config_set("maxmemory", most)
    assert place.refusal("echo").code == "no_desk"


def test_the_process_that_dies_in_a_call_is_replaced_and_its_asker_told(desk):
    begin = time.monotonic()
    met = desk.refusal("die")
    assert (met.code, met.status) == ("worker_lost", 503)
    assert time.monotonic() - begin < 2.0
    assert desk.ask("echo").head["told"] == {}
    assert [desk.refusal("die").code for _ in range(3)] == ["worker_lost"] * 3
    assert desk.ask("echo", slot="predict").head["told"] == {}


def test_a_late_call_is_broken_off_and_the_next_one_served(desk):
    begin = time.monotonic()
    met = desk.refusal("nap", limit=0.3, seconds=30)
    assert (met.code, met.status) == ("late", 503)
    assert desk.ask("echo", limit=5.0).head["told"] == {}
    assert time.monotonic() - begin < 3.0


def test_one_that_does_not_listen_is_ended(desk):
    desk.ask("echo")  # whose first call imports what is done
    deaf = desk.later("spin", limit=0.3)
    assert deaf().code == "late"
    assert desk.ask("echo", limit=10.0).head["told"] == {}


def test_a_call_given_up_while_it_waited_is_not_done(desk):
    slow = desk.later("nap", seconds=1)
    desk.begun()
    assert desk.refusal("nap", limit=0.2, seconds=0).code == "late"
    assert not isinstance(slow(), OddlineError)
    desk.ask("echo")
    assert desk.store.client.get(desk.store.root + "answer:naps") == b"1"
    assert desk.left_behind() == {"answer"}


def test_no_more_than_so_many_wait(desk, monkeypatch):
    monkeypatch.setattr(calls, "MOST_WAITING", 1)
    slow = desk.later("nap", seconds=1)
    desk.begun()
    next_one = desk.later("echo")
    wait_for(lambda: desk.store.client.llen(calls.calls_key(desk.store.root, "data")) == 1)
    met = desk.refusal("echo")
    assert (met.code, met.status) == ("too_many_calls", 503)
    assert not isinstance(slow(), OddlineError)
    assert next_one().head["told"] == {}


def test_a_desk_that_is_asked_to_leave_answers_the_call_at_hand(place):
    place.open(shutdown_seconds=10.0)
    slow = place.later("nap", seconds=1)
    place.begun()
    place.process.terminate()
    assert slow().head["process"]
    assert place.process.wait(10) == 0


def test_with_another_beside_it_none_fails_when_a_desk_leaves(desk):
    failed, stopped = [], threading.Event()

    def ask():
        while not stopped.is_set():
            try:
                desk.ask("echo", data=b"x" * 1000)
            except OddlineError as error:
                failed.append(error)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    second = desk.open()
    desk.process.terminate()
    desk.process.wait(10)
    desk.ask("echo")
    stopped.set()
    for asker in askers:
        asker.join(10)
    second.terminate()
    second.wait(10)
    assert failed == []


def test_the_children_end_with_a_desk_that_is_killed(desk):
    children = psutil.Process(desk.process.pid).children()
    assert len(children) == len(calls.SLOTS)
    desk.process.kill()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


def test_a_call_that_no_desk_has_taken_is_refused_soon_after_the_desk_is_gone(desk):
    children = psutil.Process(desk.process.pid).children()
    desk.process.kill()
    psutil.wait_procs(children, timeout=5)
    begin = time.monotonic()
    met = desk.refusal("echo")
    assert (met.code, met.status) == ("no_desk", 503)
    assert time.monotonic() - begin < 10
    assert desk.left_behind() == set()


def test_the_call_at_hand_of_a_desk_that_is_killed_is_answered(desk):
    slow = desk.later("nap", seconds=1)
    napping = desk.begun()
    desk.process.kill()
    assert slow().head["process"] == napping


def test_one_that_does_not_listen_ends_without_its_desk_too(desk):
    children = psutil.Process(desk.process.pid).children()
    desk.ask("echo")  # whose first call imports what is done
    deaf = desk.later("spin", limit=3.0)
    desk.begun()
    desk.process.kill()
    assert deaf().code == "late"
    assert psutil.wait_procs(children, timeout=15)[1] == []


def test_a_store_that_is_full_when_a_call_is_answered_keeps_no_asker_waiting(desk):
    slow = desk.later("nap", seconds=1)
    desk.begun()
    most = desk.store.client.config_get("maxmemory")["maxmemory"]
    desk.store.client.config_set("maxmemory", 1)
    try:
        met = slow()
        assert (met.code, met.status) == ("store_full", 503)
        # It stays known that the desk is there.
        life = desk.store.client.pttl(calls.desk_key(desk.store.root, "data"))
        wait_for(lambda: desk.store.client.pttl(calls.desk_key(desk.store.root, "data")) > life, 5)
    finally:
        desk.store.client.config_set("maxmemory", most)
    assert desk.ask("echo").head["told"] == {}


def test_an_answer_is_not_lost_with_a_store_that_goes_away_after_it(desk, monkeypatch):
    awaited, pipeline = calls._awaited, desk.store.client.pipeline

    def away(*words, **more):
        raise RedisError("away")

    def then_away(*words):
        answer = awaited(*words)
        monkeypatch.setattr(desk.store.client, "pipeline", away)
        return answer

    monkeypatch.setattr(calls, "_awaited", then_away)
    assert desk.ask("echo", name="a").head["told"] == {"name": "a"}
    monkeypatch.setattr(desk.store.client, "pipeline", pipeline)


def test_an_answer_whose_reply_is_lost_is_late_and_nothing_else_is_taken_for_it(desk, monkeypatch):
    blpop = desk.store.client.blpop

    def again(*words, **more):
        """The reply is lost, and the command sent once more."""
        return blpop(*words, **more) and blpop(*words, **more)

    monkeypatch.setattr(desk.store.client, "blpop", again)
    assert desk.refusal("echo", data=b"what was sent", limit=1.0).code == "late"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process has")
def test_what_takes_too_much_memory_is_refused_and_the_process_replaced(place):
    place.open(job_memory_bytes=100 << 20)
    met = place.refusal("hoard")
    assert (met.code, met.status) == ("out_of_memory", 413)
    assert place.ask("echo").head["told"] == {}
