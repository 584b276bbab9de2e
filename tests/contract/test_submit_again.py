"""The same submission sent twice, and a failed job done again."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from doors import CSV
from oddline.errors import DataError
from oddline_workers.jobs import Status
from shapes import check_shape

UNKNOWN = "00000000-0000-4000-8000-000000000000"
OTHER = CSV + b"2017-01-01 01:00:00,1.5,1\n"


def plain(gateway, key, data=CSV, **fields):
    headers = {} if key is None else {"Idempotency-Key": key}
    form = {"file": (io.BytesIO(data), "a.csv"), **fields}
    return gateway.post("/api/v1/jobs", data=form, content_type="multipart/form-data", headers=headers)


def ibm(gateway, key, data=CSV, **fields):
    form = {"time_column": "Time", "target_column": "Value", "data_file": (io.BytesIO(data), "a.csv")}
    return gateway.post(
        "/anomaly-detection/timeseries/univariate/batch",
        data={**form, **fields},
        content_type="multipart/form-data",
        headers={"Idempotency-Key": key},
    )


def job_id(answer):
    assert answer.status_code in (200, 202), answer.data
    return answer.json.get("id") or answer.json["jobId"]


def keys(gateway, kind):
    return len([*gateway.store.client.scan_iter(f"{gateway.settings.key_prefix}{kind}:*")])


@pytest.mark.parametrize("submit", [plain, ibm])
def test_sent_twice_under_one_key_it_is_one_job(gateway, submit):
    first = job_id(submit(gateway, "a-key"))
    assert job_id(submit(gateway, "a-key")) == first
    assert gateway.work(first) == "done"
    again = submit(gateway, "a-key")
    assert job_id(again) == first
    assert gateway.jobs() == 1
    assert keys(gateway, "payload") == 0
    assert job_id(submit(gateway, "b-key")) != first


def test_the_answer_to_the_second_is_the_job_as_it_stands(gateway):
    first = job_id(plain(gateway, "a-key"))
    gateway.work(first)
    assert plain(gateway, "a-key").json["status"] == "done"


def test_without_a_key_each_is_a_job(gateway):
    assert job_id(plain(gateway, None)) != job_id(plain(gateway, None))


@pytest.mark.parametrize(
    "change", [{"data": OTHER}, {"algorithm_type": "PredAD"}, {"lookback_window": "7"}], ids=str
)
@pytest.mark.parametrize("submit", [plain, ibm])
def test_a_key_of_another_request_is_refused(gateway, submit, change):
    first = job_id(submit(gateway, "a-key"))
    answer = submit(gateway, "a-key", **change)
    assert answer.status_code == 422
    check_shape(answer, "/api/v1/jobs" if submit is plain else "/submit")
    assert gateway.jobs() == 1
    assert keys(gateway, "payload") == 1
    assert gateway.store.get(first).status is Status.QUEUED


def test_a_key_is_its_owners_alone(gateway):
    mine, theirs = job_id(plain(gateway, "a-key")), job_id(plain(gateway.stranger(), "a-key"))
    assert mine != theirs


def test_many_at_once_under_one_key_are_one_job(gateway):
    with ThreadPoolExecutor(8) as pool:
        found = {*pool.map(lambda _: job_id(plain(gateway, "a-key")), range(24))}
    assert len(found) == gateway.jobs() == 1
    assert keys(gateway, "payload") == 1


def test_a_key_whose_job_has_expired_stands_for_the_next(gateway):
    first = job_id(plain(gateway, "a-key"))
    gateway.store.client.delete(f"{gateway.settings.key_prefix}job:{first}")
    second = job_id(plain(gateway, "a-key"))
    assert second != first
    assert job_id(plain(gateway, "a-key")) == second


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "\xe4", "a\tb"])
def test_a_malformed_key_is_refused(gateway, key):
    answer = plain(gateway, key)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.get_json(force=True)["detail"]
    assert gateway.jobs() == 0


def test_nothing_of_a_key_becomes_part_of_a_name_in_the_store(gateway):
    job_id(plain(gateway, "job:*{}../" + "~" * 240))
    names = [key.decode() for key in gateway.store.client.scan_iter(f"{gateway.settings.key_prefix}*")]
    assert not [name for name in names if "~" in name or "*" in name]
    (name,) = [name for name in names if ":idempotency:" in name]
    assert 0 < gateway.store.client.pttl(name) <= 24 * 3_600_000


def fail(gateway, job):
    def engine(*_):
        raise DataError("Row 3 has no time.", row=3)

    assert gateway.work(job, engine) == "error"


def retried(gateway, job, **headers):
    return gateway.post(f"/api/v1/jobs/{job}/retry", headers=headers)


@pytest.mark.parametrize("submit", [plain, ibm])
def test_a_failed_job_is_done_again_as_a_new_one(gateway, submit):
    old = job_id(submit(gateway, "a-key", recent_data="3", prediction_type="recent"))
    fail(gateway, old)
    answer = retried(gateway, old)
    new = job_id(answer)
    assert answer.headers["Location"] == f"/api/v1/jobs/{new}"
    assert answer.json["links"]["retry_of"] == f"/api/v1/jobs/{old}"
    before, after = gateway.store.get(old), gateway.store.get(new)
    assert (before.status, before.retried_as) == (Status.ERROR, new)
    assert (after.spec, after.dialect, after.filename) == (before.spec, before.dialect, before.filename)
    seen = []

    def engine(data, *more):
        seen.append(bytes(data))
        raise DataError("seen")

    assert gateway.work(new, engine) == "error"
    assert seen == [CSV]
    # The old one keeps its data for as long as it is known.
    assert job_id(retried(gateway, old)) not in (old, new)
    assert job_id(retried(gateway, new))


def test_done_again_it_may_run_for_as_long_as_the_service_says_now(make_gateway):
    gateway = make_gateway(time_limit=5.0)
    old = job_id(plain(gateway, None))
    fail(gateway, old)
    patient = make_gateway(key_prefix=gateway.settings.key_prefix, time_limit=50.0)
    new = job_id(
        retried(replace(patient, client_id=gateway.client_id, client_secret=gateway.client_secret), old)
    )
    limits = [gateway.store.get(name).time_limit for name in (old, new)]
    assert limits == pytest.approx([5.0, 50.0], rel=0.01)


def test_done_again_twice_under_one_key_it_is_one_job(gateway):
    old = job_id(plain(gateway, None))
    fail(gateway, old)
    first = job_id(retried(gateway, old, **{"Idempotency-Key": "k"}))
    assert job_id(retried(gateway, old, **{"Idempotency-Key": "k"})) == first
    assert gateway.jobs() == 2
    assert plain(gateway, "k").status_code == 422


@pytest.mark.parametrize("end", ["waits", "runs", "done", "cancelled"])
def test_only_what_failed_is_done_again(gateway, end):
    job = job_id(plain(gateway, None))
    if end == "runs":
        gateway.store.claim(job, "here:1:1")
    elif end == "done":
        gateway.work(job)
    elif end == "cancelled":
        gateway.call("DELETE", f"/api/v1/jobs/{job}")
    answer = retried(gateway, job)
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (409, "not_failed")
    check_shape(answer, "/api/v1/jobs")
    assert gateway.jobs() == 1


def test_data_that_has_expired_is_said(gateway):
    job = job_id(plain(gateway, None))
    fail(gateway, job)
    gateway.store.client.delete(gateway.store.payload_key(job))
    answer = retried(gateway, job)
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (409, "expired")
    assert gateway.jobs() == 1
    assert keys(gateway, "payload") == 0


def test_another_clients_job_and_an_unknown_one_cannot_be_done_again(gateway):
    job = job_id(plain(gateway, None))
    fail(gateway, job)
    for answer in (retried(gateway.stranger(), job), retried(gateway, UNKNOWN)):
        assert answer.status_code == 404
        check_shape(answer, "/api/v1/jobs")
    assert gateway.jobs() == 1


def test_a_full_queue_takes_no_failed_job_either(make_gateway):
    gateway = make_gateway(queue_limit=1)
    old = job_id(plain(gateway, None))
    fail(gateway, old)
    job_id(plain(gateway, None))
    answer = retried(gateway, old)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert gateway.store.get(old).retried_as == ""
