"""The gateway of the fault trials: it can be made to die at a point of a submission."""

from __future__ import annotations

import os
import signal

from faults import doubles
from oddline_api import gateway
from oddline_api.gateway import serving
from oddline_workers import store, submit

__all__ = ["POINTS", "serving"]

POINTS = ("admitted", "sent", "told")
"""After the admission, after the message, after the note that it is sent."""


class Gateway(gateway.Gateway):
    """Its serving processes load this module, and are ours too."""

    def __init__(self, settings):
        super().__init__(settings)
        self.target = "faults.gateway:serving"


doubles.install()


def die(point):
    file = doubles.FOLDER / f"die-{point}"
    if file.exists():
        file.unlink()  # once
        os.kill(os.getpid(), signal.SIGKILL)


publish, queued = submit.publish, store.JobStore.queued


def dying_publish(*args):
    die("admitted")
    sent = publish(*args)
    die("told")
    return sent


def dying_queued(self, job_id):
    die("sent")
    return queued(self, job_id)


submit.publish, store.JobStore.queued = dying_publish, dying_queued

if __name__ == "__main__":
    gateway.Gateway = Gateway
    gateway.main()
