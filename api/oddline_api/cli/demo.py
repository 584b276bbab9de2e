"""``oddline demo``: the whole service on a real series, seen from a client, in seconds."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from oddline.errors import ModelError, RunError
from oddline_api.cli.output import PICTURES, OutputFile, bar, print_table

if TYPE_CHECKING:
    from oddline.result import Detection
    from oddline_api.client import Client

__all__ = ["demo"]

SERIES = "machine_temperature_system_failure"
FORM = {
    "time_column": "timestamp",
    "time_format": "%Y-%m-%d %H:%M:%S",
    "target_column": "value",
    "prediction_type": "entire",
    "algorithm_type": "WindowAD",
    "anomaly_estimator": "NearestNeighbor",
    "lookback_window": "288",
    "observation_window": "10",
    "labeling_method": "IID",
    "labeling_threshold": "3",
}
"""What an IBM-form client sends, field for field: windows of a day, a rather sensitive line."""

UP = [sys.executable, "-P", "-m", "oddline_api.cli", "up", "--json", "--port", "0", "--leash"]
PATIENCE = 60.0


@click.command()
@click.option(
    "-o",
    "--output",
    type=OutputFile(PICTURES),
    default="oddline-demo.png",
    show_default=True,
    help="Where to draw the picture.",
)
def demo(output: str) -> None:
    """Start a service, find the failures of a real machine in it, draw them, stop.

    Submits the temperature of an industrial machine (22,695 rows) over HTTP in IBM's form, and
    shows what was flagged beside what the machine's engineers labelled.
    """
    with tempfile.TemporaryDirectory(prefix="oddline-") as scratch, _service(Path(scratch)) as ready:
        from oddline_api.client import Client, IbmClient

        drawing = Thread(target=_load_drawing)
        drawing.start()
        click.echo(f"A service runs at {ready['url']}, its data in {ready['data']}")
        path = Path(scratch) / f"{SERIES}.csv"
        path.write_bytes(gzip.decompress(_data(f"{SERIES}.csv.gz")))
        account = (ready["url"], ready["client_id"], ready["client_secret"])
        with IbmClient(*account) as ibm, Client(*account) as own:
            job_id = ibm.submit(path, "univariate", **FORM)
            click.echo(
                f"Submitted {path.name} in IBM's form, for {FORM['algorithm_type']} with "
                f"{FORM['anomaly_estimator']}: job {job_id}"
            )
            _wait(own, job_id)
            answer = ibm.result(job_id)
        if "error" in answer["summary"]:
            raise RunError(f"The job failed: {answer['summary']['error']}")
        windows = json.loads(_data(f"{SERIES}.json"))["windows"]
        _tell(answer, windows)
        drawing.join()
        try:
            _draw(answer["summary"], path, windows, output)
        except ModelError as error:
            click.echo(f"No picture: {error.message}")


def _load_drawing() -> None:
    """Import what draws while the service works: it takes a second that nobody then waits for."""
    with suppress(ImportError):
        for name in ("oddline.labeling", "matplotlib.figure", "matplotlib.backends.backend_agg"):
            import_module(name)


def _wait(own: Client, job_id: str) -> None:
    def shown(fraction: float, stage: str) -> None:
        # This service has nothing else to do: a job that waits, waits for the workers' start.
        bar(fraction, "workers are starting" if stage in ("submitted", "queued") else stage)

    job = own.wait(job_id, shown, timeout=PATIENCE)
    bar(1.0, job["status"], last=True)


def _tell(answer: Mapping[str, Any], windows: Sequence[Mapping[str, str]]) -> None:
    """The four stamps, the times, what was flagged and what the engineers labelled."""
    summary, flagged = answer["summary"], answer["summary"]["anomalies"]
    for name, stamp in answer["updated_on"].items():
        click.echo(f"  {name:19}{stamp}")
    seconds = float(summary["total_execution_time (sec)"])
    began, done = (
        datetime.fromisoformat(answer["updated_on"][name]) for name in ("execution_started@", "done@")
    )
    click.echo(f"  from start to done {(done - began).total_seconds():.2f} s")
    click.echo(f"  engine time        {seconds:.2f} s for {len(summary['result']):,} rows\n")
    rows = [
        (run["start"], run["end"], f"{run['severity']:.2f}", _labelled(run, windows) or "") for run in flagged
    ]
    print_table(("flagged from", "to", "severity", "inside the labelled"), rows)
    click.echo()
    hits = [[run for run in flagged if _labelled(run, [window])] for window in windows]
    rows = [
        (w["start"], w["end"], f"{max(r['severity'] for r in hit):.2f}" if hit else "not found", w["what"])
        for w, hit in zip(windows, hits, strict=True)
    ]
    print_table(("labelled from", "to", "found", "what the engineers saw"), rows)
    click.echo(f"\n{sum(map(bool, hits))} of {len(windows)} labelled stretches found.")


def _labelled(run: Mapping[str, Any], windows: Sequence[Mapping[str, str]]) -> str | None:
    """What the first window that a run touches is about."""
    return next((w["what"] for w in windows if run["start"] <= w["end"] and run["end"] >= w["start"]), None)


def _draw(summary: Mapping[str, Any], path: Path, windows: Sequence[Mapping[str, str]], output: str) -> None:
    """The picture of what the service answered, over the values that were sent."""
    from bisect import bisect_left, bisect_right

    from oddline.plot import plot

    detection = _detection(summary, path)
    rows = [
        (bisect_left(detection.index, w["start"]), bisect_right(detection.index, w["end"]) - 1)
        for w in windows
    ]
    plot(
        detection,
        output,
        windows=rows,
        title="Temperature of an industrial machine: found and labelled failures",
    )
    click.echo(f"Picture: {Path(output).absolute()}")


def _detection(summary: Mapping[str, Any], path: Path) -> Detection:
    """The answer of the service, with the values that were sent, in the engine's own form."""
    import numpy as np

    from oddline.labeling import label
    from oddline.result import Detection, Run

    score = np.array([row["value"]["anomaly_score"][0] for row in summary["result"]])
    scored = np.isfinite(score)
    # In this dialect IID answers scores and runs; the line is found again from the scores alone.
    labels = label(
        np.where(scored, score, 0.0),
        method=FORM["labeling_method"],
        threshold=float(FORM["labeling_threshold"]),
        warm_up=int((~scored).sum()),
    )
    return Detection(
        index=[row["timestamp"] for row in summary["result"]],
        values=np.loadtxt(path, delimiter=",", skiprows=1, usecols=1, ndmin=2),
        columns=(FORM["target_column"],),
        score=labels.score,
        threshold=labels.threshold,
        severity=labels.severity,
        label=labels.label,
        judged=labels.judged,
        anomalies=tuple(Run(**run) for run in summary["anomalies"]),
        lookback_window=int(summary["lookback_window"]),
        model_summary=summary["model_summary"],
        num_pipelines_explored=summary["num_pipelines_explored"],
    )


def _data(name: str) -> bytes:
    return (files("oddline_api.cli") / "data" / name).read_bytes()


@contextmanager
def _service(scratch: Path) -> Iterator[dict[str, str]]:
    """``oddline up`` on a free port and a scratch folder; what its ready line says."""
    settings = {k: v for k, v in os.environ.items() if not k.startswith("ODDLINE_")}
    log = scratch / "up.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 (ourselves)
            [*UP, "--data", str(scratch / "data")],
            stdin=subprocess.PIPE,  # held open: should this process die, its end stops the service
            stdout=subprocess.PIPE,
            stderr=errors,
            env=settings,
            text=True,
            process_group=0,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RunError("The service did not start: " + " / ".join(log.read_text().splitlines()[-3:]))
        yield json.loads(line)
    finally:
        began = time.monotonic()
        process.stdin.close()
        process.wait()
        process.stdout.close()
        click.echo(f"The service stopped in {time.monotonic() - began:.1f} s.")
