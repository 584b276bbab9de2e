"""``oddline up``: the whole service on this machine."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oddline import __version__
from oddline_api.cli.config import warn_of_unknown_variables
from oddline_api.cli.folder import addressed, connected, data_option, default_folder
from oddline_api.cli.output import print_json
from oddline_workers.settings import Settings, from_environment

if TYPE_CHECKING:
    from oddline_workers.credentials import Credential

__all__ = ["up"]


@click.command()
@click.option("--host", help="The address to listen on; ODDLINE_HOST, 127.0.0.1.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="The port; 0 takes a free one; ODDLINE_PORT, 8080."
)
@data_option
@click.option("--workers", type=click.IntRange(1), help="Jobs at a time; ODDLINE_WORKERS, one a core.")
@click.option("--json", "as_json", is_flag=True, help="Print the ready line as JSON.")
@click.option("--leash", is_flag=True, help="Stop when stdin ends, as it does when the caller dies.")
def up(
    host: str | None, port: int | None, data: Path | None, workers: int | None, as_json: bool, leash: bool
) -> None:
    """Run the whole service on this machine until Ctrl-C.

    Starts a server for the jobs (unless ODDLINE_REDIS_URL names one), the gateway, the workers and
    the janitor; restarts what dies; stops all in order. The first start makes a client and shows
    its secret once. The ready line goes to stdout, everything the processes say to stderr.
    """
    from oddline_api.supervisor import Supervisor, free_port

    warn_of_unknown_variables()
    given = {"host": host, "port": port, "workers": workers}
    settings = replace(from_environment(), **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    if settings.port == 0:
        settings = replace(settings, port=free_port(settings.host))
    if settings.redis_url:
        with connected(settings):
            pass  # a store that is away is said before anything is started
    folder = data or default_folder()

    facts: dict[str, str] = {}

    def prepare() -> None:
        if supervisor.server:
            facts["data"] = str(supervisor.server.data)
        if made := _prepared(replace(settings, **supervisor.login("admin"))):
            facts["client_id"], facts["client_secret"] = made.client_id, made.client_secret

    def announce() -> None:
        if as_json:
            print_json({"url": supervisor.url, **facts})
        else:
            click.echo(f"Oddline {__version__} is ready at {supervisor.url}")
            for name, value in facts.items():
                click.echo(f"  {name.replace('_', ' '):13}  {value}")
            if "client_secret" in facts:
                store = supervisor.server.data if supervisor.server else None
                more = addressed("oddline credentials create", store)
                click.echo(f"The secret is shown this once; for another client: {more}")
        sys.stdout.flush()

    supervisor = Supervisor(settings, folder, prepare=prepare, announce=announce, leash=leash)
    supervisor.run()


def _prepared(settings: Settings) -> Credential | None:
    """A client for a service that has none yet. The store learns that a desk, which comes last, will come."""
    from oddline_workers import calls, credentials

    with connected(settings) as redis:
        calls.expect(redis, settings)
        return None if credentials.list_(redis, settings) else credentials.create(redis, settings, "first")
