"""Rendering, storing and streaming results."""

import gzip
import json
import math
import re
import subprocess
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddline import detect
from oddline.errors import JobError, RunError
from oddline.result import Run
from oddline_workers import blobs, render, results
from oddline_workers.deflate import combine
from workers.detections import detection
from workers.trials import new_job

IID = {"spec": {"labeling_method": "IID"}}


def text(found, dialect):
    return b"".join(render.render(found, dialect))


def keep(client, key, texts):
    writer = blobs.Writer(client, key)
    manifest = results.add(writer, texts)
    writer.pipe.execute()
    return manifest


@pytest.fixture
def stored(service):
    """Store a detection as a done job's result; the stream of it."""

    def stored(found=None, *, dialect="ibm", head=b'{"summary":', tail=b"}", gzip=True):
        key = service.settings.key_prefix + "result"
        manifest = keep(service.client, key, render.render(found or detection(), dialect))
        job = new_job(status="done", result=json.loads(json.dumps(manifest)))
        return results.stream(service.client, key, job, head, tail, gzip=gzip)

    return stored


def test_ibm_summary_is_the_documented_one():
    run = Run(2, 2, "2", "2", 1.5, 2, {"a": 1.0})
    model = "[('A', B(c=1,\n d=2)),]"
    found = detection(model_summary=model, anomalies=(run,), notes=("1 value is taken as missing.",))
    summary = json.loads(text(found, "ibm"))
    rows = summary.pop("result")
    assert summary == {
        "lookback_window": "2",
        "model_summary": "[('A',B(c=1,d=2)),]",
        "num_pipelines_explored": 1,
        "total_execution_time (sec)": "0.25",
        "total_excution_time (sec)": "0.25",
        "anomalies": [
            {"start_row": 2, "end_row": 2, "start": "2", "end": "2", "severity": 1.5, "peak_row": 2,
             "contributions": {"a": 1.0}, "rows": 1, "excess": 0.0}
        ],
        "notes": ["1 value is taken as missing."],
    }  # fmt: skip
    assert math.isnan(rows[0]["value"]["anomaly_score"][0])
    assert rows[1:] == [
        {"timestamp": "1", "value": {"anomaly_score": [0.5], "anomaly_label": [1.0]}},
        {"timestamp": "2", "value": {"anomaly_score": [1.0], "anomaly_label": [-1.0]}},
    ]


def test_ibm_run_time_is_told_to_the_microsecond():
    found = detection(seconds={"scores": 0.1, "labels": 0.2, "contributions": 0.000003})
    summary = json.loads(text(found, "ibm"))
    assert summary["total_execution_time (sec)"] == summary["total_excution_time (sec)"] == "0.300003"


def test_ibm_tells_what_was_repaired():
    lines = [f"2024-01-01 00:{m:02}:00,{'inf' if m == 9 else m % 5}" for m in range(60) if m != 30]
    found = detect(
        "\n".join(["time,value", *lines]).encode(),
        time_column="time",
        algorithm_type="DeepAD",
        lookback_window=5,
    )
    notes = json.loads(text(found, "ibm"))["notes"]
    assert any("infinite" in note and "missing" in note for note in notes)
    assert any("interpolated" in note for note in notes)


def test_ibm_rows_without_a_score_are_bare_nan_with_label_one():
    body = text(detection(), "ibm")
    assert b'{"timestamp":"0","value":{"anomaly_score":[NaN],"anomaly_label":[1.0]}}' in body
    assert b"null" not in body


@pytest.mark.parametrize("kind", ["reversed", "shuffled"])
def test_ibm_leaves_the_earliest_rows_without_a_score_in_a_file_of_any_order(kind):
    rng = np.random.default_rng(0)
    minutes = np.arange(400)[::-1] if kind == "reversed" else rng.permutation(400)
    values = np.sin(np.arange(400) / 3) + 0.1 * rng.standard_normal(400)
    values[395] += 9.0  # among the newest rows: judged, though they may stand first in the file
    lines = [f"2024-01-01 {m // 60:02}:{m % 60:02}:00,{values[m]:.6f}" for m in minutes]
    found = detect(
        "\n".join(["time,value", *lines]).encode(),
        time_column="time",
        algorithm_type="DeepAD",
        labeling_method="Chi-Square",
        lookback_window=40,
    )
    rows = json.loads(text(found, "ibm"))["result"]
    unscored = np.array([math.isnan(row["value"]["anomaly_score"][0]) for row in rows])
    flagged = np.array([row["value"]["anomaly_label"][0] < 0 for row in rows])
    assert set(minutes[unscored]) == set(range(50))
    assert not (unscored & flagged).any()
    assert 395 in minutes[flagged]


def test_ibm_sends_no_labels_under_iid():
    rows = json.loads(text(detection(**IID), "ibm"))["result"]
    assert rows[2]["value"] == {"anomaly_score": [1.0]}


def test_plain_result_is_strict_json():
    def refuse(word):
        pytest.fail(f"{word} is not JSON")

    found = detection(notes=("row 2 was empty",), anomalies=(Run(2, 2, "2", "2", 1.5, 2, {"a": 1.0}),))
    body = json.loads(text(found, "plain"), parse_constant=refuse)
    assert list(body) == ["summary", "anomalies", "columns", "rows"]
    assert body["rows"][2] == {"time": "2", "score": 1.0, "severity": 1.5, "label": -1}
    assert body["summary"]["flagged"] == 1
    assert body["summary"]["threshold"] == 0.75
    assert body["anomalies"][0]["contributions"] == {"a": 1.0}


@pytest.mark.parametrize("dialect", ["ibm", "plain"])
@pytest.mark.parametrize("rows", [1, render.ROWS - 1, render.ROWS, render.ROWS + 1, 2 * render.ROWS])
def test_pieces_join_to_one_text_without_a_row_lost(dialect, rows):
    label = np.ones(rows, np.int8)
    warm_up = min(rows, render.ROWS + 1)
    judged = np.arange(rows) >= warm_up
    found = detection(rows, label=label, judged=judged, threshold=np.arange(float(rows)))
    pieces = [*render.render(found, dialect)]
    assert len(pieces) == math.ceil(rows / render.ROWS)
    body = json.loads(b"".join(pieces))
    if dialect == "plain":
        assert [row["time"] for row in body["rows"]] == found.index
        assert [row["score"] for row in body["rows"]] == found.score.tolist()
    else:
        scores = np.array([row["value"]["anomaly_score"][0] for row in body["result"]])
        assert [row["timestamp"] for row in body["result"]] == found.index
        assert np.isnan(scores).sum() == warm_up
        assert np.array_equal(scores[warm_up:], found.score[warm_up:])


def test_time_texts_are_escaped():
    times = ['a","b', 'c\\"', "\x00ß€"]
    assert [row["time"] for row in json.loads(text(detection(index=times), "plain"))["rows"]] == times
    assert [row["timestamp"] for row in json.loads(text(detection(index=times), "ibm"))["result"]] == times


def many():
    rows = 2 * render.ROWS + 5
    return detection(rows, label=np.ones(rows, np.int8), score=np.random.default_rng(0).random(rows))


@pytest.mark.parametrize("found", [detection(), many()], ids=["small", "three pieces"])
def test_gzip_body_is_one_standard_member(stored, found):
    length, chunks = stored(found)
    body = b"".join(chunks)
    assert len(body) == length
    reader = zlib.decompressobj(wbits=31)
    plain = reader.decompress(body)
    assert reader.eof
    assert reader.unused_data == b""
    assert plain == b'{"summary":' + text(found, "ibm") + b"}"
    assert gzip.decompress(body) == plain
    subprocess.run(["gzip", "-t"], input=body, check=True)


def test_body_without_gzip_is_the_same_text(stored):
    length, chunks = stored(many(), gzip=False)
    body = b"".join(chunks)
    assert len(body) == length
    assert body == b'{"summary":' + text(many(), "ibm") + b"}"


@pytest.mark.parametrize("packed", [True, False])
def test_altered_result_is_never_sent_whole(service, stored, packed):
    key = service.settings.key_prefix + "result"
    _, chunks = stored(many(), gzip=packed)
    service.client.hset(key, "2", b"x" + service.client.hget(key, "2")[1:])
    with pytest.raises(RunError) as caught:
        b"".join(chunks)
    assert caught.value.code == "damaged"


def test_result_that_expires_while_it_is_read_is_not_called_damaged(service, stored):
    _, chunks = stored(many(), gzip=True)
    next(chunks)
    service.client.delete(service.settings.key_prefix + "result")
    with pytest.raises(JobError) as caught:
        b"".join(chunks)
    assert (caught.value.code, caught.value.status) == ("expired", 404)


def test_first_piece_is_checked_before_anything_is_sent(service):
    key = service.settings.key_prefix + "result"
    manifest = keep(service.client, key, [b"text"])
    job = new_job(status="done", result=manifest)
    service.client.hset(key, "0", b"other")
    with pytest.raises(RunError):
        results.stream(service.client, key, job, b"", b"", gzip=True)
    service.client.delete(key)
    with pytest.raises(JobError) as caught:
        results.stream(service.client, key, job, b"", b"", gzip=True)
    assert caught.value.code == "expired"
    with pytest.raises(JobError) as caught:
        results.stream(service.client, key, new_job(status="queued"), b"", b"", gzip=True)
    assert caught.value.status == 409


@settings(max_examples=50)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_checksums_combine(a, b):
    assert combine(zlib.crc32(a), zlib.crc32(b), len(b)) == zlib.crc32(a + b)


def test_numbers_keep_every_digit():
    scores = np.array([0.1, 1e-300, 12345678.901234567])
    body = text(detection(score=scores), "plain")
    assert re.findall(rb'"score":([^,]+)', body) == [repr(s).encode() for s in scores.tolist()]
