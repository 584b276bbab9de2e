"""A Celery app whose engine does what the upload says: the worker of the fault trials.

What takes effect is counted apart from the store, in two files that are only appended to:
``effects``, the engine's starts, and ``ends``, each attempt to end a job and the answer to it.
While there is a file ``unfenced`` beside them, a job is ended without a look at the attempt: the
control of the trials that hold the fence to its duty.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path

from detections import detection

from oddline.errors import DataError
from oddline_workers import store
from oddline_workers.app import make_app
from oddline_workers.keeper import TAP
from oddline_workers.settings import from_environment

FOLDER = Path(os.environ["TRIAL_FOLDER"])
finish = store.JobStore.finish
fenced = store._SCRIPTS["finish"]


def without_fence():
    load = "local job = load(ARGV[1])\n"
    source = fenced[0].replace(load, f"{load}if job then job.attempt = attempt end\n")
    assert source != fenced[0]
    return source, hashlib.sha1(source.encode()).hexdigest()


def recorded(self, job_id, attempt, status, **more):
    store._SCRIPTS["finish"] = without_fence() if (FOLDER / "unfenced").exists() else fenced
    kept = finish(self, job_id, attempt, status, **more)
    append("ends", f"{job_id} {attempt}:{status}:{'kept' if kept else 'refused'}")
    return kept


def append(name, line):
    with open(FOLDER / name, "a") as file:
        file.write(line + "\n")


def engine(data, job, settings, progress):
    word, *rest = data.decode().split()
    append("effects", f"{word}:{job.attempt}")
    append("claims", f"{job.id} {job.worker}")
    if word == "sleep":
        # A computation of so many seconds that reports its progress.
        end = time.monotonic() + float(rest[0])
        while time.monotonic() < end:
            progress(0.5, "sleeping")
            time.sleep(0.01)
    if word == "until":
        # A computation that ends when there is a file of this name.
        while not (FOLDER / rest[0]).exists():
            progress(0.5, "waiting")
            time.sleep(0.01)
    if word == "once" and job.attempt == 1:
        time.sleep(60)
    if word == "deaf":
        time.sleep(float(rest[0]))
    if word == "stubborn":
        # One that hears nothing of its keeper, and so ends late.
        signal.signal(TAP, signal.SIG_IGN)
        time.sleep(float(rest[0]))
    if word == "eat":
        bytearray(int(rest[0]) << 20)
    if word == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "bad":
        raise DataError("row 3 has no time", row=3)
    if word == "bug":
        raise KeyError("x")
    return detection(model_summary=f"attempt {job.attempt}")


store.JobStore.finish = recorded
app = make_app(from_environment(), engine=engine)
