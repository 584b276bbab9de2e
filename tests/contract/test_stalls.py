"""Clients that stop in the midst, by real sockets: they are ended, and meanwhile others are served."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
import requests

from contract.test_granian import long, submit
from doors import CSV, work
from oddline_api.slots import Slots
from oddline_workers import credentials
from serving import Served, serve, wait_until

pytestmark = [pytest.mark.service, pytest.mark.xdist_group("stalls")]

HEADERS = 200
JOBS = "POST /api/v1/jobs HTTP/1.1\r\nContent-Type: text/csv\r\nContent-Length: {}"


@pytest.fixture(scope="module")
def served(store_login: dict[str, str]) -> Iterator[Served]:
    with serve(
        **store_login,
        key_prefix="stalls:",
        gateway_threads=8,
        upload_timeout=60,
        stall_timeout=2,
        header_timeout_ms=2_000,
    ) as gateway:
        yield gateway


def another(served: Served) -> Served:
    """The same gateway for another client."""
    fresh = credentials.create(served.store.client, served.settings)
    return replace(
        served,
        headers={"X-IBM-Client-Id": fresh.client_id, "X-IBM-Client-Secret": fresh.client_secret},
    )


def rest(wire: socket.socket) -> bytes:
    """What still comes, until the other side closes or resets."""
    answer = b""
    try:
        while block := wire.recv(65536):
            answer += block
    except ConnectionError:
        pass
    return answer


def pause(until: float) -> None:
    """What a slow line does."""
    while time.monotonic() < until:
        time.sleep(0.01)


def test_stalled_heads_and_bodies_are_ended_and_others_served_meanwhile(served: Served) -> None:
    before, other = served.jobs(), another(served)
    slots = Slots("uploads", 3)
    with ExitStack() as stack:
        heads = []
        for _ in range(HEADERS):
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", served.settings.port), 20))
            wire.sendall(b"GET /livez HTTP/1.1\r\nHost")
            heads.append(wire)
        bodies = [
            stack.enter_context(served.send(JOBS.format(len(CSV)), CSV[: len(CSV) // 2]))
            for _ in range(slots.count)
        ]
        begun = time.monotonic()
        for path in ("/livez", "/api/v1/jobs"):
            assert requests.get(served.base + path, headers=served.headers, timeout=5).status_code == 200
        assert submit(other)
        assert time.monotonic() - begun < 2, "others had to wait for the stalled ones to end"
        answers = [rest(wire) for wire in bodies]
        assert all(answer.startswith((b"HTTP/1.1 408", b"HTTP/1.1 503")) for answer in answers), answers
        assert sum(answer.startswith(b"HTTP/1.1 408") for answer in answers) == slots.share
        assert b"The upload stood still" in b"".join(answers)
        assert all(not rest(wire).startswith(b"HTTP/1.1 200") for wire in heads)
        assert time.monotonic() - begun < 15
    assert served.jobs() == before + 1
    assert submit(served)


def test_an_upload_that_drips_is_ended(served: Served) -> None:
    """A byte now and then keeps no thread: so many have to come in a second."""
    before, begun = served.jobs(), time.monotonic()
    with served.send(JOBS.format(1 << 20), CSV[:500]) as wire:
        wire.settimeout(0.1)
        answer = b""
        while not answer:
            assert time.monotonic() - begun < 15
            try:
                wire.sendall(b"1")
                answer = wire.recv(65536)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408")
    assert served.jobs() == before


def test_an_upload_that_is_slow_but_steady_is_taken(served: Served) -> None:
    body = CSV * 4
    with served.send(JOBS.format(len(body))) as wire:
        begun = time.monotonic()
        for start in range(0, len(body), 400):
            wire.sendall(body[start : start + 400])
            pause(begun + start / 2_000)
        assert time.monotonic() - begun > 1.5 * served.settings.stall_timeout
        assert rest(wire).startswith(b"HTTP/1.1 202")


def test_a_client_that_stops_reading_is_ended(served: Served) -> None:
    job_id = submit(served)
    work(served.settings, job_id, long)
    ask = f"GET /result/{job_id} HTTP/1.1\r\nAccept-Encoding: identity"
    with ExitStack() as stack:
        wires = [stack.enter_context(served.send(ask, window=4096)) for _ in range(2)]
        assert submit(another(served))
        with served.send(ask) as wire:  # has to wait for one of them
            whole = rest(wire)
        if whole.startswith(b"HTTP/1.1 503"):
            wait_until(lambda: requests.head(f"{served.base}/result/{job_id}", headers=served.headers).ok, 20)
            with served.send(ask) as wire:
                whole = rest(wire)
        assert whole.startswith(b"HTTP/1.1 200")
        ended = sorted(len(rest(wire)) for wire in wires)
    assert ended[0] < len(whole) / 2


def test_a_client_that_reads_slowly_gets_all(served: Served) -> None:
    job_id = submit(served)
    work(served.settings, job_id, long)
    with served.send(f"GET /result/{job_id} HTTP/1.1\r\nAccept-Encoding: identity", window=1 << 17) as wire:
        begun, answer = time.monotonic(), b""
        while block := wire.recv(1 << 16):
            answer += block
            if time.monotonic() - begun < 1.5 * served.settings.stall_timeout:
                pause(time.monotonic() + 0.05)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.lower()


def test_nobody_is_ended_while_nobody_is_waited_for(served: Served) -> None:
    """A connection that is idle between two requests is the server's to close, and nobody else's."""
    with requests.Session() as session:
        for _ in range(2):
            assert session.get(served.base + "/livez", timeout=5).ok
