"""Models: there when their session is done and at no other time, listed, sorted, sifted, deleted."""

import uuid

import pytest

from oddline.errors import OddlineError, ParameterError, RunError
from oddline_workers.jobs import Status
from oddline_workers.models import SORTS, Model, Models, model_id
from oddline_workers.models import unknown_model as unknown
from oddline_workers.records import Records
from workers.trials import OWNER, admit, claim

STRANGER = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def models(store):
    return Models(store.client, store.settings)


@pytest.fixture
def begin(store, models):
    """A function that does a session up to its last step: the job, and what finishes it."""

    def begun(*, data=b"what was learnt", job=None, **changes):
        job = job or admit(store, kind="session")
        claimed = claim(store, job).job
        made = {"source": "hearts", "name": "Anomalies on hearts", **changes}
        model = Model(id=model_id(job.id), owner=OWNER, session=job.id, **made)
        models.add(model, claimed.attempt, data)
        result = {"pieces": [], "modelId": model.id}
        return claimed, lambda: store.finish(job.id, claimed.attempt, Status.DONE, result=result)

    return begun


@pytest.fixture
def learn(begin, models):
    """A function that does a whole session: the model."""

    def learnt(**changes):
        job, finish = begin(**changes)
        assert finish() is Status.DONE
        return models.get(OWNER, model_id(job.id))

    return learnt


def left(store):
    """The keys of models in the store."""
    root = store.root
    names = [key.decode().removeprefix(root) for key in store.client.scan_iter(root + "*")]
    return sorted(name for name in names if name.startswith(("model", "learnt")))


def test_a_model_keeps_what_it_was_given(store, models, learn):
    columns = {"bpm": {"dataType": "numeric", "role": "feature"}, "größe": {"dataType": "string"}}
    more = {"columns": columns, "algorithm": {"name": "A"}, "metrics": {"percentAnomalies": 0.1}}
    model = learn(data=b"x" * 3_000_000, **more)
    assert {name: getattr(model, name) for name in more} == more
    assert (model.source, model.used) == ("hearts", 0)
    assert model.created == store.get(model.session).done
    assert models.blob(model) == b"x" * 3_000_000
    assert [store.client.ttl(store.root + name) for name in left(store)] == [-1, -1, -1]


def test_the_id_is_one_of_the_session_and_well_formed():
    job = str(uuid.uuid4())
    assert model_id(job) == model_id(job) != model_id(str(uuid.uuid4()))
    assert uuid.UUID(model_id(job)).version == 4


@pytest.mark.parametrize("end", ["runs", "cancelled", "forgotten", "overtaken", "failed"])
def test_of_a_session_that_is_not_done_there_is_no_model(store, models, begin, end):
    job, finish = begin()
    if end == "cancelled":
        store.cancel(job.id, OWNER)
        assert finish() is Status.CANCELLED
    if end == "forgotten":
        store.forget(job.id, OWNER)
        assert finish() is None
    if end == "overtaken":
        store.release(job.id, job.attempt, lost=True)
        claim(store, job)
        assert finish() is None
    if end == "failed":
        assert store.finish(job.id, job.attempt, Status.ERROR, error=RunError("no").to_dict())
    with pytest.raises(OddlineError):
        models.get(OWNER, model_id(job.id))
    assert models.list(OWNER) == ([], 0)
    assert models.count(OWNER) == 0
    # What is still there in the end would go by itself.
    assert len(left(store)) == (2 if end in ("runs", "failed") else 0)
    assert all(0 < store.client.ttl(store.root + name) <= 600 for name in left(store))


def test_a_session_begun_twice_leaves_one_model_that_the_late_one_does_not_touch(store, models, begin):
    job, late = begin(data=b"of the first")
    store.release(job.id, job.attempt, lost=True)
    _, finish = begin(data=b"of the second", job=job)
    assert finish() is Status.DONE
    models.add(Model(model_id(job.id), OWNER, job.id, "", "the late one's"), 1, b"of the first")
    assert late() is None
    [model], total = models.list(OWNER)
    assert (total, model.name) == (1, "Anomalies on hearts")
    assert models.blob(model) == b"of the second"
    assert len(left(store)) == 3
    assert [store.client.ttl(store.root + name) for name in left(store)] == [-1, -1, -1]


def test_a_repeated_end_changes_nothing(store, models, begin):
    job, finish = begin()
    assert [finish(), finish()] == [Status.DONE, Status.DONE]
    assert models.count(OWNER) == 1
    assert models.delete(OWNER, model_id(job.id))
    assert finish() is Status.DONE
    assert left(store) == []


def test_a_session_whose_model_was_lost_on_the_way_is_not_done(store, begin):
    job, finish = begin()
    store.client.unlink(f"{store.root}learnt:{model_id(job.id)}:1")
    with pytest.raises(RunError, match="completely"):
        finish()
    assert store.get(job.id).status is Status.EXECUTING


def test_a_model_outlives_its_session(store, models, learn):
    model = learn()
    assert store.forget(model.session, OWNER)
    assert models.get(OWNER, model.id) == model


def test_a_model_of_another_owner_is_unknown(models, learn):
    model = learn()
    with pytest.raises(OddlineError) as refused:
        models.get(STRANGER, model.id)
    error = refused.value
    assert (error.code, error.status) == ("not_found", 404)
    assert error.where == {"itemType": "model", "itemId": model.id}
    assert error.message == f"Item of type model with identifier {model.id} was not found"
    assert not models.delete(STRANGER, model.id)
    assert models.delete_fitting(STRANGER) == 0
    assert models.list(STRANGER) == ([], 0)
    assert models.get(OWNER, model.id)


@pytest.mark.parametrize("identifier", ["", "*", "../x", "a" * 10_000, "x\ud800", "{}:1", "A\n"])
def test_a_malformed_id_never_becomes_part_of_a_key(store, models, identifier, monkeypatch):
    monkeypatch.setattr(models, "client", None)  # nothing is asked
    with pytest.raises(OddlineError, match="not found"):
        models.get(OWNER, identifier)
    assert not models.delete(OWNER, identifier)
    models.touch(identifier)
    assert len(unknown(identifier).message) < 150


def test_the_newest_come_first_page_by_page(models, learn):
    made = [learn(name=f"model {n}").id for n in range(5)][::-1]
    found, total = models.list(OWNER, limit=2)
    assert ([model.id for model in found], total) == (made[:2], 5)
    assert [model.id for model in models.list(OWNER, offset=4)[0]] == made[4:]
    assert models.list(OWNER, offset=5) == ([], 5)
    assert [model.id for model in models.list(OWNER, descending=False)[0]] == made[::-1]


def test_are_sorted_by_everything_that_the_dialect_names(models, learn):
    made = [learn(name=name, source=source) for name, source in (("b", "Y"), ("A", "x"), ("c", "y"))]
    models.touch(made[1].id)

    def order(sort, **more):
        ids = [model.id for model in models.list(OWNER, sort=sort, **more)[0]]
        return [[model.id for model in made].index(one) for one in ids]

    assert order("modelName", descending=False) == [1, 0, 2]
    assert order("modelName") == [2, 0, 1]
    assert order("dataSourceName", descending=False) == [1, 2, 0]
    assert order("dataSourceName") == [2, 0, 1]
    assert order("type", descending=False) == order("type") == [2, 1, 0]
    assert order("lastUsedDate") == [1, 2, 0]
    assert order("id") == sorted(range(3), key=lambda n: made[n].id, reverse=True)
    assert order("createdDate", offset=1, limit=1) == [1]
    assert order("type", offset=1, limit=1) == [1]
    assert len(SORTS) == 6
    with pytest.raises(ParameterError, match="Did you mean 'modelName'"):
        models.list(OWNER, sort="modelname ")


def test_are_sifted_by_source_date_and_id(models, learn):
    first, second, third = (learn(source=source) for source in ("hearts", "HEARTS", "other"))

    def found(**what):
        models_found, total = models.list(OWNER, **what)
        assert total == len(models_found)
        return [model.id for model in models_found]

    assert found(source="Hearts") == [second.id, first.id]
    assert found(source="none") == []
    assert found(identifier=first.id) == [first.id]
    assert found(identifier="x\ud800") == []
    assert found(after=second.created) == [third.id, second.id]
    assert found(before=second.created) == [second.id, first.id]
    assert found(after=first.created + 1, before=third.created - 1) == [second.id]
    assert found(source="hearts", after=first.created + 1) == [second.id]
    assert found(after=10**30) == []


def test_those_that_fit_are_deleted_and_nothing_is_left_of_them(store, models, learn):
    first, second, third = (learn(source=source) for source in ("hearts", "Hearts", "other"))
    assert models.delete_fitting(OWNER, source="hearts", before=first.created) == 1
    assert models.delete_fitting(OWNER, source="hearts") == 1
    assert [model.id for model in models.list(OWNER)[0]] == [third.id]
    assert models.count(OWNER) == 1
    for model in (first, second):
        with pytest.raises(OddlineError, match="not found"):
            models.blob(model)
    assert models.delete_fitting(OWNER) == 1
    assert left(store) == []


@pytest.mark.parametrize("how", ["delete", "delete_fitting"])
def test_what_is_deleted_is_so_in_the_journal(models, learn, monkeypatch, how):
    model = learn()
    left = []
    monkeypatch.setattr(Records, "await_journal", lambda records: left.append(models.count(OWNER)))
    assert getattr(models, how)(OWNER, **({} if how == "delete_fitting" else {"identifier": model.id}))
    assert left == [0]


def test_its_use_is_noted_and_brings_no_deleted_one_back(store, models, learn):
    model = learn()
    before = store.now()
    models.touch(model.id)
    assert before <= models.get(OWNER, model.id).used <= store.now()
    models.delete(OWNER, model.id)
    models.touch(model.id)
    assert left(store) == []


def test_an_altered_file_is_not_handed_out(store, models, learn):
    model = learn()
    store.client.hset(f"{store.root}learnt:{model.id}", "0", b"something else.")
    with pytest.raises(RunError, match="altered"):
        models.blob(model)
