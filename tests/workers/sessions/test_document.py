"""Sessions and models as the dialect shows them, state by state."""

import json

import pytest

from oddline.errors import DataError
from oddline_workers.jobs import Status
from oddline_workers.models import Model
from oddline_workers.sessions import document
from oddline_workers.sessions.document import describe, describe_model
from workers.trials import OWNER, new_job

BASE = "http://host/v1"
COLUMNS = {
    "bpm": {"dataType": "numericMeasure", "role": "feature", "imputation": "mean", "aggregation": "mean"},
    "anomaly": {"dataType": "numeric", "role": "target"},
}
ENDED = {**COLUMNS, "anomaly": {**COLUMNS["anomaly"], "imputation": "zeroes", "aggregation": "sum"}}
MODEL = "90aa0000-0000-4000-8000-000000000000"
ALGORITHM = {"name": "Isolation Forest", "description": "Isolation Forest Outlier Detection"}
WARNING = {"severity": "warning", "message": "ignored"}
INFORMED = {"severity": "informational", "message": "4 observations"}
RESULT = {
    "pieces": [],
    "columns": ENDED,
    "algorithm": {**ALGORITHM, "key": "isolation_forest_anomalies"},
    "modelId": MODEL,
    "observations": 4,
    "percentAnomalies": 0.25,
    "messages": [INFORMED],
}
REQUESTED = 1_525_252_443_120_045
DATE = "2018-05-02T09:14:{}+00:00"


def session(status=Status.SUBMITTED, spec=None, **changes):
    told = {"dataSourceName": "hearts", "columns": COLUMNS, "messages": [WARNING], **(spec or {})}
    stamps = {"submitted": REQUESTED}
    if status not in (Status.SUBMITTED, Status.QUEUED):
        stamps["execution_started"] = REQUESTED + 1_000_000
    if status.over:
        stamps["done"] = REQUESTED + 2_000_000
    if status is Status.DONE:
        changes["result"] = RESULT
    job = {"kind": "session", "dialect": "nexosis", "status": status, "spec": told, **stamps, **changes}
    return new_job(**job)


def test_just_requested_it_is_what_the_contract_says():
    job = session()
    assert describe(job, BASE) == {
        "columns": COLUMNS,
        "sessionId": job.id,
        "type": "model",
        "status": "requested",
        "predictionDomain": "anomalies",
        "supportsFeatureImportance": False,
        "availablePredictionIntervals": [],
        "requestedDate": DATE.format("03.120045"),
        "statusHistory": [{"date": DATE.format("03.120045"), "status": "requested"}],
        "extraParameters": {"containsAnomalies": True},
        "messages": [WARNING],
        "name": "Anomalies on hearts",
        "dataSourceName": "hearts",
        "dataSetName": "hearts",
        "targetColumn": "anomaly",
        "isEstimate": False,
        "links": [{"rel": "self", "href": f"{BASE}/sessions/{job.id}"}],
    }
    assert document.metrics(job) == {}


def test_completed_it_says_what_came_of_it():
    job = session(Status.DONE, {"dataSourceName": "a/b ü"})
    told = describe(job, BASE)
    requested = describe(session(), BASE)
    assert told.keys() - requested.keys() == {"modelId", "algorithm"}
    assert requested.keys() <= told.keys()
    assert (told["modelId"], told["status"], told["columns"]) == (MODEL, "completed", ENDED)
    assert told["algorithm"] == {**ALGORITHM, "key": ""}
    assert told["messages"] == [WARNING, INFORMED]
    assert document.metrics(job) == {"percentAnomalies": 0.25}
    own = f"{BASE}/sessions/{job.id}"
    assert {link["rel"]: link["href"] for link in told["links"]} == {
        "data": f"{BASE}/data/a%2Fb%20%C3%BC",
        "self": own,
        "results": own + "/results",
        "model": f"{BASE}/models/{MODEL}",
        "anomalyScores": own + "/results/anomalyscores",
        "mahalanobisDistances": own + "/results/mahalanobisdistances",
        "vocabularies": f"{BASE}/vocabulary?createdFromSession={job.id}",
    }
    assert [(step["status"], step["date"]) for step in told["statusHistory"]] == [
        ("requested", DATE.format("03.120045")),
        ("started", DATE.format("04.1200450")),
        ("completed", DATE.format("05.1200450")),
    ]


@pytest.mark.parametrize(
    ("status", "word", "steps"),
    [
        (Status.SUBMITTED, "requested", 1),
        (Status.QUEUED, "requested", 1),
        (Status.EXECUTING, "started", 2),
        (Status.DONE, "completed", 3),
        (Status.ERROR, "failed", 3),
        (Status.CANCELLED, "cancelled", 3),
    ],
)
def test_its_status_is_the_last_step_of_its_history(status, word, steps):
    told = describe(session(status), BASE)
    assert told["status"] == word == told["statusHistory"][-1]["status"]
    assert len(told["statusHistory"]) == steps
    assert None not in told.values()
    json.dumps(told)


def test_one_put_back_after_it_had_started_does_not_go_back_to_requested():
    told = describe(session(execution_started=REQUESTED + 1), BASE)
    assert told["status"] == "started"
    assert [step["status"] for step in told["statusHistory"]] == ["requested", "started"]


def test_one_cancelled_before_it_started_has_no_step_between():
    job = session(Status.CANCELLED, execution_started=0)
    assert [step["status"] for step in document.history(job)] == ["requested", "cancelled"]


def test_failed_it_says_why_and_shows_nothing_of_a_result():
    job = session(Status.ERROR, error=DataError("too few rows").to_dict())
    told = describe(job, BASE)
    assert told["messages"] == [WARNING, {"severity": "error", "message": "too few rows"}]
    assert not {"modelId", "algorithm"} & told.keys()
    assert len(told["links"]) == 1


def test_what_the_request_said_is_shown():
    spec = {
        "name": "mine",
        "extraParameters": {"containsAnomalies": False, "other": 1},
        "callbackUrl": "http://me/told",
        "webhookToken": "a secret",
    }
    told = describe(session(spec=spec), BASE)
    assert {name: told[name] for name in spec if name in told} == {
        name: value for name, value in spec.items() if name != "webhookToken"
    }
    assert "a secret" not in json.dumps(told)


def test_a_model_is_shown_with_its_session_and_in_a_list_with_itself_alone():
    more = {"columns": ENDED, "algorithm": {**ALGORITHM, "key": "k"}, "metrics": {"percentAnomalies": 0.1}}
    model = Model(MODEL, OWNER, "2b9e", "hearts", "mine", **more, created=REQUESTED)
    own = {"rel": "self", "href": f"{BASE}/models/{MODEL}"}
    expected = {
        "columns": ENDED,
        "modelId": MODEL,
        "sessionId": "2b9e",
        "predictionDomain": "anomalies",
        "dataSourceName": "hearts",
        "createdDate": DATE.format("03.1200450"),
        "algorithm": {**ALGORITHM, "key": "k"},
        "modelName": "mine",
        "metrics": {"percentAnomalies": 0.1},
        "links": [own, {"rel": "train", "href": f"{BASE}/sessions/2b9e"}],
    }
    assert describe_model(model, BASE) == expected
    assert describe_model(model, BASE, listed=True) == {**expected, "links": [own]}
    used = Model(**{**vars(model), "used": REQUESTED + 2_000_000})
    assert describe_model(used, BASE)["lastUsedDate"] == DATE.format("05.1200450")
