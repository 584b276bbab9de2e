"""``oddline config``: every setting, its value and where it comes from."""

from __future__ import annotations

import os
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

import click

from oddline_api.cli.output import format_options, print_csv, print_json, print_table, tell
from oddline_workers.settings import Settings, from_environment, variable

__all__ = ["config", "warn_of_unknown_variables"]

OF_CLIENTS = ("URL", "CA_FILE", "CLIENT_ID", "CLIENT_SECRET")
PREFIX = variable("")


@click.command()
@format_options
def config(form: str | None) -> None:
    """Print every setting, its value and what it is for.

    Settings are read from the environment; a secret is never printed.
    """
    warn_of_unknown_variables()
    rows = [_row(item) for item in _settings()]
    header = ("variable", "value", "unit", "set", "help")
    if form == "json":
        print_json([dict(zip(header, row, strict=True)) for row in rows])
    elif form == "csv":
        print_csv(header, rows)
    else:
        print_table(header, [(*row[:3], "yes" if row[3] else "", row[4]) for row in rows])


def warn_of_unknown_variables() -> None:
    """Say on stderr which ``ODDLINE_*`` variables nobody reads."""
    known = [item.name.upper() for item in fields(Settings)] + [*OF_CLIENTS]
    for name in sorted(name.removeprefix(PREFIX) for name in os.environ if name.startswith(PREFIX)):
        if name not in known:
            # Without the prefix: with it, any two of these names look alike.
            near = get_close_matches(name, known, n=1)
            meant = f" Did you mean {PREFIX}{near[0]}?" if near else ""
            tell(f"{PREFIX}{name} is no setting of Oddline and has no effect.{meant}")


def _settings() -> list[tuple[Any, Any]]:
    settings = from_environment()
    return [(item, getattr(settings, item.name)) for item in fields(Settings)]


def _row(pair: tuple[Any, Any]) -> tuple[str, Any, str, bool, str]:
    item, value = pair
    name = variable(item.name)
    if item.metadata["secret"] and value:
        value = "(set, not shown)"
    return name, value, item.metadata["unit"], name in os.environ, item.metadata["help"]
