"""Large bodies both ways: a result of a million rows down, a table of 100 MB up."""

from __future__ import annotations

import http.client
import statistics
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from engines import MILLION
from load import BOUNDARY, form
from oddline_api.supervisor import free_port
from running import Service, service, start, until, wait_for

Row = tuple[str, str, str]
PATH = "/anomaly-detection/timeseries/univariate/batch"
FIELDS = {
    "time_column": "Time",
    "time_format": "None",
    "target_column": "Value",
    "labeling_method": "Chi-Square",
}


def measure_download(short: bool) -> Iterator[Row]:
    """GET /result of a million rows, with and without gzip."""
    with service("engines", max_upload_bytes=1 << 28) as running:
        table = b"Time,Value\n" + b"".join(b"%d,1.5\n" % i for i in range(1000))
        job = submit(running, table, MILLION)
        wait_done(running, job)
        for gzip, least in ((True, 200), (False, 150)):
            name = "gzip passed through" if gzip else "inflated"
            runs = [download(running, job, gzip) for _ in range(3 if short else 7)]
            assert len({run.content for run in runs}) == 1
            yield f"1,000,000 rows, {name}: size", f"{runs[0].content / 1e6:.0f} MB of content", "report"
            first = statistics.median(run.first_byte for run in runs)
            yield f"1,000,000 rows, {name}: first byte", f"{1000 * first:.1f} ms", "≤ 30 ms"
            rate = statistics.median(run.content / run.seconds / 1e6 for run in runs)
            yield f"1,000,000 rows, {name}: content", f"{rate:.0f} MB/s", f"≥ {least} MB/s"
            grown = max(run.grown for run in runs)
            yield f"1,000,000 rows, {name}: gateway growth", f"{grown:.0f} MB", "≤ 30 MB"


def measure_upload(short: bool) -> Iterator[Row]:
    """POST of 100 MB, beside a gateway that reads the same body and keeps nothing."""
    line = b"1234567,1234.56789012\n"
    body = form(FIELDS, b"Time,Value\n" + line * (100_000_000 // len(line)))
    with service("engines", max_upload_bytes=1 << 28) as running, bare(running) as url:
        pairs, grown = [], []
        for _ in range(2 if short else 5):
            with watched(running) as growth:
                ours = send(running, running.url, body)
            pairs.append(ours - send(running, url, body))
            grown.append(growth.peak)
            until(lambda: not running.waiting_jobs(), pause=0.05)
    yield "upload of 100 MB, on top of the raw transfer", f"{statistics.median(pairs):.2f} s", "≤ 1.5 s"
    yield "upload of 100 MB: gateway growth", f"{max(grown):.0f} MB", "≤ 30 MB"


@dataclass
class Download:
    """One transfer: bytes of content, seconds to the first byte and in all, MB the gateway grew."""

    content: int
    first_byte: float
    seconds: float
    grown: float


def download(running: Service, job: str, gzip: bool) -> Download:
    """Read a result as fast as it comes; its content is counted after the clock has stopped."""
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=60)
    headers = {**running.headers, "Accept-Encoding": "gzip" if gzip else "identity"}
    pieces = []
    with watched(running) as growth:
        begin = time.perf_counter()
        connection.request("GET", f"/result/{job}", headers=headers)
        answer = connection.getresponse()
        pieces.append(answer.read1(1 << 16))
        first = time.perf_counter() - begin
        while piece := answer.read1(1 << 20):
            pieces.append(piece)
        seconds = time.perf_counter() - begin
    connection.close()
    raw = b"".join(pieces)
    assert answer.status == 200
    assert (answer.getheader("Content-Encoding") == "gzip") == gzip
    content = zlib.decompress(raw, wbits=31) if gzip else raw
    assert content.count(b'"timestamp"') == 1_000_000
    return Download(len(content), first, seconds, growth.peak)


class Growth:
    """How far the gateway's memory rose above where it stood."""

    peak = 0.0


@contextmanager
def watched(running: Service) -> Iterator[Growth]:
    """Look at the gateway's memory every few milliseconds."""
    parent = psutil.Process(running.pids["web"])
    processes = [parent, *parent.children(recursive=True)]
    growth, over = Growth(), threading.Event()

    def resident() -> float:
        return sum(p.memory_info().rss for p in processes) / 1e6

    before = resident()

    def look() -> None:
        while not over.wait(0.01):
            growth.peak = max(growth.peak, resident() - before)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield growth
    finally:
        over.set()
        thread.join()


def submit(running: Service, table: bytes, filename: str) -> str:
    """Send a table in the IBM form; the job's id."""
    import httpx

    answer = httpx.post(
        running.url + PATH, headers=running.headers, data=FIELDS, files={"data_file": (filename, table)}
    )
    answer.raise_for_status()
    return str(answer.json()["jobId"])


def wait_done(running: Service, job: str) -> None:
    """Until its record says so."""
    until(lambda: running.job_store().get(job).status == "done", pause=0.05)


def send(running: Service, url: str, body: bytes) -> float:
    """Seconds to send a body and have the answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    headers = {**running.headers, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    begin = time.perf_counter()
    connection.request("POST", PATH, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    seconds = time.perf_counter() - begin
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"upload answered {answer.status}: {text[:300]!r}")
    return seconds


@contextmanager
def bare(running: Service) -> Iterator[str]:
    """A gateway that only reads, on the same server software."""
    port = free_port("127.0.0.1")
    words = f"-m granian --interface wsgi --host 127.0.0.1 --port {port} --no-ws --log-level warning raw:app"
    process: subprocess.Popen[bytes] = start([sys.executable, *words.split()], running.settings)
    try:
        wait_for(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
