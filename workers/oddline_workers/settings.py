"""Every setting of the service, in one frozen table, read once from ``ODDLINE_*``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from environs import Env, EnvError
from marshmallow.validate import Range

from oddline.errors import ParameterError
from oddline_workers.addresses import networks

__all__ = ["Settings", "from_environment", "variable"]

MIB = 1 << 20


def _setting(
    default: Any,
    unit: str,
    help: str,
    *,
    least: float | None = None,
    most: float | None = None,
    secret: bool = False,
    check: Callable[[str], object] | None = None,
) -> Any:
    limits = {"least": least, "most": most, "check": check}
    return field(default=default, metadata={"unit": unit, "help": help, "secret": secret, **limits})


@dataclass(frozen=True)
class Settings:
    """The settings with their defaults; the variable is ``ODDLINE_`` and the name in capitals."""

    redis_url: str = _setting(
        "", "url", "The Redis or Valkey to use; empty starts an embedded one.", secret=True
    )
    redis_password_file: str = _setting(
        "", "path", "A file with the password of the user that the url names."
    )
    redis_ca_file: str = _setting(
        "", "path", "The CA of a store at rediss://; empty takes those the system trusts."
    )
    redis_cert_file: str = _setting("", "path", "Our certificate, for a store that asks for one.")
    redis_key_file: str = _setting("", "path", "The key of our certificate.")
    key_prefix: str = _setting("oddline:", "text", "What every key in the store begins with.")

    host: str = _setting("127.0.0.1", "address", "The address the gateway listens on.")
    port: int = _setting(
        8080, "port", "The port the gateway listens on; 0 takes a free one.", least=0, most=65535
    )
    tls_cert_file: str = _setting(
        "", "path", "The gateway's certificate, with those in between; it speaks https then."
    )
    tls_key_file: str = _setting("", "path", "The key of the gateway's certificate.")
    public_url: str = _setting(
        "",
        "url",
        "What links begin with where clients come through a proxy; empty takes the request's.",
    )
    drain_seconds: float = _setting(
        3.0,
        "seconds",
        "How long a gateway that stops tells clients to come back on another connection.",
        least=0,
    )
    gateway_workers: int = _setting(1, "processes", "Gateway processes.", least=1)
    gateway_threads: int = _setting(16, "threads", "Requests each gateway process works on.", least=1)
    workers: int = _setting(0, "processes", "Processes of the cpu lane; 0 takes one a core.", least=0)
    cpu_lanes: str = _setting("cpu,gpu", "lanes", "What they serve; cpu alone where a worker-gpu runs.")
    log_level: str = _setting("info", "level", "debug, info, warning or error.")

    max_upload_bytes: int = _setting(128 * MIB, "bytes", "The largest upload; above it 413.", least=1)
    max_unpacked_bytes: int = _setting(512 * MIB, "bytes", "What a gzip upload may unpack to.", least=1)
    max_rows: int = _setting(2_000_000, "rows", "The longest table.", least=1)
    max_columns: int = _setting(2_000, "columns", "The widest table.", least=1)
    max_cells: int = _setting(50_000_000, "cells", "The largest table.", least=1)
    upload_timeout: float = _setting(120.0, "seconds", "How long one upload may take.", least=1)
    stall_timeout: float = _setting(
        20.0, "seconds", "How long a client may stop in the midst of sending or reading.", least=0.1
    )
    header_timeout_ms: int = _setting(
        10_000, "milliseconds", "How long the head of a request may take to come.", least=1, most=60_000
    )

    max_import_bytes: int = _setting(
        512 * MIB, "bytes", "What an import may fetch, and what that may unpack to.", least=1
    )
    import_seconds: float = _setting(300.0, "seconds", "How long an import may fetch.", least=1)
    outbound_networks: str = _setting(
        "",
        "networks",
        "Networks that imports and callbacks may reach although they are not public: `10.0.0.0/8,fd00::/8`.",
        check=networks,
    )
    outbound_ca_file: str = _setting(
        "", "path", "A CA that imports and callbacks trust, beside those that the system trusts."
    )
    s3_endpoint: str = _setting(
        "", "url", "The object store that S3 imports fetch from; empty takes Amazon's."
    )
    s3_access_key_id: str = _setting(
        "", "text", "The key of S3 imports that bring none: what it may read, every client may."
    )
    s3_secret_access_key_file: str = _setting("", "path", "A file with the secret of that key.")

    submits_per_minute: int = _setting(100, "per minute", "Submits of one client.", least=1)
    writes_per_minute: int = _setting(
        1_000, "per minute", "Batches of rows and predictions of one client.", least=1
    )
    reads_per_minute: int = _setting(6_000, "per minute", "Other requests of one client.", least=1)
    call_seconds: float = _setting(
        30.0, "seconds", "How long a client waits for a prediction, or for rows to be stored.", least=0.1
    )
    max_datasets: int = _setting(1_000, "datasets", "Datasets of one client.", least=1, most=2**31 - 1)
    max_dataset_bytes: int = _setting(
        500_000_000, "bytes", "What a dataset may take in the store.", least=1, most=2**31 - 1
    )
    max_sessions: int = _setting(
        10_000, "sessions", "Sessions that are kept of one client.", least=1, most=2**31 - 1
    )
    max_predictions: int = _setting(
        1_000_000_000, "rows", "Predictions of one client in a month.", least=1, most=2**31 - 1
    )
    queue_limit: int = _setting(10_000, "jobs", "Jobs that may wait; above it 503.", least=1)

    result_days: float = _setting(7.0, "days", "How long results stay.", least=0.0001)
    lease_seconds: float = _setting(15.0, "seconds", "A job without a sign of life is taken back.", least=1)
    waiting_hours: float = _setting(24.0, "hours", "How long a job may wait for a worker.", least=0.0001)
    max_attempts: int = _setting(
        3,
        "losses",
        "A job fails when its worker was lost this often; a worker that stops counts not.",
        least=1,
    )
    time_limit: float = _setting(600.0, "seconds", "How long a job of a small table may run.", least=1)
    time_limit_per_million: float = _setting(
        60.0, "seconds", "How much longer, for each million cells of the table.", least=0
    )
    job_memory_bytes: int = _setting(
        0,
        "bytes",
        "Memory a job may take; 0 takes 75 % of the machine's over its processes.",
        least=0,
    )
    worker_niceness: int = _setting(
        10, "steps", "How far workers stand back for a gateway on the same machine.", least=0
    )
    shutdown_seconds: float = _setting(5.0, "seconds", "Grace for running jobs when stopping.", least=0)
    janitor_seconds: float = _setting(0.5, "seconds", "The janitor looks this often.", least=0.05)

    max_memory_bytes: int = _setting(
        0, "bytes", "Memory of the embedded server; 0 takes min(25 % of RAM, 4 GB).", least=0
    )


def from_environment() -> Settings:
    """The settings of this process, from ``ODDLINE_*`` variables over the defaults.

    Raises
    ------
    ParameterError
        A variable does not parse or is out of range.
    """
    env = Env()
    parsers: dict[str, Any] = {"str": env.str, "int": env.int, "float": env.float}
    values: dict[str, Any] = {}
    for item in fields(Settings):
        name, least, most = variable(item.name), item.metadata["least"], item.metadata["most"]
        checks = [Range(min=least, max=most)] if (least, most) != (None, None) else []
        try:
            values[item.name] = parsers[str(item.type)](name, item.default, validate=checks)
            if item.metadata["check"]:
                item.metadata["check"](values[item.name])
        except (EnvError, ValueError) as error:
            # A check says itself what it does not like.
            expected = _expected(item) if isinstance(error, EnvError) else f"{item.metadata['unit']}: {error}"
            raise ParameterError(
                f"{name} is {os.environ[name]!r}; expected {expected}.", parameter=name
            ) from error
    return Settings(**values)


def _expected(item: Any) -> str:
    """The values of a setting in words: ``a whole number of at least 1 (jobs)``."""
    least, most, unit = item.metadata["least"], item.metadata["most"], item.metadata["unit"]
    words = {"str": "a text", "int": "a whole number", "float": "a number"}[str(item.type)]
    if most is not None:
        words += f" from {least:g} to {most:g}"
    elif least is not None:
        words += f" of at least {least:g}"
    return words if unit in item.name else f"{words} ({unit})"


def variable(name: str) -> str:
    """The environment variable of one setting: ``port`` is ``ODDLINE_PORT``."""
    return "ODDLINE_" + name.upper()
