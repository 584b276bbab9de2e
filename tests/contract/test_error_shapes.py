"""Every error, by every door: its status, its shape, and but in one door never a key ``message``."""

from __future__ import annotations

import io

import pytest

from doors import CSV
from oddline import errors
from oddline_workers.datasets.catalogue import Datasets
from oddline_workers.store import JobStore
from shapes import check_shape

UNI = "/anomaly-detection/timeseries/univariate/batch"
MULTI = UNI.replace("univariate", "multivariate")
PLAIN = "/api/v1/jobs"
SESSION = "/v1/Sessions/Model"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
FORM = "multipart/form-data; boundary=b"
PARTS = "multipart/form-data"

FIELDS = {
    UNI: {"time_column": "Time", "target_column": "Value", "data_file": (CSV, "a.csv")},
    MULTI: {"time_column": "Time", "target_columns": '["Value"]', "data_file": (CSV, "a.csv")},
    PLAIN: {"time_column": "Time", "target_columns": '["Value"]', "file": (CSV, "a.csv")},
}
"""A form that each door takes."""


def parts(path, **changed):
    """The form of a door with some parts changed; a pair is a file part."""
    form = {**FIELDS[path], **changed}
    return {name: (io.BytesIO(v[0]), v[1]) if isinstance(v, tuple) else v for name, v in form.items()}


def rows(name):
    """One row in JSON, with a column of this name as JSON writes it."""
    return b'[{"Time": "2017-01-01 00:00:00", "Value": 1, %s: 2}]' % name


SURROGATE = rb'"\ud800"'

REQUESTS = [
    ("GET", "/nowhere", {}, 404),
    ("GET", "/ai4industry/run", {}, 404),
    ("GET", "/ai4industry/run/nowhere", {}, 404),
    ("GET", "/api/v1/nowhere", {}, 404),
    ("GET", "/connection-check/", {}, 404),
    ("DELETE", "/connection-check", {}, 405),
    ("GET", UNI, {}, 405),
    ("PUT", "/result/" + UNKNOWN, {}, 405),
    ("PATCH", "/api/v1/jobs", {}, 405),
    ("POST", "/livez", {}, 405),
    ("GET", "/result/" + UNKNOWN, {}, 404),
    ("GET", "/result/nonsense", {}, 404),
    ("GET", "/result/*", {}, 404),
    ("GET", "/result/..%2f..%2fetc%2fpasswd", {}, 404),
    ("GET", "/result/" + UNKNOWN + "%0a", {}, 404),
    ("GET", "/result/" + UNKNOWN + "%00", {}, 404),
    ("GET", "/result/%ff%fe", {}, 404),
    ("GET", "/result/" + "9" * 5000, {}, 404),
    ("GET", "/result/" + UNKNOWN.upper().replace("8", "A"), {}, 404),
    ("GET", "/api/v1/jobs/" + UNKNOWN, {}, 404),
    ("GET", "/api/v1/jobs/" + UNKNOWN + "/result", {}, 404),
    ("DELETE", "/api/v1/jobs/" + UNKNOWN, {}, 404),
    ("DELETE", "/api/v1/jobs/*", {}, 404),
    ("GET", "/api/v1/jobs?limit=0", {}, 400),
    ("GET", "/api/v1/jobs?limit=x&offset=-1&status=message", {}, 400),
    ("POST", UNI, {"data": b"no boundary in here", "content_type": FORM}, 400),
    ("POST", UNI, {"data": b"--b\r\nContent-Disposition: form-data", "content_type": FORM}, 400),
    ("POST", UNI, {"data": b"--b--\r\n", "content_type": FORM}, 400),
    ("POST", UNI, {"data": b"x", "content_type": "multipart/form-data"}, 400),
    ("POST", UNI, {"data": b"x", "content_type": "multipart/form-data; boundary=\xe4"}, 400),
    ("POST", UNI, {"data": b"x", "content_type": "multipart/form-data; boundary=" + "b" * 300}, 400),
    ("POST", UNI, {"data": b"{}", "content_type": "application/json"}, 415),
    ("POST", UNI, {"data": b"a=b"}, 415),
    ("POST", UNI, {"data": b"a=b", "content_type": "application/x-www-form-urlencoded"}, 415),
    ("POST", UNI, {"data": {f"f{n}": "x" for n in range(30)}, "content_type": "multipart/form-data"}, 413),
    ("POST", UNI, {"data": {"f": "x" * 300_000}, "content_type": "multipart/form-data"}, 413),
    ("POST", "/api/v1/jobs", {"data": b"\n", "content_type": "text/csv"}, 400),
    ("POST", "/api/v1/jobs", {"content_type": "text/csv"}, 411),
    ("POST", "/api/v1/jobs", {"data": b"", "content_type": "text/html"}, 415),
    ("POST", "/api/v1/jobs", {"data": b"{}", "content_type": "application/json"}, 400),
    ("POST", "/api/v1/jobs", {"data": b"[[1", "content_type": "application/json"}, 400),
    ("POST", "/api/v1/jobs", {"data": {"a": "b"}, "content_type": "multipart/form-data"}, 400),
    ("POST", "/api/v1/jobs?message=1", {"data": CSV, "content_type": "text/csv"}, 400),
    ("POST", "/api/v1/jobs?time_column=No", {"data": CSV, "content_type": "text/csv"}, 400),
    ("POST", "/api/v1/jobs?target_columns=[1", {"data": CSV, "content_type": "text/csv"}, 400),
    ("GET", "/v1/nowhere", {}, 404),
    ("GET", "/V1/Nowhere/", {}, 404),
    ("GET", "/v1/", {}, 404),
    ("GET", "/v1/data//", {}, 404),
    ("PATCH", "/v1/data", {}, 405),
    ("POST", "/v1/Data/x/", {}, 405),
    ("GET", "/v1/data/nothing", {}, 404),
    ("GET", "/v1/data/%20", {}, 404),
    ("GET", "/v1/data/%00", {}, 404),
    ("GET", "/v1/data/%ff%fe", {}, 404),
    ("GET", "/v1/data/" + "9" * 5000, {}, 404),
    ("GET", "/v1/data/..%2f..%2fetc%2fpasswd", {}, 404),
    ("DELETE", "/v1/data/nothing", {}, 404),
    ("GET", "/v1/data/nothing/stats/x", {}, 404),
    ("PUT", "/v1/data/%20", {"json": {}}, 400),
    ("PUT", "/v1/data/%00", {"json": {}}, 400),
    ("PUT", "/v1/data/" + "9" * 5000, {"json": {}}, 400),
    ("PUT", "/v1/data/x", {"content_type": "text/csv"}, 411),
    ("PUT", "/v1/data/x?timestampColumn=" + "9" * 5000, {"json": {}}, 400),
    ("GET", "/v1/sessions?page=x", {}, 400),
    ("GET", "/v1/sessions/" + UNKNOWN, {}, 404),
    ("GET", "/v1/sessions/*", {}, 400),
    ("DELETE", "/v1/sessions", {}, 400),
    ("DELETE", "/v1/models", {}, 400),
    ("DELETE", "/v1/models/" + UNKNOWN, {}, 404),
    ("POST", f"/v1/models/{UNKNOWN}/predict", {"json": {"data": []}}, 404),
    ("POST", "/v1/models/x/predict", {"json": {"data": []}}, 400),
    ("POST", SESSION, {"json": {}}, 400),
    ("POST", SESSION, {"data": b"null", "content_type": "application/json"}, 400),
    ("POST", SESSION, {"data": b'""', "content_type": "application/json"}, 400),
    ("POST", SESSION, {"data": b"[1]", "content_type": "application/json"}, 400),
    ("POST", SESSION, {"data": b"{", "content_type": "application/json"}, 400),
    ("POST", SESSION, {"data": b"[" * 100_000, "content_type": "application/json"}, 400),
    ("POST", SESSION, {"data": b"\xff", "content_type": "application/json"}, 400),
    ("POST", SESSION, {"data": b'{"\\ud800": 1}', "content_type": "application/json"}, 400),
    ("POST", SESSION, {"data": b" " * (1 << 20) + b"{}", "content_type": "application/json"}, 413),
    ("POST", SESSION, {}, 411),
    ("POST", SESSION, {"json": {"dataSourceName": "nothing", "predictionDomain": "anomalies"}}, 404),
    ("POST", SESSION, {"json": {"dataSourceName": ["x"]}}, 400),
    ("POST", SESSION, {"json": {"dataSourceName": "x" * 5000}}, 400),
    ("POST", SESSION, {"json": {"dataSourceName": "x\0"}}, 400),
    ("POST", SESSION, {"json": {"dataSourceName": "x", "missingValues": "x"}}, 400),
    ("POST", "/v1/sessions/forecast", {"data": '""', "content_type": "application/json"}, 400),
    ("POST", "/v1/imports/url", {"json": {}}, 400),
    ("POST", "/v1/imports/url", {"json": {"dataSetName": "x", "url": "file:///etc/passwd"}}, 400),
    ("POST", "/v1/imports/s3", {"json": {"dataSetName": "x"}}, 400),
    ("POST", "/v1/imports/azure", {"json": {"dataSetName": "x"}}, 400),
    ("PUT", "/v1/views/x", {"json": {}}, 400),
    # Text fields as file parts, and the file as a text field.
    *[
        ("POST", path, {"data": {name: (b"x", "x.txt")}, "content_type": PARTS}, 400)
        for path, form in FIELDS.items()
        for name in [*form, "labeling_threshold", "algorithm_type", "lookback_window"]
        if name not in ("file", "data_file")
    ],
    ("POST", UNI, {"data": {"data_file": "a text"}, "content_type": PARTS}, 400),
    ("POST", MULTI, {"data": {"data_file": "a text"}, "content_type": PARTS}, 400),
    ("POST", PLAIN, {"data": {"file": "a text"}, "content_type": PARTS}, 400),
    # Names that UTF-8 has no bytes for.
    ("POST", UNI, {"data": {"data_file": (rows(SURROGATE), "a.json")}, "content_type": PARTS}, 400),
    ("POST", PLAIN, {"data": {"file": (rows(SURROGATE), "a.json")}, "content_type": PARTS}, 400),
    ("POST", PLAIN, {"data": rows(SURROGATE), "content_type": "application/json"}, 400),
    ("POST", MULTI, {"data": {"target_columns": r'["\ud800"]'}, "content_type": PARTS}, 400),
    ("POST", PLAIN, {"data": {"target_columns": r'["\ud800"]'}, "content_type": PARTS}, 400),
]


@pytest.mark.parametrize(("method", "path", "more", "status"), REQUESTS)
def test_hostile_and_wrong_requests(gateway, method, path, more, status):
    if more.get("content_type") == PARTS and path in FIELDS and isinstance(more["data"], dict):
        more = {**more, "data": parts(path, **more["data"])}
    answer = gateway.call(method, path, **more)
    assert answer.status_code == status, answer.data
    check_shape(answer, path)
    assert gateway.jobs() == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/connection-check"),
        ("POST", "/connection-check"),
        ("POST", UNI),
        ("POST", "/ai4industry/run" + UNI),
        ("GET", "/result/" + UNKNOWN),
        ("GET", "/api/v1/jobs"),
        ("POST", "/api/v1/jobs"),
        ("GET", "/v1/data"),
        ("PUT", "/v1/data/x"),
        ("POST", SESSION),
        ("POST", f"/v1/models/{UNKNOWN}/predict"),
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-IBM-Client-Id": "a"},
        {"X-IBM-Client-Secret": "b"},
        {"X-IBM-Client-Id": "a", "X-IBM-Client-Secret": "b"},
        {"X-IBM-Client-Id": "\xff\xfe", "X-IBM-Client-Secret": "\xe4" * 40},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Bearer x"},
        {"api-key": "x"},
        {"api-key": "\xff\xfe"},
    ],
)
def test_strangers_are_turned_away(gateway, method, path, headers):
    answer = gateway.app.test_client().open(path, method=method, headers=headers)
    assert answer.status_code == 401
    check_shape(answer, path)
    assert "x-ratelimit-limit" not in answer.headers


def test_a_good_id_with_another_clients_secret_is_a_stranger(gateway):
    other = gateway.stranger()
    headers = {"X-IBM-Client-Id": gateway.client_id, "X-IBM-Client-Secret": other.client_secret}
    assert gateway.app.test_client().get("/connection-check", headers=headers).status_code == 401


TREE = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.OddlineError)
]


@pytest.mark.parametrize("kind", TREE)
@pytest.mark.parametrize("path", ["/result/" + UNKNOWN, "/api/v1/jobs/" + UNKNOWN, "/v1/data/x"])
def test_the_whole_tree_by_every_door(gateway, monkeypatch, kind, path):
    def get(*_):
        raise kind("Seen this. Expected that.", column="message", row=3, retry_after=1.2)

    monkeypatch.setattr(JobStore, "get", get)
    monkeypatch.setattr(Datasets, "get", get)
    answer = gateway.get(path)
    assert answer.status_code == kind.status
    check_shape(answer, path)
    assert "Seen this. Expected that." in answer.text
    assert answer.headers["Retry-After"] == "2"


@pytest.mark.parametrize("path", ["/result/" + UNKNOWN, "/api/v1/jobs/" + UNKNOWN, "/v1/sessions/" + UNKNOWN])
def test_the_unforeseen_is_500_without_its_details(gateway, monkeypatch, path):
    def get(*_):
        raise KeyError("secret detail")

    monkeypatch.setattr(JobStore, "get", get)
    answer = gateway.get(path)
    assert answer.status_code == 500
    check_shape(answer, path)
    assert "secret detail" not in answer.text
    assert answer.headers["x-global-transaction-id"] in answer.text


def test_wrong_parameters_are_listed_one_by_one(gateway):
    answer = gateway.post(
        "/api/v1/jobs",
        data={"file": (io.BytesIO(CSV), "a.csv"), "observation_windw": "3", "recent_data": "x"},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 400
    wrong = {item["parameter"]: item["detail"] for item in answer.get_json(force=True)["errors"]}
    assert set(wrong) == {"observation_windw", "recent_data"}
    assert "Did you mean 'observation_window'?" in wrong["observation_windw"]


def test_a_method_error_names_the_legal_ones(gateway):
    assert set(gateway.get(UNI).headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


@pytest.mark.parametrize("path", FIELDS)
def test_the_forms_that_the_table_changes_are_good(gateway, path):
    assert gateway.post(path, data=parts(path), content_type=PARTS).status_code in (200, 202)


def test_one_record_that_cannot_be_written_hides_no_other(gateway):
    good = gateway.submit().json["jobId"]
    bad = gateway.submit().json["jobId"]
    spec = b'{"algorithm_type": "DeepAD", "target_columns": ["\\ud800"], "\\udfff": 1}'
    gateway.store.client.hset(f"{gateway.settings.key_prefix}job:{bad}", "spec", spec)
    listed = gateway.get("/api/v1/jobs")
    assert listed.status_code == 200
    assert {job["id"] for job in listed.json["jobs"]} == {good, bad}
    assert gateway.get("/api/v1/jobs/" + bad).json["parameters"]["target_columns"] == ["?"]
    assert gateway.get("/result/" + bad).status_code == 200
