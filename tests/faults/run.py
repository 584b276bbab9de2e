"""One run of a trial: jobs are sent, the fault strikes at a seeded moment, and a verdict is given."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from oddline.errors import JobError
from oddline_workers.jobs import Status
from workers.trials import wait_for

__all__ = ["FORM", "FULL", "SHORT", "Form", "Run", "Verdict"]


@dataclass(frozen=True)
class Form:
    """The numbers of the trials: their short form is a test, their full form ``make faults``.

    Attributes
    ----------
    seeds : int
        Runs of each trial, each with another moment of the fault.
    jobs : int
        In each run.
    length : float
        Seconds of a job.
    lease : float
        Seconds.
    hang : float
        Seconds for which the server hangs.
    rows : int
        Of the largest table.
    slack : float
        By how much a run may take longer than it should: the short form shares its machine.
    """

    seeds: int
    jobs: int
    length: float
    lease: float
    hang: float
    rows: int
    slack: float


SHORT = Form(seeds=3, jobs=6, length=0.25, lease=1.0, hang=4.0, rows=20_000, slack=5.0)
FULL = Form(seeds=4, jobs=24, length=0.3, lease=3.0, hang=10.0, rows=1_000_000, slack=2.0)
FORM = FULL if os.environ.get("FAULTS") == "full" else SHORT


@dataclass(frozen=True)
class Verdict:
    """What a run showed.

    Attributes
    ----------
    jobs : int
        Acknowledged.
    lost : tuple of str
        Jobs that did not end, not in time, or not as they had to.
    second : tuple of str
        Effects beyond the first of a job, by the files of the workers and by the moves of the record.
    illegal : tuple of str
        Moves that are not legal.
    wrong : tuple of str
        Whatever else was not as the row of the table says.
    seconds : float
        From the (last) fault to the end of the last job.
    """

    jobs: int
    lost: tuple[str, ...]
    second: tuple[str, ...]
    illegal: tuple[str, ...]
    wrong: tuple[str, ...]
    seconds: float

    @property
    def clean(self):
        return not (self.lost or self.second or self.illegal or self.wrong)

    def shows(self, symptom):
        """Whether it is this that went wrong: lost, second, illegal, or words of what else was wrong."""
        if symptom in ("lost", "second", "illegal"):
            return bool(getattr(self, symptom))
        return any(symptom in words for words in self.wrong)

    def __str__(self):
        found = {"lost": self.lost, "with second effects": self.second, "illegal moves": self.illegal}
        words = [f"{len(jobs)} {name}" for name, jobs in found.items() if jobs]
        return ", ".join(words or self.wrong[:1]) or "clean"


@dataclass
class Run:
    """What a trial is given: a stage, seeded chance, and the form's numbers.

    Attributes
    ----------
    within : float
        Seconds that may pass from the fault to the end of the last job: by default a lease, two
        seconds, and the work that is left.
    patience : float
        Seconds that a control has instead: twice what the slowest run with the safeguard took.
    once : bool
        Whether no job may even be begun a second time, because no worker is lost.
    """

    stage: object
    witness: object
    form: Form
    seed: int
    control: bool
    patience: float = 0.0
    once: bool = False
    within: float = 0.0
    struck: float = 0.0
    wrong: list = field(default_factory=list)
    checks: list = field(default_factory=list)
    expected: dict = field(default_factory=dict)

    def __post_init__(self):
        self.chance = random.Random(self.seed)
        self.within = self.stage.settings.lease_seconds + 2.0

    def send(self, count=None, text=None, ends=(Status.DONE,), code=None):
        """Send jobs that must come to one of these ends; by default the form's jobs."""
        count, text = count or self.form.jobs, text or f"sleep {self.form.length}"
        jobs = [self.expect(self.stage.send(text), ends, code) for _ in range(count)]
        word, *rest = text.split()
        if word in ("sleep", "deaf", "hold"):
            self.within += float(rest[0]) * count / max(1, self.stage.setup.workers)
        return jobs

    def post(self, text, key=""):
        """Submit through the gateway; the answer. A job it acknowledges must be done."""
        answer = self.stage.post(text, key)
        if answer.status_code == 202:
            self.expected[answer.json()["id"]] = (frozenset((Status.DONE,)), None)
        return answer

    def expect(self, job, ends=(Status.DONE,), code=None):
        """This job must come to one of these ends, with this code of its error."""
        self.expected[job.id] = (frozenset(ends), code)
        return job

    def check(self, text, question):
        """Something that must be so when all jobs are over."""
        self.checks.append((text, question))

    def moment(self):
        """Wait for a seeded moment in the life of a seeded job; that job, which a worker has in hand."""
        number = self.chance.randrange(max(1, len(self.expected) // 2))
        share = self.chance.uniform(0.0, 0.6)
        for _ in range(100):
            name = wait_for(lambda: (self.stage.noted("starts")[number:] or [None])[-1])[0]
            self.until(time.time() + share * self.form.length)
            job = self.stage.store.get(name)
            if job.status is Status.EXECUTING:
                return job
        raise AssertionError("no worker had a job in hand")

    def until(self, moment):
        """Wait for a moment that chance has named."""
        wait_for(lambda: time.time() >= moment, seconds=60.0)

    def strike(self):
        """The fault strikes now."""
        self.struck = time.time()

    def verdict(self):
        """Wait until every job is over, or should long be, and judge."""
        patience = self.patience or self.within * self.form.slack
        deadline = max(self.struck, time.time()) + patience
        open_jobs = set(self.expected)
        while open_jobs and time.time() < deadline:
            open_jobs = {name for name in open_jobs if not self._over(name)}
            time.sleep(0.01)
        jobs = {name: self._get(name) for name in self.expected}
        # A control that has lost a job has shown what it is for.
        for text, question in () if self.control and open_jobs else self.checks:
            try:
                good = question()
            except Exception as error:
                good, text = False, f"{text}: {error}"
            if not good:
                self.wrong.append(f"{text}: no")
        kept = Counter(job for job, word in self.stage.noted("ends") if word.endswith(":kept"))
        starts = self.starts()
        computed = {job for job, _ in self.stage.noted("computed")}
        self.witness.catch_up(self.stage.client)
        done = [job.done / 1e6 for job in jobs.values() if job and job.status.over]
        return Verdict(
            jobs=len(jobs),
            lost=tuple(
                f"{name}: {job.status if job else 'no record'} {(job.error if job else '') or ''}".strip()
                for name, job in jobs.items()
                if not self._as_expected(name, job) or (job and job.result and name not in computed)
            ),
            second=tuple(
                f"{name}: kept {kept[name]}, ended {self.witness.ends(name)}, begun {starts[name]}"
                for name in jobs
                if kept[name] > 1 or self.witness.ends(name) > 1 or (self.once and starts[name] > 1)
            ),
            illegal=tuple(self.witness.illegal),
            wrong=tuple(self.wrong),
            seconds=max(0.0, max(done, default=0.0) - self.struck),
        )

    def starts(self):
        """How often each job was begun."""
        return Counter(job for job, _ in self.stage.noted("starts"))

    def _get(self, name):
        try:
            return self.stage.store.get(name)
        except JobError:
            return None

    def _over(self, name):
        job = self._get(name)
        return job is None or job.status.over

    def _as_expected(self, name, job):
        ends, code = self.expected[name]
        return (
            job is not None and job.status in ends and (code is None or (job.error or {}).get("code") == code)
        )
