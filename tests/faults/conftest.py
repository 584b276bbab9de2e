"""One open stage a process, and the table at the end of the full form."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from faults.opening import open_stage
from faults.run import FORM, FULL
from faults.table import TRIALS


@pytest.fixture(scope="session")
def open_stages(tmp_path_factory):
    """A function that gives the stage of a setup; the one before is closed where it is another."""
    with ExitStack() as stack:
        opened = {}

        def stage(setup):
            if setup.name not in opened or opened[setup.name].broken:
                stack.pop_all().close()
                opened.clear()
                folder = tmp_path_factory.mktemp("stage")
                opened[setup.name] = stack.enter_context(open_stage(setup, folder, FORM))
            return opened[setup.name]

        yield stage


def pytest_terminal_summary(terminalreporter):
    if FORM is not FULL:
        return
    found = {}
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            if name in ("run", "control"):
                found.setdefault((value["row"], name), []).append(value)
    terminalreporter.write_line(
        "| # | fault | jobs | lost | second effects | to settle, s | without its safeguard |"
    )
    terminalreporter.write_line("|---|---|---|---|---|---|---|")
    for trial in TRIALS:
        runs, controls = (found.get((trial.row, name), []) for name in ("run", "control"))
        if runs:
            terminalreporter.write_line(line(trial, runs, controls))


def line(trial, runs, controls):
    """One line of the table."""
    jobs, lost, second = (sum(run[name] for run in runs) for name in ("jobs", "lost", "second"))
    seconds = sorted(run["seconds"] for run in runs)
    settle = f"{seconds[len(seconds) // 2]:.1f}, at most {seconds[-1]:.1f}"
    control = controls[0]["words"] if controls else "not run" if trial.doubles else "–"
    return f"| {trial.row} | {trial.fault} | {jobs} | {lost} | {second} | {settle} | {control} |"
