"""Sessions as they are asked for, listed, looked at and deleted; and imports beside them."""

from __future__ import annotations

import re
import uuid

import pytest

from contract.nexosis.rows import DAYS, keep

ISO6 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"
ANOMALIES = {"dataSourceName": "hearts", "predictionDomain": "anomalies"}


def start(door, **more):
    answer = door.post("/sessions/model", {**ANOMALIES, **more})
    assert answer.status_code == 200, answer.text
    return answer


def test_a_session_straight_after_it_was_asked_for(door, gateway):
    keep(gateway, "Hearts")
    answer = start(door)
    assert answer.content_type == "application/json; charset=utf-8"
    assert answer.headers["Nexosis-Session-Status"] == "Requested"
    assert answer.headers["Nexosis-Account-SessionCount-Current"] == "1"
    assert "Nexosis-Webhook-Token" not in answer.headers
    body = answer.json
    session = body["sessionId"]
    date = body["requestedDate"]
    assert re.fullmatch(ISO6, date)
    assert body == {
        "columns": {
            "id": {"dataType": "numeric", "role": "key", "imputation": "zeroes", "aggregation": "sum"},
            "bpm": {
                "dataType": "numericMeasure",
                "role": "feature",
                "imputation": "mean",
                "aggregation": "mean",
            },
            "note, if any": {
                "dataType": "string",
                "role": "none",
                "imputation": "mode",
                "aggregation": "mode",
            },
            "anomaly": {"dataType": "numeric", "role": "target"},
        },
        "sessionId": session,
        "type": "model",
        "status": "requested",
        "predictionDomain": "anomalies",
        "supportsFeatureImportance": False,
        "availablePredictionIntervals": [],
        "requestedDate": date,
        "statusHistory": [{"date": date, "status": "requested"}],
        "extraParameters": {"containsAnomalies": True},
        "messages": [],
        "name": "Anomalies on Hearts",
        "dataSourceName": "Hearts",
        "dataSetName": "Hearts",
        "targetColumn": "anomaly",
        "isEstimate": False,
        "links": [{"rel": "self", "href": f"http://localhost/v1/sessions/{session}"}],
    }
    assert door.get(f"/Sessions/{session.upper()}").json == body
    head = door.call("HEAD", f"/sessions/{session}")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Nexosis-Session-Status"] == "Requested"


def test_before_it_is_completed_there_are_no_results(door, gateway):
    keep(gateway, "hearts")
    session = start(door).json["sessionId"]
    for words in ("results", "results/AnomalyScores", "results/mahalanobisDistances"):
        answer = door.get(f"/sessions/{session}/{words}?pageSize=7")
        assert answer.status_code == 200
        assert answer.headers["Nexosis-Session-Status"] == "Requested"
        body = answer.json
        assert (body["metrics"], body["data"], body["totalCount"], body["pageSize"]) == ({}, [], 0, 7)
        assert (body["sessionId"], body["status"]) == (session, "requested")
        assert "columns" not in body
        empty = door.get(f"/sessions/{session}/{words}", headers={"Accept": "text/csv"})
        assert (empty.status_code, empty.data) == (200, b"")
        assert empty.content_type == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    "body",
    [
        {"DataSourceName": "hearts", "PredictionDomain": "Anomalies"},
        {"datasourcename": "hearts", "PREDICTIONDOMAIN": "ANOMALIES", "TargetColumn": None, "columns": None},
        {"dataSetName": "hearts", "predictionDomain": "anomalies", "unknown": {"a": [1]}},
        {**ANOMALIES, "callbackUrl": None, "extraParameters": None, "name": "", "missingValues": None},
        {**ANOMALIES, "ExtraParameters": {"ContainsAnomalies": "True", "more": 1}},
        {**ANOMALIES, "extraParameters": {"containsAnomalies": "true"}},
        {**ANOMALIES, "columns": {"BPM": {"DataType": -1, "Role": "Feature", "imputation": 1, "x": 1}}},
    ],
)
def test_bodies_as_clients_write_them(door, gateway, body):
    keep(gateway, "hearts")
    answer = door.call("POST", "/Sessions/Model/", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json["extraParameters"] == {"containsAnomalies": True}
    assert answer.json["columns"]["bpm"]["role"] == "feature"
    assert "callbackUrl" not in answer.json


def test_what_is_asked_for_is_kept(door, gateway):
    keep(gateway, "hearts")
    told = start(
        door,
        name="Mine",
        extraParameters={"containsAnomalies": "False"},
        columns={"note, if any": {"role": "feature"}, "id": {"role": "none", "dataType": "numericMeasure"}},
        missingValues=["-", -999],
    ).json
    assert told["name"] == "Mine"
    assert told["extraParameters"] == {"containsAnomalies": False}
    assert told["columns"]["note, if any"]["role"] == "feature"
    assert told["columns"]["id"] == {
        "dataType": "numericMeasure",
        "role": "none",
        "imputation": "mean",
        "aggregation": "mean",
    }
    job = gateway.store.get(told["sessionId"])
    assert (job.kind, job.dialect, job.after, job.spec["missingValues"]) == (
        "session",
        "nexosis",
        "",
        ["-", "-999"],
    )
    assert job.spec["base"] == "http://localhost/v1"


def test_a_target_is_passed_over_and_that_is_said(door, gateway):
    keep(gateway, "hearts")
    keep(gateway, "days", DAYS)
    for more in (
        {"targetColumn": "bpm"},
        {"columns": {"bpm": {"role": "target"}}},
        {"dataSourceName": "days"},
    ):
        told = start(door, **more).json
        [message] = told["messages"]
        assert message["severity"] == "warning"
        assert "'anomaly'" in message["message"]
        assert told["targetColumn"] == "anomaly"
        assert [name for name, column in told["columns"].items() if column["role"] == "target"] == ["anomaly"]


def test_the_mistake_of_a_client_that_names_regression(door, gateway):
    keep(gateway, "hearts")
    keep(gateway, "days", DAYS)
    mistaken = {"predictionDomain": "regression", "extraParameters": {"containsAnomalies": True}}
    told = start(door, **mistaken).json
    assert [message["severity"] for message in told["messages"]] == ["warning"]
    assert "regression" in told["messages"][0]["message"]
    for more in (
        {"predictionDomain": "regression"},
        {"predictionDomain": None},
        {"predictionDomain": "classification", "extraParameters": {"containsAnomalies": True}},
        {"predictionDomain": "forecast"},
        {"predictionDomain": 7},
        {**mistaken, "targetColumn": "bpm"},
        {**mistaken, "columns": {"bpm": {"role": "target"}}},
        {**mistaken, "dataSourceName": "days"},
    ):
        answer = door.post("/sessions/model", {**ANOMALIES, **more})
        assert answer.status_code == 400, more
        assert answer.json["errorType"] == "RequestValidation"
        assert list(answer.json["errorDetails"]) == ["predictionDomain"]
    assert door.get("/sessions").json["totalCount"] == 1


@pytest.mark.parametrize(
    ("more", "kind", "fields"),
    [
        ({"dataSourceName": ""}, "RequestValidation", ["dataSourceName"]),
        ({"callbackUrl": "not an address"}, "RequestValidation", ["callbackUrl"]),
        ({"callbackUrl": "ftp://x.example/"}, "RequestValidation", ["callbackUrl"]),
        ({"callbackUrl": 3}, "RequestValidation", ["callbackUrl"]),
        (
            {"extraParameters": {"containsAnomalies": "maybe"}},
            "RequestValidation",
            ["extraParameters.containsAnomalies"],
        ),
        ({"extraParameters": 3}, "RequestValidation", ["extraParameters"]),
        ({"missingValues": [[]]}, "RequestValidation", ["missingValues.0"]),
        ({"columns": {"bpm": {"role": "boss"}}}, "InvalidColumnMetadata", ["bpm"]),
        ({"columns": {"bpn": {"role": "none"}}}, "InvalidColumnMetadata", ["bpn"]),
        ({"columns": [1]}, "InvalidColumnMetadata", ["columns"]),
    ],
)
def test_what_is_wrong_with_a_body_is_told_by_field(door, gateway, more, kind, fields):
    keep(gateway, "hearts")
    answer = door.post("/sessions/model", {**ANOMALIES, **more})
    assert answer.status_code == 400
    assert answer.json["errorType"] == kind
    assert list(answer.json["errorDetails"]) == fields
    for reasons in answer.json["errorDetails"].values():
        assert reasons
        assert all(isinstance(reason, str) for reason in reasons)
    assert gateway.jobs() == 0


def test_a_source_that_is_not_there(door):
    answer = door.post("/sessions/model", ANOMALIES)
    assert answer.status_code == 404
    assert answer.json["message"] == "Item of type dataSource with identifier hearts was not found"
    assert answer.json["errorDetails"] == {"itemType": "dataSource", "itemId": "hearts"}


def test_a_session_waits_for_the_imports_into_its_dataset(door, gateway):
    def fetch(name):
        body = {"DataSetName": name, "Url": "https://files.example/hearts.csv"}
        answer = door.call("POST", "/Imports/Url", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Nexosis-Import-Status"] == "Requested"
        return answer.json["importId"]

    first, other, second = fetch("Hearts"), fetch("Other"), fetch("hearts")
    told = start(door, dataSourceName="HEARTS", columns={"x": {"role": "key"}}).json
    assert set(told["columns"]) == {"x", "anomaly"}
    assert set(gateway.store.get(told["sessionId"]).after.split()) == {first, second}
    gateway.store.cancel(first, gateway.client_id)
    gateway.store.cancel(second, gateway.client_id)
    assert door.post("/sessions/model", ANOMALIES).status_code == 404
    assert door.get(f"/imports/{other}").json["status"] == "requested"
    assert door.get("/imports?dataSetName=HEARTS").json["totalCount"] == 2
    items = door.get("/imports").json["items"]
    assert [item["importId"] for item in items] == [second, other, first]
    assert [item["status"] for item in items] == ["cancelled", "requested", "cancelled"]


def test_one_is_told_when_it_is_over(door, gateway):
    keep(gateway, "hearts")
    answer = start(door, callbackUrl="https://there.example/told?x=1")
    token = answer.headers["Nexosis-Webhook-Token"]
    assert len(token) == 32
    assert answer.json["callbackUrl"] == "https://there.example/told?x=1"
    assert token not in answer.text
    session = answer.json["sessionId"]
    keys = gateway.store.client.scan_iter(gateway.settings.key_prefix + "job:*")
    jobs = [gateway.store.get(key.decode().rpartition(":")[2]) for key in keys]
    [told] = [job for job in jobs if job.kind == "callback"]
    assert (told.after, told.dialect) == (session, "nexosis")
    assert dict(told.spec) == {"session": session, "url": "https://there.example/told?x=1"}
    assert gateway.store.client.hget(gateway.store.payload_key(told.id), "0") == token.encode()
    records = [gateway.store.client.hgetall(gateway.store.root + "job:" + job.id) for job in jobs]
    assert token not in str(records)
    again = door.get("/sessions/" + session)
    assert token not in again.text + str(again.headers)


def test_without_its_callback_there_is_no_session(make_gateway, door):
    gateway = make_gateway(queue_limit=1)
    keep(gateway, "hearts")
    answer = gateway.post("/v1/sessions/model", json={**ANOMALIES, "callbackUrl": "https://a.example/"})
    assert answer.status_code == 503
    assert gateway.jobs() == 0


def test_sessions_are_listed_newest_first_and_chosen_and_sorted(door, gateway):
    keep(gateway, "hearts")
    keep(gateway, "Cats")
    made = [start(door, name=name, dataSourceName=source).json for name, source in NAMES]
    ids = [one["sessionId"] for one in made]

    def listed(query=""):
        answer = door.get("/sessions" + query)
        assert answer.status_code == 200, answer.text
        assert answer.json["totalCount"] >= len(answer.json["items"])
        return [ids.index(item["sessionId"]) for item in answer.json["items"]]

    date = made[1]["requestedDate"].replace("+", "%2B")
    assert listed() == [2, 1, 0]
    assert listed("?pageSize=2&page=1") == [0]
    assert listed("?DataSourceName=CATS") == [1]
    assert listed("?dataSetName=hearts") == [2, 0]
    assert listed(f"?requestedAfterDate={date}") == [2, 1]
    assert listed(f"?requestedBeforeDate={date}") == [1, 0]
    assert listed("?sortBy=name&sortOrder=ASC") == [2, 0, 1]
    assert listed("?sortBy=Name&sortOrder=desc") == [1, 0, 2]
    assert listed("?sortBy=requestedDate") == [0, 1, 2]
    assert listed("?sortOrder=asc") == [0, 1, 2]
    assert listed("?sessionType=Model") == [2, 1, 0]
    assert (
        listed("?sessionType=forecast") == listed("?eventName=x") == listed(f"?modelId={uuid.uuid4()}") == []
    )
    assert door.get("/sessions").json["items"][0] == made[2]


NAMES = [("b", "hearts"), ("C", "Cats"), ("A", "hearts")]


def test_sessions_are_deleted_one_or_many(door, gateway):
    keep(gateway, "hearts")
    keep(gateway, "Cats")
    ids = [
        start(door, dataSourceName=name).json["sessionId"] for name in ("hearts", "Cats", "hearts", "Cats")
    ]
    answer = door.delete("/sessions/" + ids[0])
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Nexosis-Account-SessionCount-Current"] == "3"
    assert door.delete("/sessions/" + ids[0]).status_code == 404
    for query in ("type=forecast", "eventName=x", "requestedAfterDate=2999-01-01", "endDate=1999-01-01"):
        assert door.delete("/sessions?" + query).status_code == 204
    assert door.get("/sessions").json["totalCount"] == 3
    assert door.delete("/Sessions?DataSetName=CATS&eventName=&type=").status_code == 204
    assert [item["sessionId"] for item in door.get("/sessions").json["items"]] == [ids[2]]
    assert door.delete("/sessions?type=Model").status_code == 204
    assert door.get("/sessions").json["totalCount"] == 0


def test_there_may_be_so_many_sessions(make_gateway):
    gateway = make_gateway(max_sessions=1)
    keep(gateway, "hearts")
    first = gateway.post("/v1/sessions/model", json=ANOMALIES)
    assert first.headers["Nexosis-Account-SessionCount-Allotted"] == "1"
    refused = gateway.post("/v1/sessions/model", json=ANOMALIES)
    assert refused.status_code == 429
    assert refused.json["message"].startswith("Quota exceeded")
    gateway.call("DELETE", "/v1/sessions/" + first.json["sessionId"])
    assert gateway.post("/v1/sessions/model", json=ANOMALIES).status_code == 200


def test_another_kind_of_job_is_no_session(door, gateway):
    detection = gateway.submit().json["jobId"]
    assert door.get("/sessions/" + detection).status_code == 404
    assert door.get("/imports/" + detection).status_code == 404
    assert door.delete("/sessions/" + detection).status_code == 404
    assert gateway.get("/result/" + detection).status_code == 200


def test_the_secrets_of_an_import_come_back_nowhere(door, gateway):
    told = door.post(
        "/imports/url",
        {
            "dataSetName": "x",
            "url": "https://files.example/a?sig=hush1",
            "auth": {"Basic": {"userId": "hush2", "password": "hush3"}},
        },
    )
    assert told.status_code == 200
    for answer in (told, door.get("/imports"), door.get("/imports/" + told.json["importId"])):
        assert "files.example" in answer.text
        assert "hush" not in answer.text
    job = gateway.get("/api/v1/jobs/" + told.json["importId"])
    assert job.status_code == 200
    assert "hush" not in job.text


@pytest.mark.parametrize("name", ["a/b", "..", "."])
def test_nothing_is_imported_into_what_no_path_leads_to(door, gateway, name):
    answer = door.post("/imports/url", {"dataSetName": name, "url": "https://files.example/a"})
    assert answer.status_code == 400
    assert list(answer.json["errorDetails"]) == ["dataSetName"]
    assert gateway.jobs() == 0
