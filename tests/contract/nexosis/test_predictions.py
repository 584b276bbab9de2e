"""Predictions of a model that a session has left, asked for and answered in JSON and CSV."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk import at_desk

CARDIO = Path(__file__).parents[2] / "data" / "cardio.json.gz"


@pytest.fixture
def served(door, gateway) -> Iterator[object]:
    """The door, with a desk behind it."""
    with at_desk(gateway.worker):
        yield door


def learnt(served, gateway, rows):
    """The session and the model of a session on some rows."""
    assert served.put("/data/rows", rows).status_code == 201
    session = served.post(
        "/sessions/model", {"dataSourceName": "rows", "predictionDomain": "anomalies"}
    ).json["sessionId"]
    assert gateway.work(session) == "done"
    return session, served.get("/sessions/" + session).json["modelId"]


def test_rows_are_scored_at_once(served, gateway):
    cardio = dict(json.loads(gzip.decompress(CARDIO.read_bytes())))
    _, model = learnt(served, gateway, cardio)
    odd = next(row for row in cardio["data"] if row["key"] == 1780)
    predicted = served.post(
        f"/Models/{model}/Predict", {"Data": [odd, {**odd, "more": "x"}], "ExtraParameters": {}}
    )
    assert predicted.status_code == 200, predicted.text
    assert predicted.content_type == "application/json; charset=utf-8"
    assert predicted.headers["Nexosis-Account-PredictionCount-Current"] == "2"
    answer = predicted.json
    assert list(answer) == [
        *("data", "messages", "modelId", "sessionId", "predictionDomain", "dataSourceName", "createdDate"),
        *("algorithm", "metrics", "links"),
    ]
    assert answer["links"] == []
    assert [row["key"] for row in answer["data"]] == ["1780", "1780"]
    assert float(answer["data"][0]["anomaly"]) < 0
    assert [message["severity"] for message in answer["messages"]] == ["warning", "warning"]
    assert [name in answer["messages"][n]["message"] for n, name in enumerate(("target", "more"))] == [
        True,
        True,
    ]
    assert [row.get("more") for row in answer["data"]] == [None, "x"]
    assert "lastUsedDate" in served.get("/models/" + model).json
    line = "key," + ",".join(f"X.{n}" for n in range(1, 22))
    cells = ",".join(str(odd[name]) for name in line.split(","))
    told = served.call(
        "POST",
        f"/models/{model}/predict",
        data=f"{line}\n{cells}\n",
        content_type="text/csv",
        headers={"Accept": "text/csv"},
    )
    assert told.content_type == "text/csv; charset=utf-8"
    [row] = csv.DictReader(io.StringIO(told.text))
    assert row["anomaly"] == answer["data"][0]["anomaly"]


@pytest.mark.parametrize(
    ("body", "more"),
    [({"data": []}, {}), ({}, {}), ({"data": [1]}, {}), (None, {"data": b"{"}), (None, {"data": b"[1]"})],
)
def test_what_is_wrong_with_a_request_for_predictions(served, gateway, body, more):
    _, model = learnt(served, gateway, {"data": [{"a": n % 7, "b": n * n % 11} for n in range(60)]})
    sent = {"json": body} if body is not None else {**more, "content_type": "application/json"}
    answer = served.call("POST", f"/models/{model}/predict", **sent)
    assert answer.status_code == 400, answer.text
    assert list(answer.json["errorDetails"]) == ["data"]


def test_there_may_be_so_many_predictions_in_a_month(make_gateway):
    gateway = make_gateway(max_predictions=2)
    rows = [{"a": n % 7, "b": n * n % 11} for n in range(60)]
    with at_desk(gateway.worker):
        gateway.call("PUT", "/v1/data/rows", json={"data": rows})
        body = {"dataSourceName": "rows", "predictionDomain": "anomalies"}
        session = gateway.post("/v1/sessions/model", json=body).json["sessionId"]
        gateway.work(session)
        model = gateway.get("/v1/sessions/" + session).json["modelId"]
        answers = [gateway.post(f"/v1/models/{model}/predict", json={"data": rows[:3]}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json["message"].startswith("Quota exceeded")
    assert answers[1].headers["Nexosis-Account-PredictionCount-Current"] == "3"
