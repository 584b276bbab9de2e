"""``oddline credentials``: the clients of a service, running or stopped."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from oddline.errors import JobError
from oddline_api.cli.folder import addressed, data_option, store_of
from oddline_api.cli.output import print_json, print_table, table_of

__all__ = ["credentials"]


@click.group()
def credentials() -> None:
    """Create, list and revoke the clients of a service, running or stopped.

    Works on the store ODDLINE_REDIS_URL names, or on the data folder of `oddline up`.
    """


@credentials.command()
@click.option("--name", default="", help="A name for people.")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create(name: str, data: Path | None, as_json: bool) -> None:
    """Make a client; its secret is shown now and never again."""
    from oddline_workers import credentials as clients

    with store_of(data, make=True) as (redis, settings):
        made = clients.create(redis, settings, name)
    shown = {"client_id": made.client_id, "client_secret": made.client_secret}
    if as_json:
        print_json(shown)
    else:
        click.echo(table_of(shown))


@credentials.command("list")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(data: Path | None, as_json: bool) -> None:
    """List the clients, oldest first."""
    from oddline_workers import credentials as clients

    with store_of(data) as (redis, settings):
        found = clients.list_(redis, settings)
    rows = [
        (c.client_id, c.name, datetime.fromtimestamp(c.created, UTC).isoformat(" ", "seconds")) for c in found
    ]
    header = ("client_id", "name", "created")
    if as_json:
        print_json([dict(zip(header, row, strict=True)) for row in rows])
    elif rows:
        print_table(header, rows)
    else:
        click.echo(f"No clients yet. Make one with: {addressed('oddline credentials create', data)}")


@credentials.command()
@click.argument("client_id")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def revoke(client_id: str, data: Path | None, as_json: bool) -> None:
    """Take a client's secret back; running services honour it within seconds."""
    from oddline_workers import credentials as clients

    with store_of(data) as (redis, settings):
        if not clients.revoke(redis, settings, client_id):
            raise JobError(
                f"No client {client_id!r}; `{addressed('oddline credentials list', data)}` shows them.",
                code="unknown_client",
            )
    if as_json:
        print_json({"client_id": client_id, "revoked": True})
    else:
        click.echo(f"{client_id} is revoked.")
