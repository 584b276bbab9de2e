"""``oddline restart``: let a running service replace its parts, one after the other."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import click

from oddline.errors import LimitError, RunError
from oddline_api.cli.folder import data_option, default_folder

__all__ = ["restart"]

PATIENCE = 600.0
"""Seconds without another part renewed after which the rest is not waited for."""


@click.command()
@data_option
def restart(data: Path | None) -> None:
    """Let the service on this machine replace its parts, one after the other, while it goes on.

    For a new release, or a renewed certificate. Each part is started afresh beside the old one, which
    then ends in its own time; no request fails but with 503 and Retry-After while the embedded server is
    started anew. A fresh part that does not come up is ended, the rest stays as it was, and that is an
    error. Settings stay those with which `oddline up` was started.
    """
    from oddline_api.renewal import Outcome, outcomes
    from oddline_workers.server import supervisor

    folder = (data or default_folder()).expanduser().absolute()
    pid = supervisor(folder)
    if pid is None:
        raise LimitError(
            f"No `oddline up` runs on {folder}. Name its folder with --data; one that uses a store of "
            "yours has none: send its process the signal USR1",
            code="not_running",
            status=503,
        )
    number = max((one.number for one in outcomes(folder, pid)), default=0) + 1
    with suppress(ProcessLookupError):  # it ended just now, which is seen below
        os.kill(pid, signal.SIGUSR1)
    click.echo(f"Process {pid} replaces its parts, one after the other.")
    shown, deadline = 0, time.monotonic() + PATIENCE
    while True:
        how = next((one for one in outcomes(folder, pid) if one.number == number), Outcome())
        for name in how.renewed[shown:]:
            click.echo(f"{name} was renewed.")
            deadline = time.monotonic() + PATIENCE
        shown = len(how.renewed)
        if how.over:
            break
        if supervisor(folder) != pid:
            raise LimitError(f"Process {pid} ended before it was done.", code="not_running", status=503)
        if time.monotonic() > deadline:
            raise RunError(
                f"Nothing was renewed for {PATIENCE:g} s. The log of process {pid} says how it goes.",
                code="not_renewed",
            )
        time.sleep(0.05)
    if how.failed:
        raise RunError(f"{how.failed}. Nothing more was renewed; the service goes on.", code="not_renewed")
