"""Whole flows with the workers' code: rows are put, read and deleted, sessions learn, models predict."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk import at_desk
from workers.imports.remote import answer as said
from workers.imports.remote import remote

CARDIO = Path(__file__).parents[2] / "data" / "cardio.json.gz"
TABLE = "id,bpm,state\r\n" + "".join(
    f"{n},{60 + n % 20},{'ok' if n % 4 else 'tired'}\r\n" for n in range(300)
)


@pytest.fixture
def served(door, gateway) -> Iterator[object]:
    """The door, with a desk behind it."""
    with at_desk(gateway.worker):
        yield door


def put_csv(door, name, text=TABLE, query=""):
    return door.call("PUT", f"/data/{name}{query}", data=text.encode(), content_type="text/csv")


def test_rows_in_json(served):
    body = {
        "data": [{"a": 1, "b": "x", "c": True, "d": None}, {"A": 2.50, "b": "y", "c": False, "d": "z"}],
        "columns": {"a": {"dataType": "numericMeasure", "role": "feature"}, "e": None},
        "missingValues": ["?"],
    }
    answer = served.put("/Data/My Rows", body)
    assert answer.status_code == 201
    assert answer.headers["Location"] == "http://localhost/v1/data/My%20Rows"
    assert answer.headers["Nexosis-Account-DataSetCount-Current"] == "1"
    told = answer.json
    assert told["dataSetName"] == "My Rows"
    assert told["messages"] == []
    assert told["links"] == [{"rel": "self", "href": "http://localhost/v1/data/My%20Rows"}]
    assert "data" not in told
    assert set(told["columns"]) == {"a", "b", "c", "d", "e"}
    read = served.get("/data/my rows").json
    assert [row["a"] for row in read["data"]] == ["1", "2.5"]
    assert [row["b"] for row in read["data"]] == ["x", "y"]
    assert "d" not in read["data"][0]
    assert (read["rowCount"], read["missingValues"]) == (2, ["?"])
    again = served.put("/data/MY ROWS", {"Data": [{"a": 3}]})
    assert (again.status_code, again.json["dataSetName"]) == (201, "My Rows")
    assert served.get("/data/my rows").json["rowCount"] == 3


def test_rows_in_csv_under_a_key_replace_the_older_ones(served):
    served.put("/data/hearts", {"columns": {"id": {"dataType": "numeric", "role": "key"}}})
    assert served.get("/data/hearts").json["data"] == []
    assert put_csv(served, "hearts").status_code == 201
    assert put_csv(served, "hearts", "id,bpm\n7,99\n300,100\n").status_code == 201
    body = served.get("/data/hearts?pageSize=1000").json
    assert body["totalCount"] == 301
    assert {row["id"]: row["bpm"] for row in body["data"]}["7"] == "99"


def test_a_timestamp_by_the_query_and_ranges(served):
    days = "day,rain\n" + "".join(f"2018-01-{n + 1:02d},{n}\n" for n in range(31))
    assert put_csv(served, "days", days, "?TimestampColumn=day").json["isTimeSeries"]
    body = served.get("/data/days?startDate=2018-01-03&endDate=2018-01-05").json
    assert [row["rain"] for row in body["data"]] == ["2", "3", "4"]
    gone = served.delete("/data/days?startDate=2018-01-03&endDate=2018-01-05")
    assert (gone.status_code, gone.data) == (204, b"")
    assert served.get("/data/days").json["totalCount"] == 28


@pytest.mark.parametrize(
    ("query", "left"),
    [("startKey=100&endKey=199", 200), ("endKey=9", 290), ("keys=1,2,3", 297), ("KEYS=1&keys=2", 298)],
)
def test_rows_are_deleted_by_their_keys(served, query, left):
    served.put("/data/hearts", {"columns": {"id": {"dataType": "numeric", "role": "key"}}})
    put_csv(served, "hearts")
    assert served.delete("/data/hearts?cascade=session&" + query).status_code == 204
    assert served.get("/data/hearts").json["totalCount"] == left


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        ({"data": []}, "NoData", "dataSetName"),
        ({}, "NoData", "dataSetName"),
        ({"data": [1]}, "RequestValidation", "data"),
        ({"data": "x"}, "RequestValidation", "data"),
        ({"data": [{"a": {"b": 1}}]}, "RequestValidation", "data"),
        ({"data": [{"a": 1}], "columns": {"a": {"dataType": "boss"}}}, "InvalidColumnMetadata", "a"),
        ({"data": [{"a": 1}], "columns": {"a": {"role": "key"}, "b": {"role": "key"}}}, None, "a"),
    ],
)
def test_what_is_wrong_with_rows(served, body, kind, field):
    answer = served.put("/data/x", body)
    assert answer.status_code == 400
    assert answer.json["errorType"] == (kind or "InvalidColumnMetadata")
    assert field in answer.json["errorDetails"]
    assert served.get("/data").json["totalCount"] == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"data":[{"a":1}', b"{" * 100_000])
def test_what_is_no_json(served, body):
    answer = served.call(
        "PUT", "/data/x", data=body, content_type="application/json", content_length=len(body)
    )
    assert answer.status_code == 400
    assert answer.json["errorType"] in ("RequestValidation", "NoData")


def test_statistics_of_columns(served):
    put_csv(served, "hearts")
    told = served.get("/Data/hearts/Stats").json
    assert told["dataSetName"] == "hearts"
    assert set(told["columns"]) == {"id", "bpm", "state"}
    assert told["columns"]["bpm"]["totalCount"] == 300
    one = served.get("/data/hearts/stats/BPM?dataType=numeric").json
    assert set(one["columns"]) == {"bpm"}
    assert served.get("/data/hearts/stats/none").status_code in (400, 404)
    assert served.get("/data/hearts/stats/bpm?dataType=boss").status_code == 400


def test_there_may_be_so_many_datasets_and_so_large(make_gateway):
    gateway = make_gateway(max_datasets=1, max_dataset_bytes=2_000)
    with at_desk(gateway.worker):
        assert gateway.call("PUT", "/v1/data/one", json={"data": [{"a": 1}]}).status_code == 201
        many = gateway.call("PUT", "/v1/data/two", json={"data": [{"a": 1}]})
        large = gateway.call("PUT", "/v1/data/one", json={"data": [{"b": str(n) * 9} for n in range(2_000)]})
        assert gateway.call("PUT", "/v1/data/one", json={"data": [{"a": 2}]}).status_code == 201
    assert (many.status_code, large.status_code) == (429, 413)
    for answer in (many, large):
        assert answer.json["message"].startswith("Quota exceeded")


def test_the_rate_of_batches_is_their_own(make_gateway):
    gateway = make_gateway(submits_per_minute=1, writes_per_minute=3, reads_per_minute=1)
    with at_desk(gateway.worker):
        statuses = [
            gateway.call("PUT", f"/v1/data/d{n}", json={"data": [{"a": n}]}).status_code for n in range(4)
        ]
    assert statuses == [201, 201, 201, 429]


@pytest.fixture
def cardio():
    return dict(json.loads(gzip.decompress(CARDIO.read_bytes())))


def test_from_the_upload_to_the_prediction(served, gateway, cardio):
    assert served.put("/data/cardio", cardio).status_code == 201
    session = served.post(
        "/sessions/model", {"dataSourceName": "Cardio", "predictionDomain": "anomalies"}
    ).json["sessionId"]
    assert gateway.work(session) == "done"
    told = served.get("/sessions/" + session)
    assert told.headers["Nexosis-Session-Status"] == "Completed"
    assert [step["status"] for step in told.json["statusHistory"]] == ["requested", "started", "completed"]
    assert told.json["algorithm"]["key"] == ""
    assert told.json["columns"]["anomaly"] == {
        "dataType": "numeric",
        "role": "target",
        "imputation": "zeroes",
        "aggregation": "sum",
    }
    results = served.get(f"/Sessions/{session}/Results?pageSize=100&page=1")
    assert results.headers["Nexosis-Session-Status"] == "Completed"
    body = results.json
    assert body["metrics"] == {"percentAnomalies": 184 / 1831}
    assert (body["totalCount"], body["totalPages"], len(body["data"])) == (184, 2, 84)
    assert set(body["data"][0]) == {"key", "anomaly", *(f"X.{n}" for n in range(1, 22))}
    assert all(float(row["anomaly"]) <= 0 for row in body["data"])
    rels = [link["rel"] for link in body["links"]]
    assert rels == [
        *("data", "first", "last", "self", "model", "anomalyScores", "mahalanobisDistances", "vocabularies")
    ]
    scores = served.get(f"/sessions/{session}/results/AnomalyScores?page=1&pageSize=1000").json
    assert (scores["totalCount"], len(scores["data"])) == (1831, 831)
    assert "mahalanobis_distance" not in scores["data"][0]
    path = f"/sessions/{session}/results/mahalanobisDistances?pageSize=10"
    rows = served.get(path).json["data"]
    assert all(float(row["mahalanobis_distance"]) > 0 for row in rows)
    text = served.get(path, headers={"Accept": "text/csv"}).text
    assert [dict(row) for row in csv.DictReader(io.StringIO(text))] == rows
    model = body["modelId"]
    described = served.get("/Models/" + model.upper()).json
    assert described["sessionId"] == session
    assert [link["rel"] for link in described["links"]] == ["self", "train"]
    assert described["algorithm"]["key"] == "isolation_forest_anomalies"
    assert "lastUsedDate" not in described
    assert [item["modelId"] for item in served.get("/models?DataSourceName=CARDIO").json["items"]] == [model]
    assert served.get(f"/sessions?modelId={model.upper()}").json["totalCount"] == 1
    assert served.delete("/data/cardio?cascade=model,session").status_code == 204
    for gone in (f"/models/{model}", f"/sessions/{session}", "/data/cardio"):
        assert served.get(gone).status_code == 404
    assert served.post(f"/models/{model}/predict", {"data": [{}]}).status_code == 404


def test_a_session_that_fails_says_why(served, gateway):
    put_csv(served, "hearts")
    session = served.post(
        "/sessions/model", {"dataSourceName": "hearts", "predictionDomain": "anomalies"}
    ).json["sessionId"]
    served.delete("/data/hearts")
    assert gateway.work(session) == "error"
    answer = served.get("/sessions/" + session)
    assert answer.headers["Nexosis-Session-Status"] == "Failed"
    assert answer.json["messages"][-1]["severity"] == "error"
    assert "modelId" not in answer.json
    assert served.get(f"/sessions/{session}/results").json["metrics"] == {}


def test_from_an_import_to_the_results_and_a_word_to_the_client(make_gateway, cardio):
    """As the quick start goes: the session is asked for before the rows are there."""
    gateway = make_gateway(outbound_networks="127.0.0.0/8")
    with remote() as there:
        there.says["/cardio.json"] = said(json.dumps(cardio).encode())
        there.says["/told"] = said()
        imported = gateway.post(
            "/v1/imports/Url", json={"dataSetName": "cardio", "url": there.url("/cardio.json")}
        ).json
        assert imported["status"] == "requested"
        asked = {
            "dataSourceName": "cardio",
            "predictionDomain": "anomalies",
            "callbackUrl": there.url("/told"),
        }
        started = gateway.post("/v1/sessions/model", json=asked)
        assert started.status_code == 200, started.text
        session = started.json["sessionId"]
        assert gateway.work(session) == "wait"
        assert gateway.work(imported["importId"]) == "done"
        shown = gateway.get("/v1/imports/" + imported["importId"])
        assert shown.headers["Nexosis-Import-Status"] == "Completed"
        assert [step["status"] for step in shown.json["statusHistory"]] == [
            "requested",
            "started",
            "completed",
        ]
        assert shown.json["columns"] == {}
        assert {link["rel"]: link["href"] for link in shown.json["links"]}["data"] == (
            "http://localhost/v1/data/cardio"
        )
        assert gateway.work(session) == "done"
        keys = gateway.store.client.scan_iter(gateway.settings.key_prefix + "job:*")
        jobs = [gateway.store.get(key.decode().rpartition(":")[2]) for key in keys]
        [callback] = [job.id for job in jobs if job.kind == "callback"]
        assert gateway.work(callback) == "done"
        told, head = json.loads(there.bodies[-1]), there.asked[-1].lower()
    assert head.startswith("post /told ")
    assert "nexosis-webhook-token: " + started.headers["Nexosis-Webhook-Token"] in head
    assert told == gateway.get("/v1/sessions/" + session).json
    assert told["status"] == "completed"
    results = gateway.get(f"/v1/sessions/{session}/results").json
    assert results["metrics"] == {"percentAnomalies": 184 / 1831}


def test_an_import_beyond_what_is_allotted_fails(make_gateway):
    gateway = make_gateway(outbound_networks="127.0.0.0/8", max_datasets=1)
    with remote() as there:
        there.says["/rows.csv"] = said(TABLE.encode(), content_type="text/csv")
        ids = [
            gateway.post("/v1/imports/url", json={"dataSetName": name, "url": there.url("/rows.csv")}).json[
                "importId"
            ]
            for name in ("one", "two")
        ]
        assert [gateway.work(one) for one in ids] == ["done", "error"]
    shown = gateway.get("/v1/imports/" + ids[1])
    assert shown.headers["Nexosis-Import-Status"] == "Failed"
    [message] = shown.json["messages"]
    assert message["severity"] == "error"
    assert message["message"].startswith("Quota exceeded")
