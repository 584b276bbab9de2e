"""Uploads: too large, cut off, without a length, too slow, malformed; none leaves a job or a file."""

from __future__ import annotations

import io
import os
import tempfile
import time

import pytest

from doors import CSV
from oddline.errors import DataError, LimitError
from oddline_api.bodies import CountedStream

UNI = "/anomaly-detection/timeseries/univariate/batch"


def form(data: bytes, *, end: bytes = b"\r\n--edge--\r\n") -> bytes:
    parts = b"".join(
        b'--edge\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % pair
        for pair in ((b"time_column", b"Time"), (b"target_column", b"Value"))
    )
    head = b'--edge\r\nContent-Disposition: form-data; name="data_file"; filename="a.csv"\r\n\r\n'
    return parts + head + data + end


def send(gateway, body: bytes, **environ):
    return gateway.app.test_client().post(
        UNI,
        headers=gateway.headers,
        content_type="multipart/form-data; boundary=edge",
        input_stream=io.BytesIO(body),
        environ_overrides={"CONTENT_LENGTH": str(len(body)), **environ},
    )


def test_the_form_used_here_is_good(gateway):
    assert send(gateway, form(CSV)).status_code == 200


@pytest.mark.parametrize("missing", [1, 5, 100, 1000])
def test_a_broken_off_upload_makes_no_job(gateway, missing):
    body = form(CSV)
    answer = send(gateway, body[:-missing], CONTENT_LENGTH=str(len(body)))
    assert answer.status_code == 400
    assert f"{len(body) - missing} of {len(body)} bytes" in answer.json["error"]
    assert gateway.jobs() == 0


def test_a_broken_off_body_makes_no_job(gateway):
    answer = gateway.app.test_client().post(
        "/api/v1/jobs",
        headers=gateway.headers,
        content_type="text/csv",
        input_stream=io.BytesIO(CSV[:-10]),
        environ_overrides={"CONTENT_LENGTH": str(len(CSV))},
    )
    assert answer.status_code == 400
    assert answer.get_json(force=True)["code"] == "broken_upload"
    assert gateway.jobs() == 0


def test_a_part_without_its_closing_line_is_refused(gateway):
    answer = send(gateway, form(CSV, end=b""))
    assert answer.status_code == 400
    assert gateway.jobs() == 0


class Untouchable(io.BytesIO):
    """A body that must not be read."""

    def read(self, *_) -> bytes:
        raise AssertionError("the body was read")


@pytest.mark.parametrize("length", [str(300 << 20), str(10**30)])
def test_too_large_is_413_before_reading(make_gateway, length):
    gateway = make_gateway(max_upload_bytes=1000)
    for path, kind in ((UNI, "multipart/form-data; boundary=edge"), ("/api/v1/jobs", "text/csv")):
        answer = gateway.app.test_client().post(
            path,
            headers=gateway.headers,
            content_type=kind,
            input_stream=Untouchable(),
            environ_overrides={"CONTENT_LENGTH": length},
        )
        assert answer.status_code == 413
        assert "1000 bytes" in answer.text


def test_the_file_itself_is_held_to_the_limit(make_gateway):
    gateway = make_gateway(max_upload_bytes=len(CSV))
    assert gateway.submit().status_code == 200
    answer = gateway.submit(data=CSV + b"\n")
    assert answer.status_code == 413
    assert str(len(CSV)) in answer.json["error"]


def test_strangers_bodies_are_never_read(gateway):
    answer = gateway.app.test_client().post(
        UNI,
        content_type="multipart/form-data; boundary=edge",
        input_stream=Untouchable(),
        environ_overrides={"CONTENT_LENGTH": "5000"},
    )
    assert answer.status_code == 401


def test_without_a_length_is_411(gateway):
    answer = gateway.app.test_client().post(
        UNI,
        headers={**gateway.headers, "Transfer-Encoding": "chunked"},
        content_type="multipart/form-data; boundary=edge",
        input_stream=Untouchable(),
    )
    assert answer.status_code == 411


def test_too_many_columns_is_413(make_gateway):
    gateway = make_gateway(max_columns=2_000)
    names = ",".join(["Time", *(f"c{n}" for n in range(10_000))])
    answer = gateway.submit(data=f"{names}\n".encode() + b"1," * 10_000 + b"1\n", target_column="c1")
    assert answer.status_code == 413
    assert "10001 columns" in answer.json["error"]


def test_large_uploads_leave_no_file_behind(gateway, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = CSV + b"2017-01-01 01:00:00,1.5,1\n" * 60_000
    assert send(gateway, form(CSV)).status_code == 200  # opens the connections
    before = len(os.listdir("/proc/self/fd"))
    assert send(gateway, form(rows)).status_code == 200
    assert send(gateway, form(rows)[:-1000], CONTENT_LENGTH=str(len(form(rows)))).status_code == 400
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_stored_upload_is_byte_for_byte_what_was_sent(gateway):
    rows = CSV + os.urandom(3 << 20).hex().encode() + b"\n"
    job_id = send(gateway, form(rows)).json["jobId"]
    seen = []

    def engine(data, *_):
        seen.append(bytes(data))
        raise DataError("seen")

    gateway.work(job_id, engine)
    assert seen == [rows]


class Slow(io.RawIOBase):
    """A body of which each read takes a moment."""

    def __init__(self) -> None:
        self.clock = 0.0

    def read(self, size: int = -1) -> bytes:
        self.clock += 1.0
        return b"x" * min(size, 10)


def test_the_deadline_is_looked_at_between_reads(monkeypatch):
    raw = Slow()
    monkeypatch.setattr(time, "monotonic", lambda: raw.clock)
    stream = CountedStream(raw, 1000, seconds=5)
    with pytest.raises(LimitError) as caught:
        list(iter(lambda: stream.read(64), b""))
    assert caught.value.status == 408
    assert raw.clock == pytest.approx(6.0)


def test_blocks_grow_only_while_they_come_quickly(monkeypatch):
    class Wire(io.RawIOBase):
        clock, rate, asked = 0.0, 1e9, []

        def read(self, size: int = -1) -> bytes:
            self.asked.append(size)
            self.clock += size / self.rate
            return bytes(size)

    raw = Wire()
    monkeypatch.setattr(time, "monotonic", lambda: raw.clock)
    stream = CountedStream(raw, 1 << 30, seconds=1e9)
    for _ in range(12):
        stream.read(1 << 20)
    assert raw.asked[:3] == [1024, 2048, 4096]
    assert raw.asked[-1] == 1 << 16
    raw.rate = 1000.0
    stream.read(1 << 20)
    stream.read(1 << 20)
    assert raw.asked[-1] == 1024


def test_stalled_uploads_leave_threads_for_the_rest(make_gateway, monkeypatch):
    monkeypatch.setattr("oddline_api.slots.WAIT_SECONDS", 0.05)
    gateway = make_gateway(gateway_threads=8)
    slots = gateway.app.extensions["oddline"].upload_slots
    assert slots.count == 3
    for number in range(3):
        slots.take(f"client {number}")
    answer = gateway.submit()
    assert (answer.status_code, gateway.jobs()) == (503, 0)
    assert int(answer.headers["Retry-After"]) >= 1
    assert gateway.get("/connection-check").status_code == 200
    slots.release("client 0")
    for _ in range(3):
        assert gateway.submit().status_code == 200


def test_one_client_leaves_slots_for_the_others(make_gateway, monkeypatch):
    monkeypatch.setattr("oddline_api.slots.WAIT_SECONDS", 0.05)
    gateway = make_gateway(gateway_threads=16)
    slots = gateway.app.extensions["oddline"].upload_slots
    assert (slots.count, slots.share) == (6, 3)
    for _ in range(3):
        slots.take(gateway.client_id)
    assert gateway.submit().status_code == 503
    assert gateway.stranger().submit().status_code == 200
    slots.release(gateway.client_id)
    assert gateway.submit().status_code == 200


def test_every_refusal_gives_its_slot_back(make_gateway):
    gateway = make_gateway(gateway_threads=1)
    body = form(CSV)
    for _ in range(3):
        assert send(gateway, body[:-100], CONTENT_LENGTH=str(len(body))).status_code == 400
        assert send(gateway, b"x" * 5000).status_code == 400
    assert send(gateway, body).status_code == 200


def test_a_connection_reset_counts_as_broken_off():
    class Reset(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ConnectionResetError

    with pytest.raises(DataError, match="0 of 10 bytes"):
        CountedStream(Reset(), 10, seconds=5).read(10)


def test_nothing_is_read_beyond_the_announced_length():
    raw = io.BytesIO(b"0123456789next request")
    stream = CountedStream(raw, 10, seconds=5)
    assert stream.read() == b"0123456789"
    assert stream.read() == stream.read(5) == b""
    assert raw.read(4) == b"next"
