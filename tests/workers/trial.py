"""A Celery app whose engine does what the upload says: the worker of the fault trials."""

from __future__ import annotations

import os
import signal
import time

from detections import detection

from oddline.errors import DataError
from oddline_workers.app import make_app
from oddline_workers.settings import from_environment


def engine(data, job, settings, progress):
    word, *rest = data.decode().split()
    with open(os.environ["TRIAL_EFFECTS"], "a") as file:
        file.write(f"{word}:{job.attempt}\n")
    if word == "sleep":
        # A computation of so many seconds that reports its progress.
        end = time.monotonic() + float(rest[0])
        while time.monotonic() < end:
            progress(0.5, "sleeping")
            time.sleep(0.01)
    if word == "once" and job.attempt == 1:
        time.sleep(60)
    if word == "deaf":
        time.sleep(float(rest[0]))
    if word == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "bad":
        raise DataError("row 3 has no time", row=3)
    if word == "bug":
        raise KeyError("x")
    return detection()


app = make_app(from_environment(), engine=engine)
