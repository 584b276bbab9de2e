"""What the service costs, beside its targets: one command, one table.

    python bench/service.py            all of it, about six minutes
    python bench/service.py --short    a minute, rougher
    python bench/service.py --only latency,load

Everything runs here on loopback: a scratch server, a gateway, two cpu workers, a janitor. Figures
are medians of several runs; machine and versions are printed with them.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import psutil

from load import percentile
from oddline_workers.app import make_app
from oddline_workers.jobs import STAMPS
from oddline_workers.submit import submit
from running import Service, service, until, up_and_down
from transfers import measure_download, measure_upload

HERE = Path(__file__).parent
DATA = HERE.parent / "tests" / "data" / "sample.csv"
COLUMNS = {"time_column": "Time", "target_column": "Value"}
BOOKKEEPING = {"evalsha", "eval", "hget", "hset", "hgetall", "pexpire", "zadd", "zrem", "unlink"}
Row = tuple[str, str, str]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="fewer and shorter runs")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections: " + ", ".join(SECTIONS))
    given = parser.parse_args()
    rows: list[Row] = []
    for name in given.only.split(","):
        print(f"measuring {name} ...", file=sys.stderr)
        for row in SECTIONS[name](given.short):
            print("  " + "  ".join(row), file=sys.stderr)
            rows.append(row)
    packages = ", ".join(f"{p} {version(p)}" for p in ("oddline", "celery", "redis", "granian", "flask"))
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total / 2**30
    print(f"{date.today()} · {cores} cores, {memory:.0f} GiB, {platform.system()} · Python "
          f"{platform.python_version()}, {packages}\n")  # fmt: skip
    print("| what | measured | target |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def start(short: bool) -> Iterator[Row]:
    """`oddline up` on an empty folder, and its end."""
    runs = [up_and_down() for _ in range(3 if short else 7)]
    for what, least in (("first_answer", 2), ("first_job_runs", 5), ("stop", 10)):
        seconds = statistics.median(getattr(run, what) for run in runs)
        yield f"oddline up: {what.replace('_', ' ')}", f"{seconds:.2f} s", f"≤ {least} s"


def gateway(short: bool) -> Iterator[Row]:
    """Start and size of the gateway."""
    seconds, megabytes = [], []
    for _ in range(2 if short else 5):
        with service() as running:
            httpx.get(running.url + "/connection-check", headers=running.headers).raise_for_status()
            seconds.append(running.web_seconds)
            processes = psutil.Process(running.pids["web"])
            everyone = [processes, *processes.children(recursive=True)]
            megabytes.append(sum(p.memory_info().rss for p in everyone) / 1e6)
    yield "gateway: start to first answer", f"{statistics.median(seconds):.2f} s", "≤ 2 s"
    yield "gateway: resident memory, all its processes", f"{statistics.median(megabytes):.0f} MB", "≤ 180 MB"


def latency(short: bool) -> Iterator[Row]:
    """One job at a time on an idle service."""
    with service() as running:
        small = {"algorithm_type": "WindowAD", "anomaly_estimator": "NearestNeighbor", **COLUMNS}
        few = "Time,Value\n" + "".join(f"{i},{i * 37 % 101}\n" for i in range(60))
        numeric = {**small, "time_format": "None"}
        for _ in range(5):
            run_job(running, numeric, few.encode())
        before = commands(running)
        waits = []
        count = 50 if short else 300
        for _ in range(count):
            stamps = run_job(running, numeric, few.encode())
            waits.append(1000 * (stamps["execution_started"] - stamps["submitted"]))
        after = commands(running)
        yield "submit → execution_started, idle, p50", f"{percentile(waits, 0.5):.1f} ms", "≤ 15 ms"
        yield "submit → execution_started, idle, p99", f"{percentile(waits, 0.99):.1f} ms", "≤ 50 ms"
        spent = {name: (after[name] - before.get(name, 0)) / count / 1000 for name in after}
        own = sum(cost for name, cost in spent.items() if name in BOOKKEEPING)
        yield "Redis time of all bookkeeping, a job", f"{own:.2f} ms", "≤ 1 ms"
        body = DATA.read_bytes()
        deep = {"algorithm_type": "DeepAD", "labeling_method": "Chi-Square", **COLUMNS}
        run_job(running, deep, body)
        walls = [run_job(running, deep, body) for _ in range(3 if short else 11)]
        total = statistics.median(w["done"] - w["submitted"] for w in walls)
        yield "1,000 rows DeepAD, submit → done", f"{total:.2f} s", "≤ 1 s"


def load(short: bool) -> Iterator[Row]:
    """A hundred clients for half a minute, with the real engine and with none."""
    seconds = 8 if short else 30
    for title, app, rows in (("no engine", "engines", 100), ("100 real rows", "oddline_workers.app", 100)):
        with service(app) as running:
            told = clients(running, rows, seconds)
        yield f"100 clients, {title}: errors", f"{told['errors']} {told['first_errors'] or ''}", "0"
        yield f"100 clients, {title}: GET /result p99", f"{1000 * told['poll_p99']:.0f} ms", "≤ 150 ms"
        rate = told["jobs"] / seconds
        yield f"100 clients, {title}: jobs done", f"{told['jobs']} ({rate:.0f} a second)", "report"


def drain(short: bool) -> Iterator[Row]:
    """What a worker makes of a backlog: our jobs with no engine against bare Celery tasks, in turn."""
    count, ratios, ours, bare = 500 if short else 2000, [], [], []
    with service("engines") as running:
        store, app = running.job_store(), make_app(running.settings)
        table = b"Time,Value\n" + b"".join(b"%d,1.5\n" % i for i in range(100))
        spec = {"target_columns": ["Value"], "time_column": "Time"}

        def jobs() -> None:
            for _ in range(count):
                submit(store, app, owner=running.client_id, dialect="ibm", lane="cpu", spec=spec,
                       data=io.BytesIO(table), filename="t.csv")  # fmt: skip

        def tasks() -> None:
            for number in range(count):
                app.send_task("bench.nothing", (str(number),), queue="cpu", ignore_result=True)

        with running.held("janitor"):  # it takes messages without a job off a lane
            for _ in range(2 if short else 5):
                ours.append(count / backlog(running, jobs, running.waiting_jobs))
                bare.append(count / backlog(running, tasks, running.waiting_messages))
                ratios.append(ours[-1] / bare[-1])
    yield "drain of a backlog, our jobs with no engine", f"{statistics.median(ours):.0f} a second", "report"
    yield "drain of a backlog, bare no-op Celery task", f"{statistics.median(bare):.0f} a second", "report"
    yield "ours / bare, pair by pair", f"{100 * statistics.median(ratios):.0f} %", "≥ 60 %"


def backlog(running: Service, fill: Callable[[], None], waiting: Callable[[], int]) -> float:
    """Seconds from letting the workers go to an empty lane; the lane is filled while they are held."""
    with running.held("worker-cpu"):
        fill()
    begin = time.perf_counter()
    until(lambda: not waiting())
    return time.perf_counter() - begin


def run_job(running: Service, fields: dict[str, str], table: bytes) -> dict[str, float]:
    """One job by HTTP, waited for; its stamps in seconds."""
    path = running.url + "/anomaly-detection/timeseries/univariate/batch"
    answer = httpx.post(path, headers=running.headers, data=fields, files={"data_file": ("t.csv", table)})
    answer.raise_for_status()
    store, name = running.job_store(), answer.json()["jobId"]
    until(lambda: store.get(name).status.over, pause=0.002)
    job = store.get(name)
    if job.status != "done":
        raise SystemExit(f"a job of the bench failed: {job.error}")
    return {stamp: getattr(job, stamp) / 1e6 for stamp in STAMPS}


def commands(running: Service) -> dict[str, float]:
    """Microseconds the store has spent, by command."""
    told = running.store.info("commandstats")
    return {name.removeprefix("cmdstat_"): float(stat["usec"]) for name, stat in told.items()}


def clients(running: Service, rows: int, seconds: float) -> dict[str, Any]:
    """A hundred clients in a process of their own."""
    words = [
        sys.executable,
        str(HERE / "load.py"),
        running.url,
        "--rows",
        str(rows),
        "--seconds",
        str(seconds),
    ]
    ended = subprocess.run(
        words, input=json.dumps(running.headers), capture_output=True, text=True, check=True
    )
    return dict(json.loads(ended.stdout))


SECTIONS: dict[str, Callable[[bool], Iterator[Row]]] = {
    "start": start,
    "gateway": gateway,
    "latency": latency,
    "load": load,
    "drain": drain,
    "download": measure_download,
    "upload": measure_upload,
}

if __name__ == "__main__":
    main()
