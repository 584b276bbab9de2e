"""``oddline backup`` and ``oddline restore``: the data folder of ``oddline up`` in one file."""

from __future__ import annotations

from pathlib import Path

import click

from oddline.errors import ParameterError
from oddline_api.cli.folder import addressed, data_option, default_folder, server_of
from oddline_api.cli.output import OutputFile
from oddline_workers.settings import from_environment

__all__ = ["backup", "restore"]


@click.command()
@click.argument("file", type=OutputFile())
@data_option
def backup(file: str, data: Path | None) -> None:
    """Copy the store of `oddline up` to FILE, a new file, while the service runs or not.

    The file holds every job with its data and results, and who the clients are. It is for your eyes
    only: mode 600. A Redis of your own is backed up by its own means.
    """
    from oddline_workers.backup import back_up

    settings = from_environment()
    if settings.redis_url and data is None:
        raise click.UsageError(
            "ODDLINE_REDIS_URL names a Redis of your own: back that one up by its own means, or name a data "
            "folder with --data.",
            click.get_current_context(),
        )
    target = Path(file).absolute()
    if target.exists():
        raise ParameterError(f"{target} exists already; a backup is a new file.", parameter="FILE")
    with server_of(data, settings) as server:
        size = back_up(server, target)
    click.echo(f"Wrote {target}, {size:,} bytes.")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_option
def restore(file: Path, data: Path | None) -> None:
    """Make a data folder from FILE, a backup; `oddline up` goes on from there.

    The folder must be new or empty. Jobs that were running run again; results that have expired since
    are gone.
    """
    from oddline_workers.backup import restore as make_folder_of

    folder = data or default_folder()
    found = make_folder_of(file, folder, from_environment())
    click.echo(
        f"Restored {found.clients} clients and {found.jobs} jobs, {found.waiting} of which wait to be run, "
        f"{found.datasets} datasets and {found.models} models. "
        f"Go on with: {addressed('oddline up', data)}"
    )
