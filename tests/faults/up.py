"""``oddline up`` with the processes of the fault trials in the place of its own."""

from __future__ import annotations

from dataclasses import replace

from faults import doubles
from oddline_api import processes, supervisor
from oddline_api.cli.main import main

OWN = {
    "oddline_workers.app": "faults.worker",
    "oddline_workers.janitor": "faults.janitor",
    "oddline_api.gateway": "faults.gateway",
}


def of_the_trials(process):
    line = process.line
    for genuine, own in OWN.items():
        line = line.replace(genuine, own)
    assert line != process.line
    return replace(process, line=line)


doubles.install()
processes.PROCESSES = supervisor.PROCESSES = tuple(map(of_the_trials, processes.PROCESSES))

if __name__ == "__main__":
    main()
