"""What the gateway makes of a table's size: who could run it, and for how long it may run."""

from __future__ import annotations

import gzip
import io
import json
import random

import pytest

from oddline.catalog import memory_of
from oddline_api.uploads import Upload, count_rows, inspect
from oddline_workers.settings import Settings
from shapes import check_shape

ROWS = 15_000
LARGE = b"Time,Value,Other\n" + b"".join(b"2017-01-01 00:00:%02d,%d,1\n" % (n % 60, n) for n in range(ROWS))
NEEDED = memory_of("DeepAD", ROWS, 1)


def plain(gateway, data, headers=None, **fields):
    form = {"file": (io.BytesIO(data), "a.csv"), "algorithm_type": "DeepAD", **fields}
    return gateway.post("/api/v1/jobs", data=form, content_type="multipart/form-data", headers=headers or {})


@pytest.mark.parametrize("door", ["ibm", "plain"])
def test_what_no_worker_has_memory_for_is_refused(gateway, door):
    gateway.store.announce("cpu", NEEDED // 2, "small:1")
    if door == "ibm":
        answer, path = gateway.submit(data=LARGE), "/submit"
    else:
        answer, path = plain(gateway, LARGE, target_columns="Value"), "/api/v1/jobs"
    assert answer.status_code == 413
    check_shape(answer, path)
    for said in ("rows", "DeepAD", "ODDLINE_JOB_MEMORY_BYTES"):
        assert said in answer.text
    assert gateway.jobs() == 0


@pytest.mark.parametrize("budget", [None, 2 * NEEDED])
def test_it_is_taken_where_a_worker_has_it_or_none_is_known(gateway, budget):
    if budget:
        gateway.store.announce("cpu", NEEDED // 2, "small:1")
        gateway.store.announce("cpu", budget, "large:1")
    assert gateway.submit(data=LARGE).status_code == 200


def test_only_workers_of_its_lane_count(gateway):
    gateway.store.announce("cpu", 1, "small:1")
    assert plain(gateway, LARGE, algorithm_type="ReconstructAD").status_code == 202


def packed_json(data):
    lines = data.decode().splitlines()[1:]
    rows = [dict(zip(("Time", "Value"), line.split(","), strict=False)) for line in lines]
    return gzip.compress(json.dumps(rows).encode())


FORMS = {
    "csv": bytes,
    "gzip": gzip.compress,
    "utf-16": lambda data: data.decode().encode("utf-16"),
    "crlf": lambda data: data.replace(b"\n", b"\r\n"),
    "packed json": packed_json,
}


def rows_counted(data, **settings):
    upload = Upload(io.BytesIO(data), "a")
    return count_rows(upload, inspect(upload, Settings(**settings)), Settings(**settings))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_rows_are_counted_or_guessed(form):
    assert rows_counted(form(LARGE)) == pytest.approx(ROWS, rel=0.2)


def test_a_head_unlike_the_rest_misleads_no_further_than_its_rows_are_shorter():
    """A plant that stands still for its first hours, packed a hundred times as well as what follows."""
    rng = random.Random(0)
    still = b"".join(b"%d,0.0,0.0\n" % n for n in range(30_000))
    runs = b"".join(b"%d,%.8f,%.8f\n" % (n, rng.random(), rng.random()) for n in range(30_000, 90_000))
    table = b"t,a,b\n" + still + runs
    assert rows_counted(table) == 90_001
    assert rows_counted(gzip.compress(table)) <= 2 * 90_000
    # What its end says of a packed file's size may be made up.
    forged = gzip.compress(table)[:-4] + b"\xff\xff\xff\xff"
    assert rows_counted(forged, max_rows=1_000_000) <= 1_000_000
    assert rows_counted(gzip.compress(table) + gzip.compress(b"")) >= 1


def test_a_repeated_submission_is_not_refused_for_what_has_become_of_the_store(gateway):
    key = {"Idempotency-Key": "k"}
    first = plain(gateway, LARGE, headers=key)
    gateway.store.announce("cpu", 1, "small:1")
    gateway.app.extensions["oddline"].store._ask_workers = 0.0
    again = plain(gateway, LARGE, headers=key)
    assert (again.status_code, again.json["id"]) == (202, first.json["id"])
    assert plain(gateway, LARGE).status_code == 413


def test_larger_tables_may_take_longer(make_gateway):
    gateway = make_gateway(time_limit=100.0, time_limit_per_million=2_000.0)
    large, small = (gateway.store.get(gateway.submit(data=d).json["jobId"]) for d in (LARGE, LARGE[:4_000]))
    assert large.time_limit == pytest.approx(130, rel=0.05)
    assert small.time_limit == pytest.approx(100, rel=0.01)
