"""``oddline restart``: let a running service replace its parts, one after the other."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import click

from oddline.errors import LimitError
from oddline_api.cli.folder import data_option, default_folder

__all__ = ["restart"]


@click.command()
@data_option
def restart(data: Path | None) -> None:
    """Let the service on this machine replace its parts, one after the other, while it goes on.

    For a new release, or a renewed certificate. Each part is started afresh beside the old one, which
    then ends in its own time; no request fails but with 503 and Retry-After while the embedded server is
    started anew. A fresh part that does not come up is ended, and the service stays as it was. The service's
    own log says how it goes. Settings stay those with which `oddline up` was started.
    """
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
    os.kill(pid, signal.SIGUSR1)
    click.echo(f"Process {pid} replaces its parts, one after the other; its log says how it goes.")
