"""A Celery app whose engine does what the upload says: the worker of the trials.

What takes effect is counted apart from the store, in files that are only appended to: ``starts``,
the engine's starts; ``computed``, what it computed to the end; ``ends``, each attempt to end a job
and the answer to it. A line is the job's id and a word.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from oddline.errors import DataError
from oddline_workers import store
from oddline_workers.app import make_app
from oddline_workers.keeper import TAP
from oddline_workers.settings import from_environment

FOLDER = Path(os.environ["TRIAL_FOLDER"])
finish = store.JobStore.finish


def recorded(self, job_id, attempt, status, **more):
    kept = finish(self, job_id, attempt, status, **more)
    append("ends", f"{job_id} {attempt}:{status}:{'kept' if kept else 'refused'}")
    return kept


def append(name, line):
    with open(FOLDER / name, "a") as file:
        file.write(line + "\n")


class Answer(SimpleNamespace):
    """What a worker needs of a detection; the engine itself would take longer to import than all the rest."""

    def __init__(self, rows, said):
        parts = np.linspace(0.0, 1.0, rows)
        label = np.where(np.arange(rows) < rows - 1, 1, -1)
        super().__init__(index=[*map(str, range(rows))], score=parts, severity=parts, label=label, said=said)
        self.columns, self.anomalies = ("a",), ()

    def __len__(self):
        return len(self.index)

    def summary(self):
        return {"model_summary": self.said}


def engine(data, job, settings, progress):
    """The last line of the upload begins with the order: a word, its argument, and rows of the answer."""
    word, *rest = data.decode().splitlines()[-1].split(",")[0].split()
    append("starts", f"{job.id} {word}:{job.attempt}")
    append("claims", f"{job.id} {job.worker}")
    rows = int(rest[1]) if rest[1:] else 3
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
    if word == "hold":
        # One that holds the interpreter: no other thread of this process runs meanwhile.
        ctypes.PyDLL(None).usleep(int(1e6 * float(rest[0])))
    if word == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "bad":
        raise DataError("row 3 has no time", row=3)
    if word == "bug":
        raise KeyError("x")
    append("computed", f"{job.id} {word}:{job.attempt}")
    return Answer(rows, f"{job.id} attempt {job.attempt}")


store.JobStore.finish = recorded


def __getattr__(name):
    # Made when Celery asks for it: who imports this module may change something before.
    if name == "app":
        globals()["app"] = make_app(from_environment(), engine=engine)
        return globals()["app"]
    raise AttributeError(name)
