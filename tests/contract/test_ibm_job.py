"""A job through the IBM door, from submission to its result."""

from __future__ import annotations

import json
import math
import re

import pytest

from oddline.errors import DataError, RunError

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
SENTENCE = (
    "The job is submitted. Please record the jobId and use it in the GET /result/<jobId> request"
    " to get the result."
)
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")


def test_submission_answers_200_with_filename_job_id_and_sentence(gateway):
    answer = gateway.submit(filename="my data.csv")
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert set(answer.json) == {"filename", "jobId", "status"}
    assert answer.json["filename"] == "my data.csv"
    assert UUID4.fullmatch(answer.json["jobId"])
    assert answer.json["status"] == SENTENCE


def test_result_before_done_has_exactly_three_keys(gateway):
    job_id = gateway.submit().json["jobId"]
    assert gateway.get(f"/result/{job_id}").json == {"filename": "a.csv", "jobId": job_id, "status": "queued"}
    gateway.store.claim(job_id, "someone:1:1")
    assert gateway.get(f"/result/{job_id}").json == {
        "filename": "a.csv",
        "jobId": job_id,
        "status": "executing",
    }


def test_submitted_shows_while_the_queue_is_away(gateway):
    behind = gateway.app.extensions["oddline"]
    behind.queue.conf.broker_url = "redis+socket:///nowhere/r.sock"
    job_id = gateway.submit().json["jobId"]
    assert gateway.get(f"/result/{job_id}").json["status"] == "submitted"


def test_done_carries_type_stages_and_summary(gateway):
    job_id = gateway.submit(labeling_method="Chi-Square", prediction_type="ENTIRE").json["jobId"]
    assert gateway.work(job_id) == "done"
    answer = gateway.get(f"/result/{job_id}")
    body = json.loads(answer.data)
    assert list(body) == ["filename", "jobId", "status", "prediction_type", "updated_on", "summary"]
    assert (body["status"], body["prediction_type"]) == ("done", "entire")
    assert list(body["updated_on"]) == ["submitted@", "queued@", "execution_started@", "done@"]
    assert all(STAMP.fullmatch(stamp) for stamp in body["updated_on"].values())
    assert list(body["updated_on"].values()) == sorted(body["updated_on"].values())
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    summary = body["summary"]
    assert summary["lookback_window"] == "5"
    assert summary["model_summary"] == "[('A',A()),]"
    assert summary["num_pipelines_explored"] == 3
    assert float(summary["total_execution_time (sec)"]) == float(summary["total_excution_time (sec)"]) > 0
    rows = summary["result"]
    assert len(rows) == 60
    assert rows[0]["timestamp"] == "2017-01-01 00:00:00"
    assert math.isnan(rows[4]["value"]["anomaly_score"][0])
    assert rows[4]["value"]["anomaly_label"] == [1.0]
    assert rows[40]["value"]["anomaly_label"] == [-1.0]
    assert b"[NaN]" in answer.data


def test_iid_has_no_labels(gateway):
    job_id = gateway.submit(labeling_method="iid").json["jobId"]
    gateway.work(job_id)
    rows = json.loads(gateway.get(f"/result/{job_id}").data)["summary"]["result"]
    assert all(list(row["value"]) == ["anomaly_score"] for row in rows)


def test_nan_null_gives_strict_json_across_piece_borders(gateway):
    job_id = gateway.submit(labeling_method="Chi-Square").json["jobId"]
    gateway.work(job_id)
    answer = gateway.get(f"/result/{job_id}?nan=null", headers={"Accept-Encoding": "gzip"})

    def no_constant(name):
        raise AssertionError(name)

    rows = json.loads(answer.data, parse_constant=no_constant)["summary"]["result"]
    assert rows[4]["value"]["anomaly_score"] == [None]
    assert rows[5]["value"]["anomaly_score"][0] > 0


def test_gzip_is_one_member_with_the_same_text(gateway):
    import gzip
    import zlib

    job_id = gateway.submit().json["jobId"]
    gateway.work(job_id)
    plain = gateway.get(f"/result/{job_id}")
    packed = gateway.get(f"/result/{job_id}", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.data) == plain.data
    one = zlib.decompressobj(31)
    assert one.decompress(packed.data) == plain.data
    assert one.unused_data == b""
    refused = gateway.get(f"/result/{job_id}", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (DataError("Row 7: 'x' is no time.", row=7), "Row 7: 'x' is no time."),
        (RunError("The computation failed."), "The computation failed."),
        (
            ZeroDivisionError("division by zero"),
            "The computation failed: ZeroDivisionError: division by zero",
        ),
    ],
)
def test_a_failure_arrives_as_done_with_summary_error(gateway, error, text):
    def engine(*_):
        raise error

    job_id = gateway.submit().json["jobId"]
    assert gateway.work(job_id, engine) == "error"
    answer = gateway.get(f"/result/{job_id}")
    assert answer.status_code == 200
    assert answer.json["status"] == "done"
    assert answer.json["summary"] == {"error": text}
    assert answer.json["prediction_type"] == "entire"
    assert list(answer.json["updated_on"]) == ["submitted@", "queued@", "execution_started@", "done@"]


def test_a_cancelled_job_shows_as_done_with_summary_error(gateway):
    job_id = gateway.submit().json["jobId"]
    gateway.store.cancel(job_id, gateway.client_id)
    answer = gateway.get(f"/result/{job_id}")
    assert (answer.status_code, answer.json["status"]) == (200, "done")
    assert "cancelled" in answer.json["summary"]["error"]


def test_unknown_malformed_and_foreign_jobs_look_alike(gateway):
    job_id = gateway.submit().json["jobId"]
    foreign = gateway.stranger().get(f"/result/{job_id}")
    unknown = gateway.get("/result/00000000-0000-4000-8000-000000000000")
    assert foreign.status_code == unknown.status_code == 404
    assert set(foreign.json) == set(unknown.json) == {"error"}
    assert foreign.json["error"].replace(job_id, "?") == unknown.json["error"].replace(
        "00000000-0000-4000-8000-000000000000", "?"
    )


def test_head_and_repeated_reads(gateway):
    job_id = gateway.submit().json["jobId"]
    gateway.work(job_id)
    first, second = gateway.get(f"/result/{job_id}"), gateway.get(f"/result/{job_id}")
    assert first.data == second.data
    head = gateway.call("HEAD", f"/result/{job_id}")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == first.headers["Content-Length"]


def test_everything_answers_under_the_hosted_prefix_too(gateway):
    prefix = "/ai4industry/run"
    assert gateway.get(prefix + "/connection-check").json == {
        "message": "The anomaly detection service is up."
    }
    job_id = gateway.submit().json["jobId"]
    assert gateway.get(f"{prefix}/result/{job_id}").json["status"] == "queued"
    refused = gateway.post(prefix + "/anomaly-detection/timeseries/univariate/batch", data={"a": "b"})
    assert refused.status_code == 415


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_connection_check_by_get_and_post(gateway, method):
    answer = gateway.call(method, "/connection-check")
    assert answer.status_code == 200
    assert answer.json == {"message": "The anomaly detection service is up."}


def test_every_answer_has_the_gateway_headers(gateway):
    answer = gateway.get("/connection-check")
    assert re.fullmatch(r"[0-9a-f]{24}", answer.headers["x-global-transaction-id"])
    assert answer.headers["x-ratelimit-limit"] == "name=rate-limit-1,6000;"
    assert answer.headers["x-ratelimit-remaining"] == "name=rate-limit-1,5999;"
    sent = gateway.submit()
    assert sent.headers["x-ratelimit-limit"] == "name=rate-limit-1,100;"
    assert sent.headers["x-ratelimit-remaining"] == "name=rate-limit-1,99;"
