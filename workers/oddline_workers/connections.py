"""Connections to the store: one client a role, with that role's patience."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit, urlunsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from oddline.errors import ParameterError
from oddline_workers.settings import Settings, variable

__all__ = ["Patience", "celery_url", "connect", "patience", "tls"]


@dataclass(frozen=True)
class Patience:
    """How long a role waits for the store: seconds for a reply and to connect, and further tries."""

    reply: float
    connect: float
    retries: int
    after: tuple[type[Exception], ...] = (redis.ConnectionError, redis.TimeoutError)
    """The errors that another try follows."""


_PATIENCE = {
    # A request must be answered within seconds even when the store hangs: then there is no other try, of
    # which a fresh connection would make two for each command.
    "gateway": Patience(reply=1.0, connect=0.5, retries=1, after=(redis.ConnectionError,)),
    # A finished result must outlive a minute without a store.
    "worker": Patience(reply=5.0, connect=2.0, retries=60),
    # The janitor has its own loop and would rather know at once.
    "janitor": Patience(reply=2.0, connect=1.0, retries=0),
    # The keeper has a round of its own too, and must look after its worker meanwhile.
    "keeper": Patience(reply=2.0, connect=1.0, retries=0),
    "cli": Patience(reply=5.0, connect=2.0, retries=1),
}


def patience(role: str) -> Patience:
    """The patience of ``"gateway"``, ``"worker"``, ``"keeper"``, ``"janitor"`` or ``"cli"``."""
    return _PATIENCE[role]


def connect(settings: Settings, role: str) -> redis.Redis:
    """A client of the store; it speaks bytes, connects at its first command and may be shared by threads.

    Parameters
    ----------
    settings : Settings
        ``redis_url`` is ``redis://``, ``rediss://`` or ``unix:///path?db=0``, each with a user's name
        in front where the store has users: ``redis://worker@host/0``.
    role : {"gateway", "worker", "keeper", "janitor", "cli"}

    Raises
    ------
    ParameterError
        ``redis_url`` is empty or of another form, or a file that the settings name cannot be read.
    """
    wait = patience(role)
    url = _checked(settings)
    user, password = _login(settings)
    return redis.Redis.from_url(
        url,
        username=user,
        password=password,
        protocol=2,
        socket_timeout=wait.reply,
        socket_connect_timeout=wait.connect,
        health_check_interval=25,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), wait.retries, wait.after),
        **({} if url.startswith("unix:") else {"socket_keepalive": True}),
        **tls(settings),
    )


def celery_url(settings: Settings) -> str:
    """The same store as Celery wants it written, with the password: for this process's memory only."""
    parts = urlsplit(_checked(settings))
    user, password = _login(settings)
    login = f"{quote(user or '', safe='')}:{quote(password, safe='')}@" if password else ""
    if parts.scheme == "unix":
        database = parse_qs(parts.query).get("db", ["0"])[0]
        return f"redis+socket://{login}{parts.path}?virtual_host={database}"
    return urlunsplit(parts._replace(netloc=login + parts.netloc.rpartition("@")[2]))


def tls(settings: Settings) -> dict[str, Any]:
    """How a store at ``rediss://`` is met, in redis-py's words, which are Celery's too; else nothing.

    Its certificate is verified and so is the name on it. No setting switches that off.

    Raises
    ------
    ParameterError
        A certificate is set for an address without TLS, or a file cannot be read.
    """
    names = {
        "ssl_ca_certs": "redis_ca_file",
        "ssl_certfile": "redis_cert_file",
        "ssl_keyfile": "redis_key_file",
    }
    files = {key: getattr(settings, name) for key, name in names.items() if getattr(settings, name)}
    url = urlsplit(_checked(settings))
    if "ssl_" in url.query:
        raise ParameterError(
            "ODDLINE_REDIS_URL has ssl_ options; expected ODDLINE_REDIS_CA_FILE and the like instead.",
            parameter="ODDLINE_REDIS_URL",
        )
    for key, path in files.items():
        name = variable(names[key])
        if url.scheme != "rediss":
            raise ParameterError(
                f"{name} is set, but ODDLINE_REDIS_URL begins with {url.scheme}://; expected rediss://.",
                parameter=name,
            )
        _text(path, name)
    return (
        {"ssl_cert_reqs": "required", "ssl_check_hostname": True, **files} if url.scheme == "rediss" else {}
    )


def _login(settings: Settings) -> tuple[str | None, str | None]:
    """User and password: of the address, the password also of a file."""
    parts = urlsplit(settings.redis_url)
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    if not settings.redis_password_file:
        return user, password
    name = "ODDLINE_REDIS_PASSWORD_FILE"
    if password:
        raise ParameterError(
            f"ODDLINE_REDIS_URL has a password and {name} names one; expected one of the two."
        )
    password = _text(settings.redis_password_file, name).strip()
    if not password:
        raise ParameterError(f"{name} names an empty file; expected a password in it.", parameter=name)
    return user, password


def _text(path: str, name: str) -> str:
    """What is in the file that a setting names."""
    try:
        return Path(path).read_text()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise ParameterError(f"{name} is {path!r}, which cannot be read: {why}.", parameter=name) from error


def _checked(settings: Settings) -> str:
    url = settings.redis_url
    if not url:
        raise ParameterError(
            "No store is set. Set ODDLINE_REDIS_URL to a Redis or Valkey, or use "
            "`oddline up`, which starts one.",
            parameter="ODDLINE_REDIS_URL",
        )
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ParameterError(
            f"ODDLINE_REDIS_URL begins with {url.split(':', 1)[0]!r}; "
            "expected redis://, rediss:// or unix:///path?db=0.",
            parameter="ODDLINE_REDIS_URL",
        )
    return url
