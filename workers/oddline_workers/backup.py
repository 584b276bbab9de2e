"""A backup of a data folder, taken while its service runs, and a folder made from one.

The file is what the server writes as one consistent state (RDB). In a new folder it becomes the base of
the journal, so the server starts from it as from its own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import redis
from redis.exceptions import RedisError, ResponseError

from oddline.errors import DataError, LimitError
from oddline_workers import credentials, private
from oddline_workers.connections import connect
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings
from oddline_workers.store import JobStore

__all__ = ["Contents", "back_up", "restore"]

PATIENCE = 3600.0  # seconds, for a store of many gigabytes
HEADS = (b"REDIS", b"VALKEY")  # what such a file begins with
BASE = "appendonly.aof.1.base.rdb"


@dataclass(frozen=True)
class Contents:
    """What was found in a backup: clients, jobs, and those of them that wait; datasets and models."""

    clients: int
    jobs: int
    waiting: int
    datasets: int = 0
    models: int = 0


def back_up(server: EmbeddedServer, target: Path) -> int:
    """Write the state of a running server, as it is now, to a new file of mode 600; its bytes.

    Raises
    ------
    LimitError
        The server ended meanwhile, or one of the two could not write, most likely for want of room.
    """
    dump = server.data / "dump.rdb"
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    with (
        _said(f"Cannot write {target}"),
        _alone(server.data),
        _client(server) as client,
    ):
        try:
            dump.unlink(missing_ok=True)  # of a backup that was killed
            _save(client, server)
            with dump.open("rb") as source, open(fresh, "wb", opener=private.opener) as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
                sink.flush()
                os.fsync(sink.fileno())
            fresh.rename(target)
        finally:
            fresh.unlink(missing_ok=True)
            dump.unlink(missing_ok=True)
        _sync(target.parent)
        return target.stat().st_size


def restore(source: Path, data: Path, settings: Settings) -> Contents:
    """Make a data folder from a backup: whole, checked and ready to start, or not at all.

    Jobs that ran when the backup was taken wait again, and all that wait do so from now on. The
    passwords of the folder are new.

    Parameters
    ----------
    source : path
        From :func:`back_up`, or any other RDB file of a store of Oddline.
    data : path
        A folder that does not exist yet, or an empty one.
    settings : Settings

    Raises
    ------
    LimitError
        The folder holds something, or cannot be made.
    DataError
        The file is no backup, is damaged, or holds nothing under ``key_prefix``.
    """
    data = data.expanduser().absolute()
    with _said(f"Cannot make {data} of {source}"):
        return _restore(source, data, settings)


def _restore(source: Path, data: Path, settings: Settings) -> Contents:
    with source.open("rb") as file:
        if not file.read(6).startswith(HEADS):
            raise DataError(f"{source} is no backup; expected a file of `oddline backup`.", code="bad_backup")
    if data.is_dir() and any(data.iterdir()):
        raise LimitError(
            f"{data} holds something already. Move it away, or choose another folder with --data",
            code="in_use",
            status=503,
        )
    data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{data.name}.", dir=data.parent))
    try:
        private.make_folder(fresh / "appendonlydir")
        with (
            source.open("rb") as file,
            open(fresh / "appendonlydir" / BASE, "wb", opener=private.opener) as sink,
        ):
            shutil.copyfileobj(file, sink, 1 << 20)
        private.write(fresh / "appendonlydir" / "appendonly.aof.manifest", f"file {BASE} seq 1 type b\n")
        found = _try_out(source, fresh, settings)
        fresh.rename(data)
    except BaseException:
        shutil.rmtree(fresh)
        raise
    return found


def _try_out(source: Path, fresh: Path, settings: Settings) -> Contents:
    """Start a server on the folder, which reads and checks every byte, and set its jobs going again."""
    server = EmbeddedServer(fresh, settings)
    try:
        server.start(attach=False, patience=PATIENCE)
    except LimitError as error:
        raise DataError(
            f"{source} is damaged, or of a newer server than the one here. {error.message}",
            code="bad_backup",
        ) from error
    with server, _client(server) as client:
        # At the end of its journal a server forgives what was cut off by a crash, and cuts off the rest.
        if (fresh / "appendonlydir" / BASE).stat().st_size != source.stat().st_size:
            raise DataError(f"{source} is damaged: it goes on after its end.", code="bad_backup")
        prefix = settings.key_prefix
        clients = len(credentials.list_(client, settings))
        jobs = sum(1 for _ in client.scan_iter(f"{prefix}job:*", count=1000))
        if not clients and not jobs:
            raise DataError(
                f"{source} holds no client and no job behind {prefix!r}; expected a backup of a service with "
                "the same ODDLINE_KEY_PREFIX.",
                code="bad_backup",
            )
        datasets = sum(client.hlen(key) for key in client.scan_iter(f"{prefix}datasets:*", count=1000))
        models = sum(client.zcard(key) for key in client.scan_iter(f"{prefix}models:*", count=1000))
        return Contents(clients, jobs, JobStore(client, settings).resume(), datasets, models)


def _save(client: redis.Redis, server: EmbeddedServer) -> None:
    """Have the server write its dump; it goes on answering meanwhile."""
    run = client.info("server")["run_id"]
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            client.bgsave(schedule=False)
            break
        except ResponseError as error:
            busy = "in progress" in str(error) or "child process" in str(error)  # it rewrites its journal
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
    while (state := client.info())["rdb_bgsave_in_progress"]:
        time.sleep(0.02)
    if state["run_id"] != run:
        raise LimitError(
            "The server was started anew in the midst of the backup. Take it again.",
            code="server_failed",
            status=503,
        )
    if state["rdb_last_bgsave_status"] != "ok":
        raise LimitError(
            f"The server could not write the backup: {server.last_words()}. Is there room on the disk of "
            f"{server.data}?",
            code="server_failed",
            status=503,
        )


@contextmanager
def _client(server: EmbeddedServer) -> Iterator[redis.Redis]:
    """The server's admin; what it does not answer becomes an error in words."""
    try:
        with connect(replace(server.settings, **server.login()), "cli") as client:
            yield client
    except RedisError as error:
        raise LimitError(
            f"The server on {server.data} did not answer to the end: {error}",
            code="server_failed",
            status=503,
        ) from error


@contextmanager
def _said(what: str) -> Iterator[None]:
    """An error of the file system in words."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise LimitError(
            f"{what}: {error.strerror or error}{where}.", code="not_written", status=503
        ) from error


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """One backup of a folder at a time: they share a file."""
    with open(data / "backup.lock", "w", opener=private.opener) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sync(folder: Path) -> None:
    """See to it that a new name in a folder outlives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems cannot
            os.fsync(handle)
    finally:
        os.close(handle)
