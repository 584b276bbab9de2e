"""How large the parts of a request may be: beyond that a 4xx, soon, and in the same memory as before."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator

import pytest
import requests

from contract.test_granian import UNI
from doors import CSV
from memory import peak_of
from serving import Served, serve
from shapes import check_shape

MIB = 1 << 20
PART = b"--edge\r\nContent-Disposition: form-data; "
END = b"\r\n--edge--\r\n"
FIELDS = b"".join(
    PART + b'name="%s"\r\n\r\n%s\r\n' % pair
    for pair in ((b"time_column", b"Time"), (b"target_column", b"Value"))
)
FILE = PART + b'name="data_file"; filename="a.csv"\r\n\r\n'
GOOD = FIELDS + FILE + CSV + END

# A form, and how it is answered.
FORMS = {
    "as it should be": (lambda: GOOD, 200),
    "much before the first part": (lambda: b"x" * (100 * MIB) + GOOD, 413),
    "many lines before the first part": (lambda: b"\r\n" * (50 * MIB) + GOOD, 413),
    "much behind the last part": (lambda: GOOD + b"x" * (100 * MIB), 413),
    "a header of a part of 100 MB": (lambda: b"--edge\r\nX: " + b"x" * (100 * MIB), 413),
    "headers of a part without end": (lambda: b"--edge\r\n" + b"X: y\r\n" * (16 * MIB), 413),
    "40,000 headers of a part": (
        lambda: b"--edge\r\n" + b"X: y\r\n" * 40_000 + PART[8:] + b'name="time_column"\r\n\r\nTime' + END,
        400,
    ),
    "a name of 100 MB": (lambda: PART + b'name="' + b"n" * (100 * MIB) + b'"\r\n\r\nTime' + END, 413),
    "a name of 200 kB": (lambda: PART + b'name="' + b"n" * 200_000 + b'"\r\n\r\nTime' + END, 400),
    "a filename of 100 MB": (
        lambda: (
            FIELDS + PART + b'name="data_file"; filename="' + b"n" * (100 * MIB) + b'"\r\n\r\n' + CSV + END
        ),
        413,
    ),
    "a filename of 200 kB": (
        lambda: FIELDS + PART + b'name="data_file"; filename="' + b"n" * 200_000 + b'"\r\n\r\n' + CSV + END,
        200,
    ),
    "20,000 options of a part": (
        lambda: PART + b"".join(b'a%d="b";' % number for number in range(20_000)) + b"\r\n\r\nTime" + END,
        400,
    ),
    "a name in 18,000 pieces": (
        lambda: PART + b"".join(b"name*%d=x;" % number for number in range(18_000)) + b"\r\n\r\nTime" + END,
        400,
    ),
    "a name of backslashes": (lambda: PART + b'name="' + b"\\" * 250_000 + b'"\r\n\r\nTime' + END, 400),
    "a field of 100 MB": (lambda: PART + b'name="time_column"\r\n\r\n' + b"T" * (100 * MIB) + END, 413),
    "a field beyond its limit": (lambda: PART + b'name="time_column"\r\n\r\n' + b"T" * 262_145 + END, 413),
    "20 fields at their limit": (
        lambda: (
            b"".join(PART + b'name="f%d"\r\n\r\n' % n + b"T" * 250_000 + b"\r\n" for n in range(20)) + END[2:]
        ),
        400,
    ),
    "21 parts": (lambda: (PART + b'name="f"\r\n\r\nx\r\n') * 21 + GOOD, 413),
    "a million parts": (lambda: (PART + b'name="f"\r\n\r\nx\r\n') * 10**6, 413),
    "20 files": (
        lambda: (
            b"".join(
                PART + b'name="f%d"; filename="a"\r\n\r\n' % n + b"T" * (5 * MIB) + b"\r\n" for n in range(20)
            )
            + END[2:]
        ),
        400,
    ),
    "a file of line ends": (lambda: FIELDS + FILE + b"\r\n" * (50 * MIB) + END, 400),
    "a file of carriage returns": (lambda: FIELDS + FILE + b"\r" * (100 * MIB) + END, 400),
    "a file of almost boundaries": (lambda: FIELDS + FILE + b"\r\n--edgX" * (12 * MIB) + END, 400),
    "a file of boundaries without their line end": (
        lambda: FIELDS + FILE + (b"\r\n--edge" + b" " * 100_000 + b"x") * 900 + END,
        400,
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_no_form_takes_more_memory_or_time_than_it_may(gateway, name):
    make, status = FORMS[name]
    body = make()
    assert gateway.submit().status_code == 200  # what is loaded once is loaded

    def send():
        return gateway.app.test_client().post(
            UNI.removeprefix("/ai4industry/run"),
            headers=gateway.headers,
            content_type="multipart/form-data; boundary=edge",
            input_stream=io.BytesIO(body),
            environ_overrides={"CONTENT_LENGTH": str(len(body))},
        )

    begun = time.perf_counter()
    answer, taken = peak_of(send)
    assert answer.status_code == status, answer.data[:300]
    assert time.perf_counter() - begun < 10  # 1 on an idle machine
    assert taken < 24
    assert len(answer.data) < 2_000
    if status >= 400:
        check_shape(answer, UNI)
        assert gateway.jobs() == 1


@pytest.fixture(scope="module")
def served(store_login: dict[str, str]) -> Iterator[Served]:
    with serve(**store_login, key_prefix="limits:") as gateway:
        yield gateway


@pytest.mark.service
@pytest.mark.parametrize(
    ("head", "statuses"),
    [
        ("GET /livez?{} HTTP/1.1".format("x" * 60_000), {200}),
        ("GET /livez?{} HTTP/1.1".format("x" * 70_000), {400, 414}),
        ("GET /livez HTTP/1.1\r\nX-Long: {}".format("x" * 500_000), {431}),
        ("GET /livez HTTP/1.1" + "\r\nX-Many: 1" * 200, {431}),
        ("POST /api/v1/jobs?filename={} HTTP/1.1\r\nContent-Length: 0".format("x" * 70_000), {400, 414}),
    ],
    ids=["long", "too long", "a long header", "many headers", "a long filename"],
)
def test_the_head_of_a_request_is_bounded(served: Served, head: str, statuses: set[int]) -> None:
    with served.send(head) as wire:
        answer = b""
        try:
            while block := wire.recv(65536):
                answer += block
        except ConnectionError:
            pass
    assert int(answer.split(b" ", 2)[1]) in statuses, answer[:200]
    assert requests.get(served.base + "/livez", timeout=5).ok


def test_parameters_beside_a_body_are_bounded(gateway):
    """As many as the head of a request has room for; the answer does not repeat them at length."""
    begun = time.perf_counter()
    query = "&".join(f"observation_windo{number}=1" for number in range(2_500))
    answer = gateway.post("/api/v1/jobs?" + query, data=CSV, content_type="text/csv")
    assert answer.status_code == 400
    assert answer.get_json(force=True)["code"] == "too_many_parameters"
    assert len(answer.data) < 1_000
    assert time.perf_counter() - begun < 5
