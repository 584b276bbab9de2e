"""Imports from their request to the rows of a dataset, by a worker's own process."""

import gzip
import io
import json

import pytest

from oddline_workers import runner
from oddline_workers.datasets import columnar
from oddline_workers.datasets.catalogue import Datasets
from oddline_workers.imports import run
from oddline_workers.imports.document import describe
from oddline_workers.imports.request import read
from oddline_workers.jobs import Status
from oddline_workers.submit import submit
from oddline_workers.tasks import Process
from workers.imports.remote import answer, remote
from workers.trials import OWNER, trial_settings

SECRET = "s3cr3t-of-a-client"
CSV = b"id,bpm\n1,60\n2,212.5\n"
JSON = b'{"data": [{"id": 1, "bpm": 60}, {"id": 2, "bpm": 212.5}], "columns": {"id": {"role": "key"}}}'


@pytest.fixture
def settings(server_url):
    return trial_settings(
        server_url, outbound_networks="127.0.0.0/8", max_import_bytes=1 << 20, import_seconds=5.0
    )


@pytest.fixture
def there():
    with remote() as there:
        there.says["/hearts.csv"] = answer(CSV)
        there.says["/hearts.json"] = answer(JSON)
        yield there


@pytest.fixture
def imported(service):
    """A function that takes an import in and lets a process do it: the job as it is then."""
    process = Process(service.settings, runner.detect)

    def play(url, type="url", **more):
        job = taken(service, url, type, **more)
        process.work(job.id)
        return service.store.get(job.id)

    play.process = process
    yield play
    process.close()


def taken(service, url, type="url", **more):
    request = read(type, {"dataSetName": "hearts", **({"url": url} if url else {}), **more})
    return submit(
        service.store, service.app, owner=OWNER, dialect="nexosis", lane="cpu", spec=request.spec(),
        data=io.BytesIO(request.payload()), filename="hearts", kind="import",
    )  # fmt: skip


def rows(service, name="hearts"):
    found = Datasets(service.client, service.settings).get(OWNER, name)
    names = [*found.columns]
    return columnar.page(service.client, service.settings.key_prefix, found.table, names, 0, 1_000)


HEARTS = [{"id": "1", "bpm": "60"}, {"id": "2", "bpm": "212.5"}]


@pytest.mark.parametrize("path", ["/hearts.csv", "/hearts.json"])
@pytest.mark.parametrize("packed", [False, True])
def test_rows_come_from_either_kind_packed_or_not(service, there, imported, path, packed):
    body = CSV if path.endswith("csv") else JSON
    there.says[path] = answer(gzip.compress(body) if packed else body)
    job = imported(there.url(path))
    assert (job.status, job.error) == (Status.DONE, None)
    assert job.result["rows"] == 2
    assert rows(service) == HEARTS
    assert describe(job, "http://host/v1")["status"] == "completed"


def test_the_columns_of_the_request_override_those_of_the_file(service, there, imported):
    imported(there.url("/hearts.json"))
    assert Datasets(service.client, service.settings).get(OWNER, "hearts").key_column == "id"
    imported(
        there.url("/hearts.json"),
        dataSetName="other",
        columns={"id": {"role": "none"}, "BPM": {"role": "key"}},
    )
    assert Datasets(service.client, service.settings).get(OWNER, "other").key_column == "bpm"


def test_a_name_and_password_are_sent(service, there, imported):
    imported(there.url("/hearts.csv"), auth={"basic": {"userId": "me", "password": SECRET}})
    assert "Authorization: Basic " in there.asked[0]


@pytest.mark.parametrize(
    ("says", "sends", "kind"),
    [
        (answer(CSV, content_type="application/json"), {"contentType": "csv"}, "csv"),
        (answer(JSON, content_type="application/json; charset=utf-8"), {}, "json"),
        (answer(JSON, content_type="application/vnd.x+json"), {}, "json"),
        (answer(CSV, content_type="text/csv"), {}, "csv"),
        (answer(b"\n " + JSON, content_type="text/plain"), {}, "json"),
        (answer(CSV, content_type="application/octet-stream"), {}, "csv"),
    ],
)
def test_what_kind_it_is(service, there, imported, says, sends, kind):
    there.says["/data"] = says
    assert imported(there.url("/data"), **sends).status is Status.DONE
    assert len(rows(service)) == 2


@pytest.mark.parametrize(
    ("type", "path", "kind"),
    [
        ("text/plain", "/a.json", "json"),
        ("", "/a.csv.gz", "csv"),
        ("text/html", "/a", "csv"),
        ("text/csv", "/a.json", "csv"),
    ],
)
def test_the_host_is_asked_before_the_path(type, path, kind):
    assert run.kind_of(b"a", type, path) == kind


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (answer(b"no", "404 Not Found"), "The address answered 404 Not Found"),
        (answer(b"no", "500 Oh"), "The address answered 500 Oh"),
        (answer(b""), "empty"),
        (answer(gzip.compress(CSV)[:-9]), "damaged or cut off"),
        (answer(gzip.compress(bytes(2 << 20))), "unpacks to more than 1,048,576 bytes"),
        (answer(bytes(2 << 20)), "more than 1,048,576 bytes"),
        (answer(b"{", content_type="application/json"), ""),
    ],
)
def test_a_failure_is_told_and_leaves_no_dataset(service, there, imported, says, why):
    there.says["/data"] = says
    job = imported(there.url("/data"))
    assert job.status is Status.ERROR
    [message] = describe(job, "http://host/v1")["messages"]
    assert message["severity"] == "error"
    assert why in message["message"]
    assert Datasets(service.client, service.settings).count(OWNER) == 0


def test_an_address_inside_is_refused_to_a_worker(service, there, imported):
    there.says["/"] = answer(status="302 Found", location="http://10.0.0.1/")
    job = imported(there.url("/"))
    assert job.error["code"] == "address_refused"


def test_a_worker_lost_after_the_rows_were_stored_doubles_nothing(service, there, imported, monkeypatch):
    def lost(*_, **__):
        raise ConnectionError("gone")

    store, job = service.store, taken(service, there.url("/hearts.csv"))
    with monkeypatch.context() as patched:
        patched.setattr(run.blobs.Writer, "manifest", lost)
        patched.setattr(imported.process, "_fail", lambda *_: "lost")
        imported.process.work(job.id)
    store.release(job.id, 1, lost=True)
    assert rows(service) == HEARTS
    assert imported.process.work(job.id) == "done"
    assert rows(service) == HEARTS
    assert store.get(job.id).result["rows"] == 2
    assert len(there.asked) == 1


def everything(client, prefix):
    """All that the store holds, as one text."""
    read = {b"hash": client.hgetall, b"string": client.get, b"list": lambda key: client.lrange(key, 0, -1)}
    read |= {b"zset": lambda key: client.zrange(key, 0, -1), b"set": client.smembers}
    keys = [*client.scan_iter(prefix + "*", count=1_000)]
    return repr([(key, read[client.type(key)](key)) for key in keys])


@pytest.mark.parametrize("end", ["done", "failed", "refused", "cancelled", "lost", "forgotten", "waited"])
def test_credentials_are_gone_when_it_is_over_whatever_its_end(service, there, imported, end, capfd):
    store = service.store
    auth = {"userId": f"user-{SECRET}", "password": SECRET}
    path = {"done": "/hearts.csv", "failed": "/none"}.get(end, "/hearts.csv")
    url = there.url(f"{path}?sig={SECRET}", host="10.0.0.1" if end == "refused" else "127.0.0.1")
    job = taken(service, url, auth=auth)
    assert SECRET in everything(service.client, service.settings.key_prefix)
    if end in ("done", "failed", "refused"):
        imported.process.work(job.id)
    elif end == "cancelled":
        store.cancel(job.id, OWNER)
    elif end == "forgotten":
        store.forget(job.id, OWNER)
    elif end == "lost":
        for attempt in range(1, service.settings.max_attempts + 1):
            store.claim(job.id, f"w{attempt}")
            store.release(job.id, attempt, lost=True)
    else:
        service.client.hset(store.root + "job:" + job.id, "submitted", 1)
        service.client.zadd(store.root + "pending:cpu", {job.id: 1})
        service.client.zadd(store.root + "outbox", {job.id: 1})
        store.sweep()
    if end == "done":
        assert store.get(job.id).status is Status.DONE
    if end != "forgotten":
        assert store.get(job.id).status.over
        assert SECRET not in json.dumps(describe(store.get(job.id), "http://host/v1"))
    assert SECRET not in everything(service.client, service.settings.key_prefix)
    assert SECRET not in "".join(capfd.readouterr())
