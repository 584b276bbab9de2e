"""Messages and their publishers: lost, doubled, delivered too early, rubbish."""

from __future__ import annotations

import time

import requests

from faults.gateway import POINTS
from workers.trials import wait_for


def lose_messages(run):
    """Taken from the lane while the jobs wait."""
    stage = run.stage
    lane = stage.settings.key_prefix + "bell:cpu"
    run.within += 2.0  # so long a message may take
    run.send(2)
    wait_for(lambda: len(stage.noted("starts")) == 2)
    run.send()
    run.moment()
    messages = stage.client.lrange(lane, 0, -1)
    run.strike()
    for message in run.chance.sample(messages, max(1, len(messages) // 2)):
        stage.client.lrem(lane, 1, message)


def kill_gateway(run):
    """In the midst of a submission, at one of three points.

    The client sees a broken connection and sends its request again: that makes no second job.
    """
    stage, point = run.stage, POINTS[run.seed % len(POINTS)]
    run.once = True
    run.within += 2.0  # so long a message may take
    known = {job.id for job in stage.jobs()}
    (stage.folder / f"die-{point}").touch()
    order, key = f"sleep {run.form.length}", f"{run.seed}-{run.control}"
    try:
        answer = run.post(order, key)
    except requests.ConnectionError:
        run.strike()
    else:
        raise AssertionError(f"the gateway lived to answer {answer.status_code}")
    (job,) = (job for job in stage.jobs() if job.id not in known)
    run.expect(job)
    again = wait_for(lambda: stage.open_door() and stage.answers())
    run.check("the same job under its key", lambda: again and run.post(order, key).json()["id"] == job.id)


def double_messages(run):
    """Each delivered several times, at any time, also when its job is long over."""
    stage = run.stage
    run.once = True
    jobs = run.send()
    run.strike()
    for job in run.chance.choices(jobs, k=2 * len(jobs)) + jobs:
        run.until(time.time() + run.chance.uniform(0.0, run.form.length / 3))
        stage.app.send_task("oddline.detect", (job.id,), queue="cpu", ignore_result=True)
    stage.over(*jobs)
    for job in jobs:
        stage.app.send_task("oddline.detect", (job.id,), queue="cpu", ignore_result=True)
    # Others behind them: when these are done, all messages have been read.
    run.send(2, "ok")
    run.within += 3.0


def outlast_visibility(run):
    """Messages of running jobs become visible again, several times in the life of a job."""
    run.once = True
    length = 3 * float(run.stage.setup.environment["TRIAL_VISIBILITY"])
    run.send(2, f"sleep {length + run.chance.uniform(0.0, 1.0)}")
    run.strike()


def rubbish_on_the_lane(run):
    """It ends the worker (a weakness of the library); the supervisor starts it again."""
    stage = run.stage
    run.within += 3.0
    worker = wait_for(lambda: stage.find("celery")).pid
    for _ in range(run.form.jobs):
        run.expect(stage.posted(f"sleep {run.form.length}"))
    run.moment()
    run.strike()
    push = run.chance.choice((stage.client.lpush, stage.client.rpush))
    push(stage.settings.key_prefix + "bell:cpu", "rubbish")
    run.check("worker started again", lambda: wait_for(lambda: another(stage, worker)))


def another(stage, worker):
    found = stage.find("celery")
    return found is not None and found.pid != worker
