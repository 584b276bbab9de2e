"""Our own dialect: submit in four ways, list, look at, cancel, result."""

from __future__ import annotations

import io
import json
import re
import zlib

import pytest

from doors import CSV
from oddline.errors import DataError

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def submit(gateway, **fields):
    return gateway.post(
        "/api/v1/jobs",
        data={"file": (io.BytesIO(CSV), "a.csv"), **fields},
        content_type="multipart/form-data",
    )


def test_submit_answers_202_with_the_job_and_its_place(gateway):
    answer = submit(gateway, time_column="Time", algorithm_type="windowad")
    assert answer.status_code == 202
    job = answer.json
    assert answer.headers["Location"] == job["links"]["self"] == f"/api/v1/jobs/{job['id']}"
    assert job["links"]["result"] == f"/api/v1/jobs/{job['id']}/result"
    assert (job["status"], job["filename"], job["lane"], job["dialect"]) == (
        "queued",
        "a.csv",
        "cpu",
        "plain",
    )
    assert (job["attempt"], job["error"], job["size"]) == (0, None, len(CSV))
    assert job["progress"] == {"fraction": 0.0, "stage": ""}
    assert job["parameters"]["algorithm_type"] == "WindowAD"
    assert set(job["timeline"]) == {"submitted", "queued", "execution_started", "done"}
    assert ISO.fullmatch(job["timeline"]["submitted"])
    assert job["timeline"]["done"] is None


def test_defaults_are_the_catalogues_and_nothing_is_required(gateway):
    parameters = submit(gateway).json["parameters"]
    assert parameters["algorithm_type"] == "auto"
    assert parameters["time_column"] is parameters["time_format"] is parameters["target_columns"] is None


@pytest.mark.parametrize(
    ("kind", "body", "name"),
    [
        ("text/csv", CSV, "data.csv"),
        ("text/csv; charset=utf-8", CSV, "data.csv"),
        ("application/json", b'[{"Time": "2017-01-01", "Value": "3"}]', "data.json"),
        ("application/gzip", zlib.compress(CSV, wbits=31), "data.csv.gz"),
        ("application/octet-stream", CSV, "data.csv"),
    ],
)
def test_a_bare_body_with_parameters_in_the_query(gateway, kind, body, name):
    query = "time_column=Time&target_columns=Value&observation_window=7"
    job = gateway.post("/api/v1/jobs?" + query, data=body, content_type=kind).json
    assert job["filename"] == name
    assert job["parameters"]["target_columns"] == ["Value"]
    assert job["parameters"]["observation_window"] == 7
    named = gateway.post("/api/v1/jobs?filename=b.csv&" + query, data=body, content_type=kind).json
    assert named["filename"] == "b.csv"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("Value", ["Value"]),
        ('["Value", "Other"]', ["Value", "Other"]),
        (["Value", "Other"], ["Value", "Other"]),
        ("", None),
    ],
)
def test_target_columns_in_each_form(gateway, columns, expected):
    assert submit(gateway, target_columns=columns).json["parameters"]["target_columns"] == expected


def test_a_job_from_start_to_result(gateway):
    job = submit(gateway, labeling_method="Chi-Square").json
    self, result = job["links"]["self"], job["links"]["result"]
    waiting = gateway.get(result)
    assert (waiting.status_code, waiting.get_json(force=True)["code"]) == (409, "not_done")
    claim = gateway.store.claim(job["id"], "w:1:1")
    gateway.store.beat(job["id"], claim.job.attempt, 0.25, "score")
    seen = gateway.get(self).json
    assert (seen["status"], seen["attempt"]) == ("executing", 1)
    assert seen["progress"] == {"fraction": 0.25, "stage": "score"}
    assert ISO.fullmatch(seen["timeline"]["execution_started"])
    gateway.store.release(job["id"], 1)
    gateway.work(job["id"])
    done = gateway.get(self).json
    assert done["status"] == "done"
    assert all(done["timeline"].values())

    def no_constant(name):
        raise AssertionError(name)

    answer = gateway.get(result)
    body = json.loads(answer.data, parse_constant=no_constant)
    assert {"summary", "anomalies", "columns", "rows"} <= set(body)
    assert len(body["rows"]) == 60
    assert {"time", "score", "severity", "label"} <= set(body["rows"][0])
    packed = gateway.get(result, headers={"Accept-Encoding": "gzip"})
    assert zlib.decompress(packed.data, wbits=31) == answer.data
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(answer.data)


def test_a_failed_job_says_why(gateway):
    def engine(*_):
        raise DataError("Row 3: 'x' is no number.", code="not_numeric", row=3, column="Value")

    job = submit(gateway).json
    gateway.work(job["id"], engine)
    seen = gateway.get(job["links"]["self"]).json
    assert (seen["status"], seen["error"]["code"], seen["error"]["row"]) == ("error", "not_numeric", 3)
    answer = gateway.get(job["links"]["result"])
    assert answer.status_code == 409
    assert answer.get_json(force=True)["code"] == "not_numeric"
    assert "no number" in answer.get_json(force=True)["detail"]


def test_cancel_twice_and_after_the_end(gateway):
    job = submit(gateway).json
    for _ in range(2):
        answer = gateway.call("DELETE", job["links"]["self"])
        assert (answer.status_code, answer.json["status"]) == (200, "cancelled")
    assert gateway.get(job["links"]["result"]).get_json(force=True)["code"] == "cancelled"
    assert gateway.work(job["id"]) == "over"


def test_cancel_of_a_running_job_is_noted(gateway):
    job = submit(gateway).json
    gateway.store.claim(job["id"], "w:1:1")
    answer = gateway.call("DELETE", job["links"]["self"]).json
    assert (answer["status"], answer["cancel"]) == ("executing", True)
    assert gateway.store.beat(job["id"], 1, 0.5, "score") == "cancel"


def test_list_pages_filters_and_shows_only_ones_own(gateway):
    made = [submit(gateway).json["id"] for _ in range(5)]
    submit(gateway.stranger())
    page = gateway.get("/api/v1/jobs?limit=2&offset=1").json
    assert [job["id"] for job in page["jobs"]] == made[::-1][1:3]
    assert (page["total"], page["limit"], page["offset"]) == (5, 2, 1)
    gateway.work(made[0])
    done = gateway.get("/api/v1/jobs?status=done").json
    assert [job["id"] for job in done["jobs"]] == [made[0]]
    assert done["total"] == 1
    assert gateway.get("/api/v1/jobs?status=error").json["jobs"] == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_clients_job_is_not_there(gateway, method):
    job = submit(gateway).json
    answer = gateway.stranger().call(method, job["links"]["self"])
    assert answer.status_code == 404
    assert gateway.get(job["links"]["self"]).json["status"] == "queued"


def test_each_door_points_to_the_other_for_results(gateway):
    job_id = gateway.submit().json["jobId"]
    shown = gateway.get(f"/api/v1/jobs/{job_id}").json
    assert (shown["dialect"], shown["links"]["result"]) == ("ibm", f"/result/{job_id}")
    gateway.work(job_id)
    answer = gateway.get(f"/api/v1/jobs/{job_id}/result")
    assert answer.status_code == 409
    assert f"/result/{job_id}" in answer.text
    plain = submit(gateway).json
    answer = gateway.get(f"/result/{plain['id']}")
    assert answer.status_code == 409
    assert plain["links"]["result"] in answer.json["error"]


def test_http_basic_is_good_too(gateway):
    client = gateway.app.test_client()
    assert client.get("/api/v1/jobs", auth=(gateway.client_id, gateway.client_secret)).status_code == 200
    refused = client.get("/api/v1/jobs", auth=(gateway.client_id, "x" * 32))
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
