"""Sessions worked on: what comes of known tables, what is left out, and how they end before their end."""

import numpy as np
import pytest

from oddline import persist
from oddline_workers import runner
from oddline_workers.blobs import WRITING_SECONDS
from oddline_workers.datasets.catalogue import Datasets
from oddline_workers.datasets.metadata import Column
from oddline_workers.jobs import Status
from oddline_workers.models import Models, model_id
from oddline_workers.sessions import run, tables
from oddline_workers.sessions.document import describe, metrics
from oddline_workers.sessions.features import ignored_target
from oddline_workers.tasks import Process
from workers.sessions.kept import MEASURE, cardio, keep, lympho, new_session, rows_of
from workers.trials import OWNER, claim

BASE = "http://host/v1"


@pytest.fixture(autouse=True)
def process(store):
    """A worker's process, in this one."""
    process = Process(store.settings, runner.detect)
    yield process
    process.close()


@pytest.fixture
def models(store):
    return Models(store.client, store.settings)


@pytest.fixture
def play(store, process):
    """A function that does a session on a dataset to its end: the job."""

    def played(source, **spec):
        job = new_session(store, source, **spec)
        process.work(job.id)
        return store.get(job.id)

    return played


@pytest.fixture
def done(store, play):
    """A function that does one that ends well: its result."""

    def ended(source, **spec):
        job = play(source, **spec)
        assert job.status is Status.DONE, job.error
        return job.result

    return ended


def table(rows=60, **columns):
    """Some numbers with one odd row, the last; and what else is given."""
    rng = np.random.default_rng(0)
    values = {"a": rng.normal(size=rows), "b": rng.normal(size=rows)}
    for column in values.values():
        column[-1] = 50.0
    return {name: [f"{value:.15g}" for value in column] for name, column in values.items()} | columns


def said(result, severity="warning"):
    return [note["message"] for note in result["messages"] if note["severity"] == severity]


def left(store, *kinds):
    names = [key.decode().removeprefix(store.root) for key in store.client.scan_iter(store.root + "*")]
    return [name for name in names if name.startswith(kinds)]


def test_cardio_as_the_hosted_service_answered_it(store, models, play):
    values, columns = cardio()
    keep(store, "cardio", values, columns)
    job = play("Cardio")
    result = job.result
    assert result["observations"] == 1831
    assert metrics(job) == {"percentAnomalies": 184 / 1831}
    every, odd = rows_of(store, result["all"]), rows_of(store, result["anomalous"])
    shown = [name for name in values if name != "target"]
    assert [{name: row[name] for name in shown} for row in every] == [
        dict(zip(shown, cells, strict=True)) for cells in zip(*(values[name] for name in shown), strict=True)
    ]
    assert all(row.keys() == {*shown, "anomaly", "mahalanobis_distance"} for row in every)
    assert odd == [row for row in every if float(row["anomaly"]) <= 0]
    assert len(odd) == 184
    # The row that its guide shows, as far as seeds let it be the same.
    assert float(next(row for row in odd if row["key"] == "141")["anomaly"]) == pytest.approx(
        -0.045, abs=0.03
    )
    distances = np.array([float(row["mahalanobis_distance"]) for row in every])
    flagged = np.array([float(row["anomaly"]) <= 0 for row in every])
    assert (distances >= 0).all()
    assert distances[flagged].mean() > 2 * distances[~flagged].mean()

    told = describe(job, BASE)
    assert told["algorithm"]["name"] == "Isolation Forest"
    assert told["columns"]["key"]["role"] == "key"
    assert told["columns"]["target"]["role"] == "none"
    score = {"dataType": "numeric", "role": "target", "imputation": "zeroes", "aggregation": "sum"}
    assert told["columns"]["anomaly"] == score
    assert said(result) == [
        "Anomalies have no target: 'target' is ignored, and the results are in the column 'anomaly'."
    ]
    assert said(result, "informational") == ["The model was trained on 1831 observations."]

    model = models.get(OWNER, told["modelId"])
    assert (model.session, model.source, model.name) == (job.id, "cardio", "Anomalies on cardio")
    assert model.columns == told["columns"]
    assert model.metrics == metrics(job)
    learnt = persist.load(models.blob(model))
    measures = {name: np.array([*map(float, values[name])]) for name in shown if name != "key"}
    scores = np.array([float(row["anomaly"]) for row in every])
    np.testing.assert_allclose(learnt.score(measures), scores, atol=1e-12)


def test_lympho_too_whatever_the_segments(store, done):
    values, columns = lympho()
    keep(store, "one", values, columns)
    keep(store, "many", values, columns, rows=7)
    one, many = done("one"), done("many")
    assert one["percentAnomalies"] == many["percentAnomalies"] == 15 / 148
    for name in ("all", "anomalous"):
        assert rows_of(store, one[name]) == rows_of(store, many[name])
    assert len(many["all"]["segments"]) == 22
    assert len(many["anomalous"]["segments"]) == 1
    assert "target" not in rows_of(store, one["anomalous"])[0]


def test_many_anomalous_rows_are_in_segments_of_their_own(store, done, monkeypatch):
    monkeypatch.setattr(tables.columnar, "segment_rows", lambda columns: 2)
    keep(store, "a", table(70), {"a": MEASURE, "b": MEASURE}, rows=20)
    result = done("a")
    assert [rows for _, rows, _ in result["anomalous"]["segments"]] == [2, 2, 2, 1]
    odd = [row for row in rows_of(store, result["all"]) if float(row["anomaly"]) <= 0]
    assert rows_of(store, result["anomalous"]) == odd


def test_what_the_session_says_of_columns_goes_before_what_the_dataset_says(store, models, done):
    keep(store, "a", table(c=["5"] * 59 + ["999"]), {"a": MEASURE, "b": MEASURE, "c": MEASURE})
    result = done("a", overrides={"C": {"role": "none"}, "b": {"imputation": "median"}}, name="mine")
    assert result["columns"]["c"]["role"] == "none"
    assert result["columns"]["b"]["imputation"] == "median"
    assert rows_of(store, result["all"])[0].keys() == {"a", "b", "anomaly", "mahalanobis_distance"}
    model = models.get(OWNER, result["modelId"])
    assert model.name == "mine"
    assert persist.load(models.blob(model)).columns == ("a", "b")


def test_columns_that_the_dataset_has_not_fail_the_session(store, play):
    keep(store, "a", table(), {"a": MEASURE, "b": MEASURE})
    assert play("a", overrides={"other": {"role": "feature"}}).error["code"] == "invalid_columns"


def test_categories_truths_and_gaps_are_learnt_from(store, models, done):
    words = ["red"] * 30 + ["blue"] * 29 + ["green"]
    truths = ["true"] * 30 + ["false"] * 28 + [None, "odd"]
    mixed = table(word=words, truth=truths, gaps=["1"] * 20 + [None] * 20 + ["-999"] * 10 + ["?"] * 10)
    columns = {
        "a": MEASURE,
        "b": MEASURE,
        "word": Column("string", "feature", "mode", "mode"),
        "truth": Column("logical", "feature", "mode", "mode"),
        "gaps": Column("numeric", "feature", "max", "sum"),
    }
    keep(store, "a", mixed, columns, rows=45)
    result = done("a", missingValues=["-999", "blue"])
    every = rows_of(store, result["all"])
    assert [row.get("word") for row in every] == words
    assert [row.get("gaps") for row in every] == mixed["gaps"]
    assert float(every[-1]["anomaly"]) == min(float(row["anomaly"]) for row in every)
    learnt = persist.load(models.blob(models.get(OWNER, result["modelId"])))
    assert learnt.kinds == dict(zip(columns, ["number"] * 2 + ["category"] + ["number"] * 2, strict=True))
    fills = dict(zip(learnt.encoding.numbers, learnt.encoding.fill, strict=True))
    assert (fills["truth"], fills["gaps"]) == (1.0, 1.0)
    [category] = learnt.encoding.categories
    assert set(category.values) == {"red"}


def test_truths_are_ones_and_zeros():
    found = tables.truths(["true", "FALSE", "1", "0", None, "maybe"])
    np.testing.assert_equal(found, [1, 0, 1, 0, np.nan, np.nan])


def test_texts_and_dates_are_shown_and_not_learnt_from(store, models, done):
    long, days = [f"text {n}" for n in range(60)], ["2018-01-01T00:00:00.0000000+00:00"] * 60
    columns = {
        "a": MEASURE,
        "b": MEASURE,
        "note": Column("text", "feature"),
        "day": Column("date", "feature"),
    }
    keep(store, "a", table(note=long, day=days), columns)
    result = done("a")
    assert rows_of(store, result["all"])[3]["note"] == "text 3"
    [warning] = said(result)
    assert "'note', 'day'" in warning
    assert persist.load(models.blob(models.get(OWNER, result["modelId"]))).columns == ("a", "b")


def test_the_times_of_a_series_are_shown(store, done):
    times = [f"2018-01-01T00:{n:02}:00.0000000+00:00" for n in range(60)]
    keep(store, "a", table(t=times), {"a": MEASURE, "b": MEASURE, "t": Column("date", "timestamp")})
    assert [row["t"] for row in rows_of(store, done("a")["all"])] == times


def test_clean_rows_are_the_measure_of_what_is_normal(store, done):
    values, columns = cardio()
    keep(store, "a", values, columns)
    result = done("a", extraParameters={"containsAnomalies": False})
    assert result["algorithm"]["name"] != "Isolation Forest"
    assert result["percentAnomalies"] < 0.02


def test_a_warning_that_the_request_got_is_not_said_twice(store, play):
    values, columns = lympho()
    keep(store, "a", values, columns)
    once = describe(play("a"), BASE)["messages"]
    again = describe(play("a", messages=once[:1]), BASE)["messages"]
    assert once == again
    more = ignored_target(columns, {}, "another")
    assert describe(play("a", messages=more), BASE)["messages"] == [*more, once[1]]
    assert [note["severity"] for note in once] == ["warning", "informational"]


@pytest.mark.parametrize(
    ("rows", "columns", "code"),
    [
        (9, {"a": MEASURE, "b": MEASURE}, "too_few_rows"),
        (60, {"a": Column("text", "feature"), "b": Column("numeric", "none")}, "no_features"),
        (60, {"a": Column("text", "feature"), "b": Column("numeric", "target")}, "no_features"),
        (None, {}, "no_dataset"),
    ],
)
def test_what_cannot_be_learnt_from_is_said(store, play, rows, columns, code):
    if rows:
        keep(store, "a", table(rows), columns)
    job = play("a")
    assert (job.status, job.error["code"]) == (Status.ERROR, code)
    told = describe(job, BASE)
    assert told["status"] == "failed"
    assert [note["severity"] for note in told["messages"]] == ["error"]
    assert not left(store, "model", "learnt", "result")


def test_another_client_has_no_such_dataset(store, play):
    keep(store, "a", table(), {"a": MEASURE}, owner="22222222-2222-4222-8222-222222222222")
    assert play("a").error["code"] == "no_dataset"


def test_a_dataset_changed_or_deleted_meanwhile_is_read_as_it_was(store, done, monkeypatch):
    fit = run.fit_rows

    def changed(*args, **more):
        if Datasets(store.client, store.settings).find(OWNER, "a").rows == 60:
            keep(store, "a", table(20), {"a": MEASURE, "b": MEASURE})
        else:
            Datasets(store.client, store.settings).delete(OWNER, "a")
        return fit(*args, **more)

    monkeypatch.setattr(run, "fit_rows", changed)
    before = keep(store, "a", table(), {"a": MEASURE, "b": MEASURE}, rows=13)
    first, second = done("a"), done("a")
    assert [first["observations"], second["observations"]] == [60, 20]
    assert len(rows_of(store, first["all"])) == 60
    assert 0 < store.client.ttl(store.root + before.table.segments[0].key) <= 600


def test_a_result_outlives_its_dataset(store, done):
    keep(store, "a", table(), {"a": MEASURE, "b": MEASURE})
    result = done("a")
    Datasets(store.client, store.settings).delete(OWNER, "a")
    for key in left(store, "segment"):
        store.client.unlink(store.root + key)
    assert len(rows_of(store, result["all"])) == 60


def test_a_cancelled_one_ends_in_its_midst_and_leaves_nothing(store, models, play, monkeypatch):
    def endless(*args, progress, **more):
        [job] = store.list(OWNER, kind="session")[0]
        store.cancel(job.id, OWNER)
        while True:
            progress(0.5, "learning")

    keep(store, "a", table(), {"a": MEASURE, "b": MEASURE})
    monkeypatch.setattr(run, "fit_rows", endless)
    job = play("a")
    assert job.status is Status.CANCELLED
    assert describe(job, BASE)["status"] == "cancelled"
    assert models.count(OWNER) == 0
    assert not left(store, "model", "learnt", "result", "payload")


def test_one_that_is_deleted_while_it_runs_leaves_nothing(store, models, process, monkeypatch):
    def endless(*args, progress, **more):
        store.forget(job.id, OWNER)
        while True:
            progress(0.5, "learning")

    keep(store, "a", table(), {"a": MEASURE, "b": MEASURE})
    monkeypatch.setattr(run, "fit_rows", endless)
    job = new_session(store, "a")
    assert process.work(job.id) == "lost"
    assert not left(store, "job", "model", "learnt", "result", "payload", "owner")


def test_one_done_again_after_a_lost_worker_leaves_one_model_and_one_result(store, models, process):
    keep(store, "a", table(), {"a": MEASURE, "b": MEASURE})
    job = new_session(store, "a")
    first = claim(store, job).job
    manifest, pipe = run.work(first, store.client, store.settings, lambda *_: None, b"")
    store.release(job.id, first.attempt, lost=True)
    assert process.work(job.id) == "done"
    assert store.finish(job.id, first.attempt, Status.DONE, result=manifest, pipe=pipe) is None
    ended = store.get(job.id)
    assert (ended.attempt, ended.losses) == (2, 1)
    [model], total = models.list(OWNER)
    assert (total, model.id) == (1, model_id(job.id))
    names = [f"result:{job.id}:2", f"model:{model.id}", f"learnt:{model.id}", f"models:{OWNER}"]
    assert sorted(left(store, "model", "learnt", "result")) == sorted(names)
    for name in names[1:]:
        assert store.client.ttl(store.root + name) == -1
    assert store.client.ttl(store.root + names[0]) > WRITING_SECONDS


def test_its_stages_are_told_and_go_forward(store):
    told = []
    keep(store, "a", table(), {"a": MEASURE, "b": MEASURE}, rows=9)
    job = claim(store, new_session(store, "a")).job
    run.work(job, store.client, store.settings, lambda *words: told.append(words), b"")
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert [*dict.fromkeys(stage for _, stage in told)] == [
        "reading",
        "inspection",
        "learning",
        "scores",
        "writing",
    ]
