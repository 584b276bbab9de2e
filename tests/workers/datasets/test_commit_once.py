"""What a job adds to a dataset it adds once, however often it has to begin anew."""

import pytest

from oddline.errors import CancelledError
from oddline_workers.datasets.catalogue import Dataset, Datasets
from oddline_workers.jobs import Status
from workers.trials import OWNER, admit, claim


@pytest.fixture
def datasets(client, settings):
    return Datasets(client, settings)


def commit(datasets, job, attempt):
    old = datasets.find(OWNER, "hearts")
    return datasets.commit(old, old or Dataset(OWNER, "hearts"), attempt=(job.id, attempt))


def test_the_attempt_that_runs_commits(store, datasets):
    job = admit(store, kind="import")
    claim(store, job)
    assert commit(datasets, job, 1).version == datasets.get(OWNER, "hearts").version
    assert store.get(job.id).status is Status.EXECUTING


def test_none_does_after_one_that_did(store, datasets):
    job = admit(store, kind="import")
    claim(store, job)
    version = commit(datasets, job, 1).version
    store.release(job.id, 1, lost=True)
    claim(store, job)
    with pytest.raises(CancelledError):
        commit(datasets, job, 2)
    assert datasets.get(OWNER, "hearts").version == version


def test_none_does_that_was_overtaken_or_is_over(store, datasets):
    job = admit(store, kind="import")
    claim(store, job)
    store.release(job.id, 1, lost=True)
    with pytest.raises(CancelledError):
        commit(datasets, job, 1)
    claim(store, job)
    with pytest.raises(CancelledError):
        commit(datasets, job, 1)
    store.cancel(job.id, OWNER)
    with pytest.raises(CancelledError):
        commit(datasets, job, 2)
    store.finish(job.id, 2, Status.CANCELLED)
    store.forget(job.id, OWNER)
    with pytest.raises(CancelledError):
        commit(datasets, job, 2)
    assert datasets.find(OWNER, "hearts") is None
