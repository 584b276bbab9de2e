"""What a client writes into names, paths and headers stays there: it makes no path, no header, no key."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from contract.test_granian import UNI
from doors import CSV
from serving import Served, serve

MARK = "mark8f3a"
NAMES = [
    f"../../../tmp/{MARK}",
    f"..\\..\\{MARK}",
    f"/etc/{MARK}",
    f"{MARK}\x00.csv",
    f"{MARK}.csv\r\nSet-Cookie: a=b\r\n\r\n<html>",
    f'{MARK}"; filename="other.csv',
    f"{MARK}\u202egpj.csv\u2066\u200f",
    f"{MARK}\x1b[2J\x9b31m",
    MARK * 5_000,
    f"{MARK}%0d%0aSet-Cookie:%20a=b",
    f"{MARK}* ?[a-z]:{{}}",
    f"$(touch {MARK}) `touch {MARK}` ; touch {MARK} |",
    f"{MARK}\ud800",
]


@contextmanager
def paths_touched() -> Iterator[list[str]]:
    """Every path and command that this process hands to the system meanwhile."""
    touched: list[str] = []
    watching = [True]

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event.split(".")[0] in ("open", "os", "shutil", "subprocess", "tempfile", "glob"):
            touched.append(f"{event} {arguments!r}")

    sys.addaudithook(note)  # one that cannot be taken off again
    try:
        yield touched
    finally:
        watching.clear()


def multipart(name: str) -> bytes:
    parts = [
        b'--edge\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % pair
        for pair in ((b"time_column", b"Time"), (b"target_column", b"Value"))
    ]
    escaped = (
        name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").encode("utf-8", "surrogatepass")
    )
    head = b'--edge\r\nContent-Disposition: form-data; name="data_file"; filename="%s"\r\n\r\n' % escaped
    return b"".join(parts) + head + CSV * 400 + b"\r\n--edge--\r\n"


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_filename_is_a_text_of_the_record_and_nothing_else(gateway, monkeypatch, tmp_path, name):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("oddline_api.uploads.SPOOL_BYTES", 100)
    usual = set(gateway.submit().headers.keys())
    with paths_touched() as touched:
        plain = gateway.post(
            "/api/v1/jobs",
            query_string={"filename": name.encode("utf-8", "replace").decode()},
            data=CSV * 400,
            content_type="text/csv",
        )
        ibm = gateway.post(
            UNI.removeprefix("/ai4industry/run"),
            content_type="multipart/form-data; boundary=edge",
            input_stream=io.BytesIO(multipart(name)),
            environ_overrides={"CONTENT_LENGTH": str(len(multipart(name)))},
        )
    # Half a character cannot stand in a form, which is UTF-8.
    assert (plain.status_code, ibm.status_code) == (202, 400 if "\ud800" in name else 200)
    taken = [ibm, gateway.get(f"/result/{ibm.json['jobId']}")] if ibm.status_code == 200 else []
    for answer in (plain, *taken):
        shown = answer.json["filename"]
        assert MARK in shown
        assert len(shown) <= 255
        assert shown.isprintable()
        assert set(answer.headers.keys()) <= usual | {"Location"}
        assert MARK not in str(answer.headers)
    assert any("open" in line for line in touched), "the watch sees nothing"
    assert not [line for line in touched if MARK in line]
    assert not [*Path(tmp_path).iterdir()]
    keys = [key for key in gateway.store.client.scan_iter("*") if MARK.encode() in key]
    assert not keys


@pytest.fixture(scope="module")
def served(store_login: dict[str, str]) -> Iterator[Served]:
    with serve(**store_login, key_prefix="inject:") as gateway:
        yield gateway


def exchange(served: Served, head: str, body: bytes = b"") -> HTTPResponse:
    """One request by hand; the answer, read whole."""
    with served.send(head, body) as wire:
        answer = HTTPResponse(wire)
        answer.begin()
        answer.body = answer.read()  # type: ignore[attr-defined]
        return answer


USUAL = {
    *("x-global-transaction-id", "cache-control", "content-security-policy", "cross-origin-resource-policy"),
    *(
        "referrer-policy",
        "server",
        "x-content-type-options",
        "x-frame-options",
        "content-type",
        "content-length",
    ),
    *("date", "location", "x-ratelimit-limit", "x-ratelimit-remaining", "allow", "vary", "connection"),
}


@pytest.mark.service
@pytest.mark.parametrize(
    "more",
    [
        "Host: evil.example\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: ftp",
        "X-Forwarded-For: 1.2.3.4\r\nForwarded: host=evil.example;proto=https\r\nX-Real-IP: evil.example",
        "X-Original-URL: /livez\r\nX-Rewrite-URL: /livez\r\nX-HTTP-Method-Override: DELETE",
        "X-Global-Transaction-Id: evil.example\r\nX-Forwarded-Prefix: //evil.example",
        "Referer: http://evil.example/\r\nOrigin: http://evil.example",
    ],
)
def test_headers_of_a_request_show_up_in_no_answer(served: Served, more: str) -> None:
    head = f"POST /api/v1/jobs HTTP/1.1\r\n{more}\r\nContent-Type: text/csv\r\nContent-Length: {len(CSV)}"
    answer = exchange(served, head, CSV)
    assert answer.status == 202
    job = json.loads(answer.body)  # type: ignore[attr-defined]
    assert answer.getheader("Location") == f"/api/v1/jobs/{job['id']}" == job["links"]["self"]
    assert {name.lower() for name, _ in answer.getheaders()} <= USUAL
    assert "evil.example" not in str(answer.getheaders())
    assert b"evil.example" not in answer.body  # type: ignore[attr-defined]


PATHS = [
    "/result/%0d%0aSet-Cookie:%20a=b",
    "/%0d%0aLocation:%20http://evil.example/",
    "/livez%0d%0aX-Evil:%20evil",
    "//evil.example/livez",
    "//livez",
    "/\\evil.example",
    "/api//v1//jobs",
    "/api/v1/jobs/",
    "/result/../../livez",
    "/result/%2e%2e/%2e%2e/livez",
    "/api/v1/jobs/..%2f..%2fetc%2fpasswd",
    "/api/v1/jobs/%00",
    "/.git/config",
    "/static/../oddline_api/app.py",
    "/static/x",
    "http://evil.example/livez",
    "*",
]


@pytest.mark.service
@pytest.mark.parametrize("path", PATHS)
def test_paths_lead_nowhere_else(served: Served, path: str) -> None:
    answer = exchange(served, f"GET {path} HTTP/1.1")
    if path in (
        "//livez",
        "http://evil.example/livez",
    ):  # the same page, and whoever is named before it is not asked
        assert answer.body == b'{"status": "alive"}'  # type: ignore[attr-defined]
    else:
        assert answer.status in (400, 404), answer.getheaders()
    assert answer.getheader("Location") is None
    assert answer.getheader("Set-Cookie") is None
    assert {name.lower() for name, _ in answer.getheaders()} <= USUAL


@pytest.mark.service
@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 5\r\nContent-Length: 300",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Content-Length: +5",
        "Content-Length: 5, 5",
        "Content-Length: -1",
        "Content-Length : 5",
        "Header\x00Name: 5",
    ],
)
def test_no_request_hides_in_another(served: Served, head: str) -> None:
    """Whoever reads the length otherwise than a proxy does lets one client speak for another."""
    hidden = b"GET /api/v1/jobs?hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    line = "POST /api/v1/jobs HTTP/1.1\r\nContent-Type: text/csv\r\n"
    with served.send(line + head, b"a,b\n1" + hidden) as wire:
        answer = b""
        try:
            while block := wire.recv(65536):
                answer += block
        except ConnectionError:
            pass
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert not answer.startswith(b"HTTP/1.1 2")


@pytest.mark.service
def test_a_job_id_makes_no_key(served: Served) -> None:
    commands: list[str] = []
    with served.store.client.monitor() as watch:
        for job_id in ("*", "a:b", "../x", "x" * 3_000, "job:*", "\r\nFLUSHALL\r\n"):
            url = f"{served.base}/api/v1/jobs/{quote(job_id, safe='')}"
            assert requests.get(url, headers=served.headers, timeout=5).status_code == 404
        served.store.client.echo("end")
        while "end" not in (command := str(watch.next_command()["command"])):
            commands.append(command)
    assert commands, "the watch sees nothing"
    assert not [command for command in commands if "job:" in command or "FLUSHALL" in command]
