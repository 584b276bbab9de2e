"""Names, hosts and bodies that are meant to do harm: they stay texts, and cost little."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from urllib.parse import quote

import pytest
import requests

from contract.nexosis.rows import HEARTS, keep
from contract.test_injection import MARK, NAMES, USUAL
from desk import at_desk
from memory import peak_of
from oddline_api.nexosis.account import _FOR_BROWSERS, HEADERS
from serving import Served, serve

MIB = 1 << 20
OURS = USUAL | {name.lower() for name in (*HEADERS, *_FOR_BROWSERS)}
ANOMALIES = {"dataSourceName": "hearts", "predictionDomain": "anomalies"}


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_dataset_may_be_called_anything_that_is_a_text(door, gateway, name):
    path = "/data/" + quote(name.encode("utf-8", "replace").decode(), safe="")
    with at_desk(gateway.worker):
        answer = door.put(path, {"data": [{"a": 1}]})
    if "/" in name:  # a path of another route, or of none
        assert answer.status_code in (400, 404, 405)
        return
    possible = "\x00" not in name and len(name) <= 1_000
    assert answer.status_code == (201 if possible else 400), answer.text
    assert {header.lower() for header in answer.headers.keys()} <= OURS  # noqa: SIM118
    if not possible:
        return
    kept = answer.json["dataSetName"]
    assert MARK in kept
    place = answer.headers["Location"]
    assert place.isascii()
    assert place.isprintable()
    assert " " not in place
    read = door.get(place.removeprefix("http://localhost/v1"))
    assert read.json["data"] == [{"a": "1"}]
    told = door.get(path, headers={"Accept": "text/csv"})
    assert told.text == "a\r\n1\r\n"
    assert not [key for key in gateway.store.client.scan_iter("*") if MARK.encode() in key]


@pytest.fixture(scope="module")
def served(store_login: dict[str, str]) -> Iterator[Served]:
    with serve(**store_login, key_prefix="hostile:") as gateway:
        yield gateway


@pytest.mark.service
@pytest.mark.parametrize(
    "more",
    [
        "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: ftp",
        "Forwarded: host=evil.example;proto=https\r\nX-Forwarded-Prefix: //evil.example",
        "Referer: http://evil.example/\r\nOrigin: http://evil.example",
        "Access-Control-Request-Headers: evil.example",
    ],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_headers_of_a_request_show_up_in_no_answer(served: Served, method: str, more: str) -> None:
    with served.send(f"{method} /v1/Data?x=1 HTTP/1.1\r\n{more}") as wire:
        answer = HTTPResponse(wire, method=method)
        answer.begin()
        body = answer.read()
    assert answer.status == 200
    assert {name.lower() for name, _ in answer.getheaders()} <= OURS
    assert b"evil.example" not in body + str(answer.getheaders()).encode()


@pytest.mark.service
def test_an_id_makes_no_key(served: Served) -> None:
    commands: list[str] = []
    with served.store.client.monitor() as watch:
        for word in ("*", "a:b", "x" * 3_000, "job:*", "\r\nFLUSHALL\r\n"):
            for kind in ("sessions", "models", "imports", "data"):
                url = f"{served.base}/v1/{kind}/{quote(word, safe='')}"
                assert requests.get(url, headers=served.headers, timeout=5).status_code in (400, 404)
        served.store.client.echo("end")
        while "end" not in (command := str(watch.next_command()["command"])):
            commands.append(command)
    assert any("dataset:" in command for command in commands), "the watch sees nothing"
    for word in ("job:*", "FLUSHALL", "xxxx", "a:b"):
        assert not [command for command in commands if word in command]


COLUMNS = {f"c{number}": {"role": "none"} for number in range(25_000)}
BODIES = {
    "deep": b'{"columns":' + b"[" * 500_000,
    "deep objects": b'{"a":' * 200_000,
    "many fields": json.dumps({f"f{number}": 1 for number in range(60_000)}).encode(),
    "many columns": json.dumps({**ANOMALIES, "columns": COLUMNS}).encode(),
    "a long text": json.dumps({**ANOMALIES, "name": "x" * 1_000_000}).encode(),
    "a large number": b'{"dataSourceName": ' + b"9" * 1_000_000 + b"}",
    "many missing values": json.dumps({**ANOMALIES, "missingValues": [""] * 200_000}).encode(),
    "one field many times": b"{" + b'"name":"x",' * 90_000 + b'"name":"x"}',
    "too much": b" " * (100 * MIB) + b"{}",
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", ["/sessions/model", "/imports/url"])
def test_no_body_takes_more_memory_or_time_than_it_may(door, gateway, name, path):
    keep(gateway, "hearts")
    body = BODIES[name]
    door.post(path, {})  # what is loaded once is loaded
    begun = time.perf_counter()
    answer, taken = peak_of(
        lambda: door.call(
            "POST",
            path,
            content_type="application/json",
            input_stream=io.BytesIO(body),
            environ_overrides={"CONTENT_LENGTH": str(len(body))},
        )
    )
    assert 400 <= answer.status_code < 500, answer.text[:300]
    assert time.perf_counter() - begun < 10  # 1 on an idle machine
    assert taken < 48
    assert len(answer.data) < 3 * MIB
    assert gateway.jobs() == 0


@pytest.mark.parametrize("size", [100, 200])
def test_rows_are_passed_on_unread(door, gateway, size):
    body = io.BytesIO(b"x" * (size * MIB))
    answer, taken = peak_of(
        lambda: door.call(
            "PUT",
            "/data/x",
            content_type="text/csv",
            input_stream=body,
            environ_overrides={"CONTENT_LENGTH": str(size * MIB)},
        )
    )
    assert answer.status_code == (413 if size > 128 else 503)
    assert taken < 24


def test_long_queries_are_read_soon(door, gateway):
    keep(gateway, "hearts", HEARTS)
    begun = time.perf_counter()
    names = "&".join(f"include=c{number}" for number in range(4_000))
    assert door.get("/data/hearts?" + names).status_code == 400
    assert door.get("/data/hearts?" + "include=bpm&" * 5_000).status_code == 200
    assert door.get("/data/hearts?include=" + "bpm," * 240).status_code == 200
    assert door.get("/sessions?" + "page=1&" * 8_000).status_code == 200
    assert door.delete("/data/hearts?" + "cascade=x&" * 6_000).status_code == 400
    assert time.perf_counter() - begun < 5
