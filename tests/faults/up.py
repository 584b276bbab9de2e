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


def of_the_trials():
    """The processes that have a double; the trials need no other."""
    for process in processes.PROCESSES:
        for genuine, own in OWN.items():
            if genuine in process.line:
                yield replace(process, line=process.line.replace(genuine, own))


doubles.install()
processes.PROCESSES = supervisor.PROCESSES = tuple(of_the_trials())

if __name__ == "__main__":
    main()
