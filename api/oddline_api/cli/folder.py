"""Where the embedded server keeps its data, and a connection to it whether or not a service runs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from oddline.errors import LimitError, OddlineError, ParameterError
from oddline_api.cli.output import tell
from oddline_workers.settings import Settings, from_environment

if TYPE_CHECKING:
    import redis

    from oddline_workers.server import EmbeddedServer

__all__ = ["addressed", "connected", "data_option", "default_folder", "server_of", "store_of"]


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


def addressed(command: str, data: Path | None) -> str:
    """A command in words that meets the store of ``data``, with ``--data`` where it takes that."""
    named = data is not None and data.expanduser().absolute() != default_folder()
    return f"{command} --data {shlex.quote(str(data))}" if named else command


@contextmanager
def store_of(data: Path | None, *, make: bool = False) -> Iterator[tuple[redis.Redis, Settings]]:
    """The store of a service: the one ODDLINE_REDIS_URL names, else the one in the data folder.

    Says on stderr which one that is. A stopped service's server is started for the moment and
    stopped again.

    Raises
    ------
    click.UsageError
        The folder holds no store, and none is to be made there.
    """
    settings = from_environment()
    if settings.redis_url and data is None:
        with connected(settings) as client:
            tell(f"Using the store at {_without_password(settings.redis_url)}")
            yield client, settings
        return
    with server_of(data, settings, make=make) as server:
        settings = replace(settings, **server.login())
        with connected(settings) as client:
            yield client, settings


@contextmanager
def server_of(data: Path | None, settings: Settings, *, make: bool = False) -> Iterator[EmbeddedServer]:
    """The server of a data folder, running or started for the moment.

    Raises
    ------
    click.UsageError
        The folder holds no store, and none is to be made there.
    """
    from oddline_workers.server import EmbeddedServer

    folder = (data or default_folder()).expanduser().absolute()
    if not make and not (folder / "lock").is_file():  # what a server leaves in its folder from the first
        raise click.UsageError(
            f"{folder} holds no store; `{addressed('oddline up', data)}` makes one.",
            click.get_current_context(),
        )
    tell(f"Using the store in {folder}")
    server = EmbeddedServer(folder, settings)
    try:
        server.start()
    except OSError as error:
        raise LimitError(
            f"Cannot start the server on {folder}: {error.strerror or error}.", code="bad_folder", status=503
        ) from error
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def connected(settings: Settings) -> Iterator[redis.Redis]:
    """A client of the store the settings name; any failure becomes an OddlineError."""
    import redis

    from oddline_workers.connections import connect

    try:
        client = connect(settings, "cli")
    except ValueError as error:
        raise ParameterError(
            "ODDLINE_REDIS_URL cannot be read; expected redis://:password@host:port/0, "
            "with / and the like in a password written as %2F.",
            parameter="ODDLINE_REDIS_URL",
        ) from error
    try:
        with client:
            client.ping()
            yield client
    except redis.RedisError as error:
        raise _failure(settings, error) from error


def _failure(settings: Settings, error: redis.RedisError) -> OddlineError:
    """What a failure of the store is for the one who called it, and what there is to do."""
    from redis.exceptions import AuthenticationError, NoPermissionError

    where, why = _without_password(settings.redis_url), str(error).rstrip(".")
    if isinstance(error, NoPermissionError):
        text = f"The store at {where} refuses: {why}. This is for its user admin."
        return OddlineError(text, code="not_allowed", status=403)
    if isinstance(error, AuthenticationError):
        text = f"The store at {where} refuses: {why}. Correct the user in ODDLINE_REDIS_URL or its password."
        return OddlineError(text, code="unknown_user", status=401)
    todo = ""
    if "CERTIFICATE_VERIFY_FAILED" in why:
        todo = " Set ODDLINE_REDIS_CA_FILE to its CA, and in ODDLINE_REDIS_URL the name it has."
    elif settings.redis_url == from_environment().redis_url:
        todo = " Start a Redis or Valkey there, or correct ODDLINE_REDIS_URL."
    return LimitError(f"The store does not answer at {where}: {why}.{todo}", code="store_away", status=503)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if "@" in parts.path + parts.fragment:  # a password that is not quoted: where it ends is a guess
        return f"{parts.scheme}://…"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
