"""Where the embedded server keeps its data, and a connection to it whether or not a service runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oddline.errors import LimitError
from oddline_workers.settings import Settings, from_environment

if TYPE_CHECKING:
    import redis

__all__ = ["connected", "data_option", "default_folder", "store_of"]


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--data DIR``."""
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        help="The folder of the embedded server; by default oddline in your data folder.",
    )(command)


def default_folder() -> Path:
    """The user's own folder for Oddline's data."""
    from platformdirs import user_data_path

    return user_data_path("oddline", appauthor=False)


@contextmanager
def store_of(data: Path | None) -> Iterator[tuple[redis.Redis, Settings]]:
    """The store of a service: the one ODDLINE_REDIS_URL names, else the one in the data folder.

    A stopped service's server is started for the moment and stopped again.
    """
    settings = from_environment()
    if settings.redis_url and data is None:
        with connected(settings) as client:
            yield client, settings
        return
    from oddline_workers.server import EmbeddedServer

    with EmbeddedServer(data or default_folder(), settings) as server:
        settings = replace(settings, redis_url=server.url)
        with connected(settings) as client:
            yield client, settings


@contextmanager
def connected(settings: Settings) -> Iterator[redis.Redis]:
    """A client of the store the settings name; any failure becomes a LimitError."""
    import redis

    from oddline_workers.connections import connect

    try:
        with connect(settings, "cli") as client:
            client.ping()
            yield client
    except redis.RedisError as error:
        raise LimitError(f"The store does not answer: {error}", code="store_away", status=503) from error
