"""The worker of the fault trials: the trial engine, with what a trial does to its process."""

from __future__ import annotations

import os
import time

from celery import signals

from faults import doubles
from oddline_workers import runner
from oddline_workers.settings import from_environment
from workers import trial

doubles.install()

# The clock of a machine that is set wrong; what counts seconds goes on as before.
ahead = float(os.environ.get("TRIAL_CLOCK", "0"))
if ahead:
    true_time = time.time
    time.time = lambda: true_time() + ahead


def genuine_engine(data, job, settings, progress):
    """The detection itself, counted as the trial engine counts."""
    trial.append("starts", f"{job.id} detect:{job.attempt}")
    found = runner.detect(data, job, settings, progress)
    trial.append("computed", f"{job.id} detect:{job.attempt}")
    return found


engine = genuine_engine if "TRIAL_REAL_ENGINE" in os.environ else trial.engine
app = trial.make_app(from_environment(), engine=engine)

if "TRIAL_VISIBILITY" in os.environ:
    # Messages that are not acknowledged within this are delivered again.
    app.conf.broker_transport_options |= {
        "visibility_timeout": float(os.environ["TRIAL_VISIBILITY"]),
        "unacked_restore_interval": 0.2,
    }


@signals.worker_ready.connect
def note(**_):
    trial.append("ready", f"{os.getpid()} ready")
