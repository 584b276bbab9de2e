"""Jobs that are cancelled, workers that come and go, clocks that are set wrong, steps that let nobody in."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import psutil

from oddline_workers.jobs import Status
from workers.trials import wait_for


def cancel(run):
    """While they wait, while they run, and at the very moment of their end."""
    stage, length = run.stage, run.form.length
    count = 2 * run.form.jobs
    jobs = run.send(count, ends=(Status.DONE, Status.CANCELLED))
    answers = {}

    def cancel_one(job):
        if run.chance.random() < 0.3:
            return ask(job)
        # About when it ends: a little before, or after.
        found = wait_for(lambda: stage.store.get(job.id).started)
        run.until(found / 1e6 + length * run.chance.choice((0.5, 0.95, 1.0, 1.0, 1.05)))
        return ask(job)

    def ask(job):
        answer = stage.call("DELETE", f"/api/v1/jobs/{job.id}")
        answers[job.id] = (answer.status_code, answer.json()["status"], answer.json()["cancel"])

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(cancel_one, jobs))
    run.strike()
    run.send(2, "ok")  # the workers are free
    run.check(
        f"ended as was answered ({set(answers.values())})",
        lambda: all(as_answered(stage, answers, job) for job in jobs),
    )


def as_answered(stage, answers, job):
    """Who was told that it was done finds it done; everybody else finds it cancelled."""
    code, status, _ = answers[job.id]
    end = stage.store.get(job.id).status
    return code == 200 and end is (Status.DONE if status == "done" else Status.CANCELLED)


def scale(run):
    """From one worker to four and back to one, under load."""
    stage = run.stage
    stage.enlist(1)
    run.send()
    run.moment()
    for _ in range(3):
        stage.hire()
    run.send(2 * run.form.jobs)
    wait_for(lambda: {one.pid for one in stage.team} <= stage.ready())
    long = run.send(4, f"sleep {4 * run.form.length}")  # longer than the grace: they must be handed back
    wait_for(lambda: any(job.id in run.starts() for job in long))
    for _ in range(3):
        group = wait_for(lambda: busy(stage, run))
        run.strike()
        stage.dismiss(group)
    run.within = stage.settings.lease_seconds + 2.0 + 6 * run.form.jobs * run.form.length
    run.check("no loss counted", lambda: not any(stage.store.get(name).losses for name in run.expected))


def busy(stage, run):
    """A worker of the team, in mid-job; None where the one that chance named is about to leave."""
    group = stage.holder(run.moment())
    return group if group in {process.pid for process in stage.team} else None


def set_clock_wrong(run):
    """An hour ahead or behind, on all workers; one of them is killed, whose job must come back as ever."""
    stage = run.stage
    stage.disband()
    stage.tidy(1)
    # Without the safeguard, a clock that is behind ends leases at once and one that is ahead never does; in
    # the control the killed worker is to have a job.
    hour = 3600.0 if run.seed % 2 or run.control else -3600.0
    for _ in range(2):
        stage.hire(TRIAL_CLOCK=str(hour))
    wait_for(lambda: {one.pid for one in stage.team} <= stage.ready())
    run.strike()  # from here on moves are made by them
    run.send()
    group = stage.holder(run.moment())
    run.strike()
    os.killpg(group, signal.SIGKILL)
    run.check("one loss", lambda: sum(stage.store.get(name).losses for name in run.expected) == 1)


def hold_interpreter(run):
    """A step of the engine that lets no other thread run, for two leases and more."""
    run.once = True
    run.send(2, f"hold {2 * run.stage.settings.lease_seconds + run.chance.random()}")
    run.strike()


def kill_keeper(run):
    """The process beside the worker process that renews the lease."""
    run.send()
    job = run.moment()
    (keeper,) = psutil.Process(run.stage.child(job)).children()
    run.strike()
    keeper.kill()
