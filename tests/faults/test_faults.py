"""The fault table, row by row: several moments of each fault, and the trial without its safeguard."""

from __future__ import annotations

import pytest

from faults.run import FORM, Run
from faults.table import TRIALS
from faults.witness import Witness

pytestmark = [pytest.mark.service, pytest.mark.timeout(300)]


settled = {}
"""By row, the seconds that the slowest of its runs took."""


def cases():
    """Each run of each trial, and its control last; those of one setup on one process."""
    for trial in TRIALS:
        group = pytest.mark.xdist_group(f"faults: {trial.setup.name}")
        for seed in range(FORM.seeds):
            yield pytest.param(trial, seed, False, marks=group, id=f"row{trial.row:02}-{seed}")
        if trial.doubles:
            yield pytest.param(trial, 0, True, marks=group, id=f"row{trial.row:02}-control")


@pytest.mark.parametrize(("trial", "seed", "control"), [*cases()])
def test_fault(trial, seed, control, open_stages, record_property):
    verdict = play(open_stages(trial.setup), trial, seed, control)
    record_property(
        "control" if control else "run",
        {
            "row": trial.row,
            "jobs": verdict.jobs,
            "lost": len(verdict.lost),
            "second": len(verdict.second),
            "seconds": verdict.seconds,
            "words": str(verdict),
        },
    )
    settled[trial.row] = max(verdict.seconds, settled.get(trial.row, 0.0))
    if control:
        assert verdict.shows(trial.symptom), verdict
    else:
        assert verdict.clean, verdict


def play(stage, trial, seed, control):
    """One run of a trial, or its control; the stage is as before when it is over."""
    stage.broken = True  # until it has been put in order again
    with stage.doubled(*trial.doubles if control else ()):
        stage.prepare()
        with Witness(stage.settings) as witness:
            patience = max(2.0, 2 * settled.get(trial.row, 0.0)) if control else 0.0
            run = Run(stage, witness, FORM, seed, control, patience)
            try:
                trial.play(run)
            except Exception as error:
                # What the double brings about may end the trial too, but not before the fault has struck.
                if not control or not run.struck:
                    raise
                run.wrong.append(str(error))
            verdict = run.verdict()
    stage.clear()
    stage.broken = control and trial.setup.supervised  # which starts nothing again
    return verdict
