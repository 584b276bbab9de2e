"""Workers that are killed, suspended or stopped, and jobs that kill or outstay them."""

from __future__ import annotations

import os
import signal

import psutil

from oddline_workers.jobs import Status
from oddline_workers.server import runs
from workers.trials import wait_for


def kill_worker(run):
    run.send()
    group = run.stage.holder(run.moment())
    run.strike()
    os.killpg(group, signal.SIGKILL)


def kill_main_process(run):
    run.send()
    group = run.stage.holder(run.moment())
    children = [child.pid for child in psutil.Process(group).children(recursive=True)]
    run.strike()
    os.kill(group, signal.SIGKILL)
    wait_for(lambda: not any(map(runs, children)))  # no orphans


def kill_child(run):
    """The lease is long: the worker itself must notice, and say so."""
    run.within = 2.0
    run.send()
    child = run.stage.child(run.moment())
    run.strike()
    os.kill(child, signal.SIGKILL)


def suspend_worker(run):
    """For longer than its lease; it comes back while the job runs elsewhere, or after."""
    stage, length = run.stage, 3 * run.form.length
    run.send(2, f"stubborn {length}")
    job = run.moment()
    group = stage.holder(job)
    run.strike()
    os.killpg(group, signal.SIGSTOP)
    again = stage.executing(job, attempt=2)
    run.until(again.started / 1e6 + run.chance.uniform(0.0, 1.5) * length)
    os.killpg(group, signal.SIGCONT)
    run.within += 2 * length
    run.check("late result refused", lambda: late_end(stage, job) == "1:done:refused")
    run.check("result of the attempt that ended the job", lambda: summary(stage, job).endswith("attempt 2"))


def late_end(stage, job):
    return min(stage.ends(job, 2))


def summary(stage, job):
    return stage.result(stage.store.get(job.id))["summary"]["model_summary"]


def stop_worker(run):
    """Its grace is shorter than the job, and the lease is long: the job must be handed back."""
    run.within = run.stage.settings.shutdown_seconds + 2.0
    run.send(2, f"sleep {4 * run.form.length}")
    group = run.stage.holder(run.moment())
    run.strike()
    stopped = run.stage.dismiss(group)
    # A worker that stops in good order is no loss.
    run.check("no loss counted", lambda: not any(run.stage.store.get(name).losses for name in run.expected))
    run.check("worker ended", lambda: stopped.wait(10) is not None)


def deadly_job(run):
    """It kills its process each time; its neighbours must not suffer."""
    run.within += 4.0  # the process is started three times
    (deadly,) = run.send(1, "die", ends=(Status.ERROR,), code="worker_lost")
    run.send()
    run.strike()
    run.check(
        "begun as often as allowed",
        lambda: run.starts()[deadly.id] == run.stage.settings.max_attempts,
    )


def endless_job(run):
    """Over its time limit, whether it reports its progress or not; the worker lives and goes on."""
    run.within = run.stage.settings.time_limit + 3.0
    run.send(1, "deaf 60", ends=(Status.ERROR,), code="time_limit")
    run.send(1, "sleep 60", ends=(Status.ERROR,), code="time_limit")
    run.within = run.stage.settings.time_limit + 3.0
    run.send()
    run.strike()


def several_janitors(run):
    """Three that all tidy at the same time, while messages and workers are lost."""
    stage = run.stage
    run.within += 2.0  # a message is missed after two seconds
    run.send()
    group = stage.holder(run.moment())
    run.strike()
    os.killpg(group, signal.SIGKILL)
    stage.client.delete(stage.settings.key_prefix + "bell:cpu")
