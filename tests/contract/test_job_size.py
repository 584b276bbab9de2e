"""What the gateway makes of a table's size: who could run it, and for how long it may run."""

from __future__ import annotations

import gzip
import io
import json

import pytest

from oddline.catalog import check, memory_of
from oddline.sniff import HEAD_BYTES, sniff
from shapes import check_shape

ROWS = 15_000
LARGE = b"Time,Value,Other\n" + b"".join(b"2017-01-01 00:00:%02d,%d,1\n" % (n % 60, n) for n in range(ROWS))
NEEDED = memory_of(check({"algorithm_type": "DeepAD"}), ROWS, 1)


def plain(gateway, data, **fields):
    form = {"file": (io.BytesIO(data), "a.csv"), "algorithm_type": "DeepAD", **fields}
    return gateway.post("/api/v1/jobs", data=form, content_type="multipart/form-data")


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
    rows = [dict(zip(("Time", "Value"), line.split(","), strict=False)) for line in data.decode().split()[1:]]
    return gzip.compress(json.dumps(rows).encode())


FORMS = {
    "csv": bytes,
    "gzip": gzip.compress,
    "utf-16": lambda data: data.decode().encode("utf-16"),
    "crlf": lambda data: data.replace(b"\n", b"\r\n"),
    "packed json": packed_json,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_rows_are_guessed_from_the_head(form):
    data = form(LARGE)
    found = sniff(data[:HEAD_BYTES], complete=len(data) <= HEAD_BYTES)
    # Of packed ones the head may be packed better or worse than the rest.
    assert found.rows_per_byte * len(data) == pytest.approx(
        2 * ROWS if form is packed_json else ROWS, rel=0.5
    )


def test_larger_tables_may_take_longer(make_gateway):
    gateway = make_gateway(time_limit=100.0, time_limit_per_million=2_000.0)
    large, small = (gateway.store.get(gateway.submit(data=d).json["jobId"]) for d in (LARGE, LARGE[:4_000]))
    assert large.time_limit == pytest.approx(130, rel=0.05)
    assert small.time_limit == pytest.approx(100, rel=0.01)
