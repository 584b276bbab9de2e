"""What only a real server shows: bodies broken off, slow, in chunks or too large; a damaged result."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from doors import CSV, detection, work
from oddline_api.streams import WHOLE_BYTES
from serving import Served, serve, wait_until

pytestmark = pytest.mark.service

UNI = "/ai4industry/run/anomaly-detection/timeseries/univariate/batch"
FORM = {"time_column": "Time", "target_column": "Value"}


@pytest.fixture(scope="module")
def served(store_login: dict[str, str]) -> Iterator[Served]:
    with serve(**store_login, key_prefix="served:", max_upload_bytes=1 << 20, upload_timeout=1) as gateway:
        yield gateway


def raw(served: Served, head: str, *bodies: bytes, shut: bool = True) -> bytes:
    """Send a request by hand and return all that comes back."""
    with served.send(head, *bodies) as wire:
        if shut:
            wire.shutdown(socket.SHUT_WR)
        answer = b""
        while block := wire.recv(65536):
            answer += block
        return answer


def encoded(data: bytes = CSV) -> tuple[bytes, str]:
    ready = requests.Request("POST", "http://x", data=FORM, files={"data_file": ("a.csv", data)}).prepare()
    assert isinstance(ready.body, bytes)
    return ready.body, ready.headers["Content-Type"]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_broken_off_upload_makes_no_job(served: Served, share: float) -> None:
    before = served.jobs()
    body, kind = encoded(CSV * 40)
    answer = raw(
        served,
        f"POST {UNI} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}",
        body[: int(len(body) * share)],
    )
    assert not answer.startswith(b"HTTP/1.1 200")
    assert requests.post(
        served.base + UNI, data=FORM, files={"data_file": CSV}, headers=served.headers, timeout=20
    ).ok
    assert served.jobs() == before + 1


def test_a_slow_upload_is_ended_and_makes_no_job(served: Served) -> None:
    before = served.jobs()
    body, kind = encoded(CSV * 400)
    head = f"POST {UNI} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nHost: x\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in served.headers.items())
    with socket.create_connection(("127.0.0.1", served.settings.port)) as wire:
        wire.sendall((head + lines + "\r\n").encode())
        wire.settimeout(0.05)
        answer = b""
        for start in range(0, len(body) // 2, 1000):
            try:
                wire.sendall(body[start : start + 1000])
                answer = wire.recv(65536)
                break
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408")
    assert served.jobs() == before


def test_chunks_of_unknown_length_are_411(served: Served) -> None:
    before = served.jobs()
    body, kind = encoded()
    answer = requests.post(
        served.base + UNI,
        data=iter([body]),
        headers={**served.headers, "Content-Type": kind},
        timeout=20,
    )
    assert answer.status_code == 411
    assert "error" in answer.json()
    assert served.jobs() == before


def test_too_large_is_413_without_being_sent(served: Served) -> None:
    answer = raw(
        served,
        f"POST {UNI} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 999999999",
        shut=False,
    )
    assert answer.startswith(b"HTTP/1.1 413")
    body = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    assert list(body) == ["error"]


def submit(served: Served) -> str:
    answer = requests.post(
        served.base + UNI,
        data={**FORM, "labeling_method": "Chi-Square"},
        files={"data_file": ("a.csv", CSV)},
        headers=served.headers,
        timeout=20,
    )
    assert answer.status_code == 200
    job_id: str = answer.json()["jobId"]
    return job_id


def test_a_result_over_the_wire_packed_and_not(served: Served) -> None:
    job_id = submit(served)
    work(served.settings, job_id)
    url = f"{served.base}/result/{job_id}"
    packed = requests.get(url, headers=served.headers, timeout=20)
    plain = requests.get(url, headers={**served.headers, "Accept-Encoding": "identity"}, timeout=20)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.text == plain.text
    assert int(plain.headers["Content-Length"]) == len(plain.content)
    assert len(plain.json()["summary"]["result"]) == 60
    head = requests.head(url, headers=served.headers, timeout=20)
    assert (head.status_code, head.content) == (200, b"")


def long(data: bytes, job: Any, *_: Any) -> Any:
    """A detection whose result has several pieces."""
    from dataclasses import replace

    import numpy as np

    one = detection(data, job)
    n = 200_000
    return replace(
        one,
        index=[str(row) for row in range(n)],
        values=np.zeros((n, 1)),
        score=np.random.default_rng(0).random(n),
        threshold=np.ones(n),
        severity=np.zeros(n),
        label=np.ones(n, dtype=np.int8),
    )


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_result_damaged_in_the_middle_is_never_taken_for_whole(served: Served, encoding: str) -> None:
    job_id = submit(served)
    work(served.settings, job_id, long)
    job = served.store.get(job_id)
    stored = job.result or {}
    pieces = len(stored["pieces"])
    assert pieces >= 3
    assert stored["stored"] > WHOLE_BYTES
    served.store.client.hset(served.store.result_key(job_id, job.attempt), str(pieces - 1), b"rubbish")
    with pytest.raises(requests.RequestException):
        requests.get(
            f"{served.base}/result/{job_id}",
            headers={**served.headers, "Accept-Encoding": encoding},
            timeout=20,
        )
    served.store.client.hset(served.store.result_key(job_id, job.attempt), "0", b"rubbish")
    answer = requests.get(f"{served.base}/result/{job_id}", headers=served.headers, timeout=20)
    assert answer.status_code == 500
    assert "error" in answer.json()


@pytest.fixture
def narrow(store_login: dict[str, str]) -> Iterator[Served]:
    """A gateway of four threads."""
    with serve(**store_login, key_prefix="narrow:", gateway_threads=4) as gateway:
        yield gateway


def test_clients_that_do_not_read_block_nobody_else(narrow: Served) -> None:
    large, small = submit(narrow), submit(narrow)
    work(narrow.settings, large, long)
    work(narrow.settings, small)
    ask = "GET /result/{} HTTP/1.1\r\nAccept-Encoding: identity"  # more than the kernel takes in
    with ExitStack() as stack:
        for job_id in [large] * 4 + [small] * 6:
            stack.enter_context(narrow.send(ask.format(job_id), window=4096))
        for path in ("/livez", f"/result/{small}", "/api/v1/jobs"):
            assert requests.get(narrow.base + path, headers=narrow.headers, timeout=10).status_code == 200
        busy = requests.get(f"{narrow.base}/result/{large}", headers=narrow.headers, timeout=10)
        assert busy.status_code == 503
        assert int(busy.headers["Retry-After"]) >= 1
        assert set(busy.json()) == {"error"}
        assert submit(narrow)

    def whole() -> bool:
        answer = requests.get(f"{narrow.base}/result/{large}", headers=narrow.headers, timeout=20)
        return answer.ok and len(answer.json()["summary"]["result"]) == 200_000

    assert wait_until(whole)

    # Each way to end gives the one slot back: without a body, and broken off.
    url = f"{narrow.base}/result/{large}"
    for _ in range(2):
        assert requests.head(url, headers=narrow.headers, timeout=20).status_code == 200
    job = narrow.store.get(large)
    last = str(len((job.result or {})["pieces"]) - 1)
    narrow.store.client.hset(narrow.store.result_key(large, job.attempt), last, b"rubbish")
    for _ in range(2):
        with pytest.raises(requests.RequestException):
            requests.get(url, headers=narrow.headers, timeout=20)


def test_many_clients_at_once(served: Served) -> None:
    def one(_: int) -> tuple[int, str]:
        job_id = submit(served)
        answer = requests.get(f"{served.base}/result/{job_id}", headers=served.headers, timeout=20)
        return answer.status_code, answer.json()["status"]

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(one, range(48))) <= {(200, "queued"), (200, "submitted")}


def test_the_gateway_lives_through_all_of_it(served: Served) -> None:
    assert wait_until(lambda: requests.get(served.base + "/livez", timeout=5).ok)
