"""The store is gone, hangs, or is full: quick 503s with Retry-After, and all is well when it is back."""

from __future__ import annotations

import os
import signal
import time

import pytest

from doors import CSV
from oddline_workers.janitor import Janitor
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings
from shapes import check_shape

UNKNOWN = "00000000-0000-4000-8000-000000000000"
PATHS = [
    *("/connection-check", "/result/" + UNKNOWN, "/api/v1/jobs", "/ai4industry/run/connection-check"),
    *("/v1/data", "/v1/sessions/" + UNKNOWN, "/v1/imports"),
]


@pytest.fixture
def server(tmp_path):
    with EmbeddedServer(tmp_path / "own", Settings(max_memory_bytes=64 << 20)) as running:
        yield running


def calls(gateway):
    for path in PATHS:
        yield path, gateway.get(path)
    yield "/submit", gateway.submit()
    yield "/api/v1/jobs", gateway.post("/api/v1/jobs", data=CSV, content_type="text/csv")
    yield "/readyz", gateway.app.test_client().get("/readyz")


def test_gone_and_back(make_gateway, server):
    gateway = make_gateway(server)
    assert gateway.get("/connection-check").status_code == 200
    server.stop()
    for path, answer in calls(gateway):
        assert answer.status_code == 503, path
        check_shape(answer, path)
        assert int(answer.headers["Retry-After"]) >= 1, path
    assert gateway.app.test_client().get("/livez").status_code == 200
    server.start()
    assert gateway.app.test_client().get("/readyz").status_code == 200
    assert gateway.submit().status_code == 200


def test_readiness_says_whether_a_janitor_is_at_work(gateway):
    janitor = Janitor(gateway.settings)
    assert gateway.get("/readyz").json == {"status": "ready", "janitor": "away"}
    assert janitor.elected()
    assert gateway.get("/readyz").json == {"status": "ready", "janitor": "alive"}
    janitor.resign()
    assert gateway.get("/readyz").json["janitor"] == "away"
    janitor.store.client.close()


def test_hanging_is_answered_within_three_seconds(make_gateway, server):
    gateway = make_gateway(server)
    assert gateway.submit().status_code == 200
    os.kill(server.pid, signal.SIGSTOP)
    try:
        for path, most in (("/connection-check", 3.0), ("/readyz", 1.5)):
            begun = time.monotonic()
            answer = gateway.get(path)
            assert time.monotonic() - begun < most, path
            assert answer.status_code == 503
            check_shape(answer, path)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert gateway.get("/connection-check").status_code == 200


def test_full_is_503_and_leaves_nothing_behind(make_gateway, server):
    gateway = make_gateway(server)
    for number in range(50):
        gateway.store.client.set(f"ballast{number}", bytes(1 << 20))
    answer = gateway.submit()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    check_shape(answer, "/submit")
    assert gateway.jobs() == 0
