"""Rates: per client, submits and reads apart, 429 in each door's shape with the wait."""

from __future__ import annotations

import concurrent.futures

import pytest

UNI = "/anomaly-detection/timeseries/univariate/batch"


def test_reads_run_out_and_say_so(make_gateway):
    gateway = make_gateway(reads_per_minute=3)
    left = [gateway.get("/connection-check").headers["x-ratelimit-remaining"] for _ in range(3)]
    assert left == [f"name=rate-limit-1,{n};" for n in (2, 1, 0)]
    answer = gateway.get("/connection-check")
    assert answer.status_code == 429
    assert answer.json["httpMessage"] == "Too Many Requests"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["x-ratelimit-limit"] == "name=rate-limit-1,3;"
    assert answer.headers["x-ratelimit-remaining"] == "name=rate-limit-1,0;"
    plain = gateway.get("/api/v1/jobs")
    assert plain.status_code == 429
    assert plain.content_type == "application/problem+json"


def test_each_client_and_each_kind_has_its_own(make_gateway):
    gateway = make_gateway(reads_per_minute=1, submits_per_minute=1)
    assert gateway.get("/connection-check").status_code == 200
    assert gateway.submit().status_code == 200
    assert gateway.get("/connection-check").status_code == 429
    assert gateway.submit().status_code == 429
    assert gateway.stranger().get("/connection-check").status_code == 200
    assert gateway.stranger().submit().status_code == 200
    assert gateway.jobs() == 2


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json"])
def test_what_needs_no_credentials_is_not_counted(make_gateway, path):
    gateway = make_gateway(reads_per_minute=1)
    for _ in range(3):
        answer = gateway.app.test_client().get(path)
        assert answer.status_code == 200
        assert "x-ratelimit-limit" not in answer.headers


def test_the_count_is_exact_under_parallel_calls(make_gateway):
    gateway = make_gateway(reads_per_minute=20)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = [*pool.map(lambda _: gateway.get("/connection-check").status_code, range(40))]
    assert sorted(statuses) == [200] * 20 + [429] * 20


def test_a_window_ends_by_itself(make_gateway):
    gateway = make_gateway(reads_per_minute=1)
    gateway.get("/connection-check")
    keys = [*gateway.store.client.scan_iter(gateway.settings.key_prefix + "rate*")]
    assert len(keys) == 1
    assert 0 < gateway.store.client.ttl(keys[0]) <= 60


def test_a_full_queue_is_503_with_retry_after(make_gateway):
    gateway = make_gateway(queue_limit=1)
    assert gateway.submit().status_code == 200
    answer = gateway.submit()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert "error" in answer.json
    assert gateway.jobs() == 1
