"""What a browser is told with every answer, whatever became of the request."""

import re

import pytest
from apiflask import APIBlueprint

from doors import CSV
from oddline_api.app import create_app
from oddline_api.headers import DEFAULTS
from oddline_api.nexosis.account import HEADERS as ACCOUNT
from oddline_workers.settings import Settings
from oddline_workers.store import JobStore

JOB = "00000000-0000-4000-8000-000000000000"


def check(answer):
    sent = answer.headers
    ours = answer.request.path.startswith("/v1/")
    for name, value in DEFAULTS.items():
        assert sent.getlist(name) == [value], (answer.request.path, answer.status, name)
    assert len(sent["x-global-transaction-id"]) == 24
    assert "Strict-Transport-Security" not in sent  # this gateway speaks no https
    assert bool([name for name in sent.keys() if name.lower().startswith("access-control-")]) == ours  # noqa: SIM118
    for name in ACCOUNT:
        assert len(sent.getlist(name)) == ours, (answer.request.path, answer.status, name)
        assert not ours or name.endswith(("Balance", "Cost")) or sent[name].isdecimal()
    assert answer.content_type or not answer.data


def test_what_they_forbid():
    assert DEFAULTS["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert DEFAULTS["X-Content-Type-Options"] == "nosniff"
    assert DEFAULTS["X-Frame-Options"] == "DENY"
    assert DEFAULTS["Referrer-Policy"] == "no-referrer"
    assert DEFAULTS["Cross-Origin-Resource-Policy"] == "same-origin"
    assert DEFAULTS["Cache-Control"] == "no-store"
    assert not any(letter.isdigit() for letter in DEFAULTS["Server"])


def test_every_route_by_every_method_for_friend_and_stranger(gateway):
    client, statuses = gateway.app.test_client(), set()
    for rule in gateway.app.url_map.iter_rules():
        path = re.sub("<[a-z]+_id>", JOB, rule.rule).replace("<name>", "x").replace("<column>", "y")
        assert "<" not in path
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"):
            for headers in (gateway.headers, {}):
                answer = client.open(path, method=method, headers=headers)
                check(answer)
                statuses.add(answer.status_code)
    assert statuses >= {200, 401, 404, 405, 415}


def test_a_result_has_them_too(gateway):
    job = gateway.submit().json["jobId"]
    gateway.work(job)
    answer = gateway.get(f"/result/{job}")
    assert answer.json["status"] == "done"
    check(answer)


@pytest.mark.parametrize(
    ("status", "settings", "call"),
    [
        (400, {}, lambda g: g.submit(data=b"")),
        (404, {}, lambda g: g.get("/nowhere")),
        (411, {}, lambda g: g.post("/api/v1/jobs", content_type="text/csv")),
        (413, {"max_upload_bytes": 10}, lambda g: g.post("/api/v1/jobs", data=CSV, content_type="text/csv")),
        (415, {}, lambda g: g.post("/api/v1/jobs", data=CSV, content_type="image/png")),
        (429, {"reads_per_minute": 1}, lambda g: (g.get("/api/v1/jobs"), g.get("/api/v1/jobs"))[1]),
        (503, {"queue_limit": 1}, lambda g: (g.submit(), g.submit())[1]),
        (204, {}, lambda g: g.call("DELETE", "/v1/vocabulary")),
        (400, {}, lambda g: g.call("DELETE", "/v1/sessions")),
        (401, {}, lambda g: g.app.test_client().get("/v1/data")),
        (404, {}, lambda g: g.get("/v1/nowhere")),
        (411, {}, lambda g: g.post("/v1/sessions/model")),
        (429, {"reads_per_minute": 1}, lambda g: (g.get("/v1/data"), g.get("/v1/data"))[1]),
        (503, {}, lambda g: g.call("PUT", "/v1/data/x", json={})),
    ],
)
def test_a_refusal_has_them(make_gateway, status, settings, call):
    answer = call(make_gateway(**settings))
    assert answer.status_code == status
    check(answer)


def test_an_error_of_ours_has_them(gateway, monkeypatch):
    def broken(*_):
        raise KeyError("boom")

    monkeypatch.setattr(JobStore, "get", broken)
    gateway.app.testing = False
    answer = gateway.get(f"/result/{JOB}")
    assert answer.status_code == 500
    check(answer)


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/v1/sessions"])
def test_a_store_that_is_away_takes_none_of_them_away(tmp_path, path):
    app = create_app(Settings(redis_url=f"unix://{tmp_path}/none.sock"))
    answer = app.test_client().get(path, headers={"X-IBM-Client-Id": "a", "X-IBM-Client-Secret": "b"})
    assert answer.status_code == 503
    check(answer)


def test_a_blueprint_may_allow_its_own_pages_more():
    app = create_app(Settings(redis_url="unix:///nowhere.sock"))
    pages = APIBlueprint("pages", __name__)

    @pages.get("/page")
    def page():
        return "<p>hello"

    @pages.after_request
    def allow(response):
        response.headers["Content-Security-Policy"] = "default-src 'self'"
        return response

    app.register_blueprint(pages)
    answer = app.test_client().get("/page")
    assert answer.headers.getlist("Content-Security-Policy") == ["default-src 'self'"]
    assert answer.headers["X-Frame-Options"] == "DENY"
