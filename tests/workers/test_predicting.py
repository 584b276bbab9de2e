"""Rows scored by a kept model: as the session scored them, as they were sent, and what is said of columns."""

import csv
import io
import json

import pytest

from oddline.errors import DataError, OddlineError, ParameterError
from oddline_workers import predicting, runner
from oddline_workers.datasets.metadata import Column
from oddline_workers.jobs import Status
from oddline_workers.models import Models, model_id
from oddline_workers.predicting import Cache, predict
from oddline_workers.tasks import Process
from workers.sessions.kept import MEASURE, cardio, keep, new_session, rows_of
from workers.trials import OWNER

WORD = Column("string", "feature", "mode", "mode")
TRUTH = Column("logical", "feature", "mode", "mode")
KEY = Column("numeric", "key", "zeroes", "sum")


@pytest.fixture
def learn(store, monkeypatch):
    """A function that trains on a dataset: the model's id, and the session's job."""
    monkeypatch.setattr(predicting, "_cache", Cache())
    process = Process(store.settings, runner.detect)

    def learnt(name, values, columns, **spec):
        keep(store, name, values, columns)
        job = new_session(store, name, **spec)
        process.work(job.id)
        job = store.get(job.id)
        assert job.status is Status.DONE, job.error
        return model_id(job.id), job

    yield learnt
    process.close()


@pytest.fixture
def ask(store):
    def asked(model, body, kind="json", accept="json", owner=OWNER):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        arguments = {"owner": owner, "modelId": model, "kind": kind, "accept": accept}
        head, written = predict(store.client, store.settings, arguments, data)
        return head, json.loads(written) if accept == "json" else [*csv.reader(io.StringIO(written.decode()))]

    return asked


@pytest.fixture
def mixed(learn):
    """A model of numbers, words and truths."""
    values = {
        "id": [str(n) for n in range(60)],
        "Pulse": [str(60 + n % 9) for n in range(60)],
        "ward": [("a", "b", "b")[n % 3] for n in range(60)],
        "calm": [("true", "false")[n % 2] for n in range(60)],
    }
    return learn("mixed", values, {"id": KEY, "Pulse": MEASURE, "ward": WORD, "calm": TRUTH})[0]


def test_rows_of_the_session_get_the_scores_that_it_gave_them(store, learn, ask):
    values, columns = cardio()
    model, job = learn("cardio", values, columns)
    scored = rows_of(store, job.result["all"])
    rows = [{name: float(row[name]) for name in row if name in columns} for row in scored[:300]]
    head, found = ask(model, {"data": rows, "extraParameters": {}})
    assert head == {"rows": 300, "messages": []}
    assert [row["anomaly"] for row in found] == [row["anomaly"] for row in scored[:300]]
    assert found[0] == {name: text for name, text in scored[0].items() if name != "mahalanobis_distance"}


def test_every_value_comes_back_as_a_text_in_order(mixed, ask):
    rows = [
        {"id": 7, "pulse": 61.50, "WARD": "b", "calm": True},
        {"id": 8, "pulse": "1e2", "WARD": None, "calm": "False"},
    ]
    _, found = ask(mixed, {"Data": rows})
    assert [{k: v for k, v in row.items() if k != "anomaly"} for row in found] == [
        {"id": "7", "pulse": "61.5", "WARD": "b", "calm": "true"},
        {"id": "8", "pulse": "100", "calm": "False"},
    ]
    assert all(isinstance(row["anomaly"], str) and -1 < float(row["anomaly"]) < 1 for row in found)


def test_truths_and_words_count(mixed, ask):
    usual = {"Pulse": 64, "ward": "b", "calm": True}
    _, found = ask(
        mixed, {"data": [usual, {**usual, "calm": 1}, {**usual, "ward": "a"}, {**usual, "Pulse": 900}]}
    )
    scores = [float(row["anomaly"]) for row in found]
    assert scores[0] == scores[1]
    assert scores[2] < scores[0]
    assert scores[3] < scores[0]


def test_columns_that_the_model_does_not_know_or_misses_are_told(mixed, ask):
    head, found = ask(mixed, {"data": [{"id": 1, "Pulse": 64, "shoe": 43, "anomaly": 5}]})
    unknown, missing = head["messages"]
    assert unknown["severity"] == missing["severity"] == "warning"
    assert "'shoe'" in unknown["message"]
    assert "'ward', 'calm'" in missing["message"]
    assert found[0]["shoe"] == "43"
    assert float(found[0]["anomaly"]) < 1
    whole, _ = ask(mixed, {"data": [{"Pulse": 64, "ward": "b", "calm": True}]})
    assert whole["messages"] == []


def test_values_that_cannot_be_read_are_told_and_taken_as_missing(mixed, ask):
    full = {"Pulse": 64, "ward": "b", "calm": True}
    odd = [full | {"Pulse": "fast"}, full | {"calm": "rather"}, full | {"Pulse": None, "calm": ""}]
    head, (pulse, calm, neither) = ask(mixed, {"data": odd})
    [message] = head["messages"]
    assert message["severity"] == "warning"
    assert message["message"].startswith("Some of the values in 'Pulse', 'calm' are no numbers")
    assert (pulse["Pulse"], calm["calm"]) == ("fast", "rather")
    assert pulse["anomaly"] == ask(mixed, {"data": [full | {"Pulse": None}]})[1][0]["anomaly"]
    assert ask(mixed, {"data": [odd[2]]})[0]["messages"] == []
    assert "anomaly" in neither


def test_what_counted_as_missing_in_training_does_here_and_is_shown(learn, ask):
    values = {"a": [str(n * n % 17) for n in range(40)], "b": [str(n % 5) for n in range(40)]}
    model, _ = learn("gaps", values, {"a": MEASURE, "b": MEASURE}, missingValues=["-999"])
    _, found = ask(model, {"data": [{"a": -999, "b": 3}, {"a": None, "b": 3}, {"a": -998, "b": 3}]})
    assert found[0]["a"] == "-999"
    assert found[0]["anomaly"] == found[1]["anomaly"] != found[2]["anomaly"]


def test_csv_both_ways(mixed, ask):
    head, found = ask(mixed, b'id,Pulse,ward,calm\r\n7,61.50,"b",true\n8,,a,false\n', "csv", "csv")
    assert head["rows"] == 2
    assert found[0] == ["id", "Pulse", "ward", "calm", "anomaly"]
    assert [row[:4] for row in found[1:]] == [["7", "61.5", "b", "true"], ["8", "", "a", "false"]]
    _, same = ask(mixed, {"data": [{"Pulse": 61.5, "ward": "b", "calm": True}]})
    assert same[0]["anomaly"] == found[1][4]


@pytest.mark.parametrize("body", [{"data": []}, {}, {"data": None}, b""])
def test_without_rows_it_says_what_is_missing(mixed, ask, body):
    with pytest.raises(ParameterError) as met:
        ask(mixed, body)
    assert (met.value.status, [*met.value.problems]) == (400, ["data"])


@pytest.mark.parametrize(
    "body", [b"{", b'{"data": [1]}', b'{"data": {"a": 1}}', b'{"data": [{"Pulse": [1]}]}']
)
def test_what_is_no_table_is_refused(mixed, ask, body):
    with pytest.raises(DataError) as met:
        ask(mixed, body)
    assert met.value.status == 400


def test_a_model_that_is_deleted_or_anothers_is_unknown_at_once(store, mixed, ask):
    body = {"data": [{"Pulse": 64}]}
    ask(mixed, body)
    with pytest.raises(OddlineError) as met:
        ask(mixed, body, owner="22222222-2222-4222-8222-222222222222")
    assert (met.value.code, met.value.status) == ("not_found", 404)
    assert Models(store.client, store.settings).get(OWNER, mixed).used > 0
    Models(store.client, store.settings).delete(OWNER, mixed)
    with pytest.raises(OddlineError, match="was not found"):
        ask(mixed, body)


def test_the_cache_keeps_those_that_were_asked_for_last(store, learn):
    models = Models(store.client, store.settings)
    values = {"a": [str(n * n % 17) for n in range(40)]}
    known = [models.get(OWNER, learn(name, values, {"a": MEASURE})[0]) for name in "xyz"]
    cache = Cache(most=2)
    first, second, third = (cache.get(models, model) for model in known)
    assert cache.get(models, known[1]) is second
    assert cache.get(models, known[2]) is third
    assert cache.get(models, known[0]) is not first
    small = Cache(most_bytes=1)
    kept = small.get(models, known[0])
    assert small.get(models, known[0]) is kept
    small.get(models, known[1])
    assert small.get(models, known[0]) is not kept
