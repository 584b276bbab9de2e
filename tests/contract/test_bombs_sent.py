"""Bombs sent to a real gateway and run by a real worker: a documented end, and both live on as they were."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest
import requests

from doors import CSV
from engine.test_bombs import keys, nested
from memory import peak_since, reset_peak
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings
from serving import Served, serve, wait_until

pytestmark = [pytest.mark.service, pytest.mark.xdist_group("bombs")]

MIB = 1 << 20
ROWS = b"".join(b"%d,%d\n" % (row, row % 7) for row in range(300))
DEEP = b"[" * 10**5 + b"]" * 10**5

# What is sent and as what; the status of the gateway, and the code of it or of the job.
BOMBS = {
    "gzip of zeros": (lambda: gzip.compress(bytes(100 * MIB)), 400, "not_a_csv"),
    "gzip in gzip": (nested, 400, "not_a_csv"),
    "gzip of many members": (
        lambda: gzip.compress(b"t,v\n" + ROWS) + gzip.compress(b"") * 10**5,
        202,
        "done",
    ),
    "gzip beyond its limit": (lambda: gzip.compress(b"t,v\n" + b"1,2\n" * (40 * MIB), 1), 202, "too_large"),
    "a line of 100 MB": (lambda: gzip.compress(b"t,v\n" + ROWS + b"1," * (50 * MIB), 1), 202, "too_large"),
    "a first line of 100 MB": (lambda: gzip.compress(b"a," * (50 * MIB), 1), 400, "not_a_csv"),
    "a quoted field of 100 MB": (
        lambda: b"t,v\n" + ROWS + b'1,"' + b"x" * (100 * MIB) + b'"\n',
        202,
        "too_large",
    ),
    "a quote that never ends": (
        lambda: gzip.compress(b't,v\n1,"' + b"1,2\n" * (25 * MIB), 1),
        202,
        "not_a_csv",
    ),
    "deep JSON": (lambda: b'[{"a":' + DEEP + b"}]", 400, "not_json_rows"),
    "deep JSON in a later row": (
        lambda: b"[" + b'{"a":1,"b":2},' * 40_000 + b'{"a":' + DEEP + b"}]",
        202,
        "not_json_rows",
    ),
    "a million keys": (lambda: b"[{" + keys(10**6) + b"}]", 400, "not_json_rows"),
    "a million keys in a later row": (
        lambda: b"[" + b'{"a":1,"b":2},' * 40_000 + b"{" + keys(10**6) + b"}]",
        202,
        "not_json_rows",
    ),
    "a million keys in as many rows": (
        lambda: b"[" + b",".join(b'{"k%d":1}' % number for number in range(10**6)) + b"]",
        202,
        "too_large",
    ),
    "100,000 columns": (lambda: b"," * 10**5 + b"\n" + b"1," * 10**5 + b"\n", 413, "too_many_columns"),
    "zero bytes": (lambda: b"t,v\n" + b"1,2\n" * 100_000 + bytes(MIB), 202, "zero_byte"),
    "huge names": (lambda: b"a" * 100_000 + b"," + b"b" * 100_000 + b"\n" + ROWS, 400, "long_name"),
    "a number of a million digits": (
        lambda: b"t,v\n1," + b"9" * 10**6 + b"\n" + ROWS,
        202,
        "done",
    ),
    "numbers beyond every float": (
        lambda: b'[{"v":1e999999},{"v":%b},%b]' % (b"9" * 4_000, b",".join([b'{"v":1}', b'{"v":2}'] * 40)),
        202,
        "done",
    ),
    "one name 2,000 times": (
        lambda: b",".join([b"x"] * 2_000) + b"\n" + (b",".join([b"1"] * 2_000) + b"\n") * 12,
        202,
        "done",
    ),
}


@dataclass
class Watched:
    """A service and its processes, by id: those of the gateway, and those of the worker."""

    served: Served
    gateway: list[int]
    worker: list[int]

    def pids(self) -> set[int]:
        return {process.pid for process in psutil.Process().children(recursive=True)}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("bombs")
    with (
        EmbeddedServer(folder, Settings(max_memory_bytes=512 * MIB)) as server,
        serve("worker-cpu", server=server, workers=1, max_unpacked_bytes=128 * MIB) as served,
    ):
        wait_until(lambda: submit(served, CSV))
        families: dict[str, list[int]] = {"oddline_api.gateway": [], "celery": []}
        for process in psutil.Process().children(recursive=True):
            for name, family in families.items():
                if name in " ".join(process.cmdline()):
                    family.append(process.pid)
        yield Watched(served, *families.values())


def submit(served: Served, data: bytes) -> tuple[int, str]:
    """Send it and wait for the end: the gateway's status, and its code, or how the job ended."""
    url = served.base + "/api/v1/jobs"
    body = {"data": data, "headers": {**served.headers, "Content-Type": "application/octet-stream"}}
    answer = requests.post(
        url, params={"algorithm_type": "WindowAD", "lookback_window": "3"}, **body, timeout=60
    )
    if answer.status_code != 202:
        return answer.status_code, answer.json()["code"]

    def over() -> dict | None:
        job = requests.get(
            served.base + answer.json()["links"]["self"], headers=served.headers, timeout=20
        ).json()
        return job if job["status"] in ("done", "error", "cancelled") else None

    job = wait_until(over)
    assert job["attempt"] == 1, "the worker was lost"
    return 202, "done" if job["status"] == "done" else job["error"]["code"]


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_that_is_sent_ends_as_it_should(watched: Watched, name: str) -> None:
    make, *expected = BOMBS[name]
    data = make()
    before = {pid: reset_peak(pid) for pid in watched.gateway + watched.worker}
    begun = time.monotonic()
    assert [*submit(watched.served, data)] == expected
    seconds = time.monotonic() - begun
    grown = {pid: peak_since(pid, size) for pid, size in before.items()}
    assert sum(grown[pid] for pid in watched.gateway) < 64
    assert sum(grown[pid] for pid in watched.worker) < 4 * 128
    assert seconds < 30  # 3 at most on an idle machine
    assert set(watched.gateway + watched.worker) <= watched.pids(), "a process was lost"
    assert submit(watched.served, CSV) == (202, "done")
