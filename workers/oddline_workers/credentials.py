"""Client credentials: an id and a secret, of which only the SHA-256 is kept.

A secret is 32 random letters and digits (190 bits), so a plain hash is as good as a slow
one. What never expires: the hash ``credentials`` (client id → description), which nobody but the
admin reads, and for each secret a key ``secret:<SHA-256>`` that holds the client id. So a secret
alone is looked up in one step, and who may look up those it was shown cannot list the others.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import string
import time
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

import redis

from oddline_workers.settings import Settings

__all__ = ["Client", "Credential", "by_secret", "create", "list_", "revoke", "verify"]

CACHE_SECONDS = 2.0
"""A process may honour a secret this long after another process has revoked it."""

_LETTERS = string.ascii_letters + string.digits
_CACHE_SIZE = 4096
_cache: dict[tuple[str, str], tuple[str, float]] = {}


@dataclass(frozen=True)
class Credential:
    """A fresh pair; the secret is not shown again."""

    client_id: str
    client_secret: str
    name: str = ""


@dataclass(frozen=True)
class Client:
    """What is kept of a client: no secret. ``created`` is in seconds since 1970."""

    client_id: str
    name: str
    created: float


def create(client: redis.Redis, settings: Settings, name: str = "") -> Credential:
    """Make a client with a random secret; ``name`` is for people."""
    fresh = Credential(str(uuid.uuid4()), "".join(secrets.choice(_LETTERS) for _ in range(32)), name)
    digest = _digest(fresh.client_secret)
    seconds, micros = client.time()
    kept = {"name": name, "created": int(seconds) + int(micros) / 1e6, "sha256": digest}
    pipe = client.pipeline()
    pipe.hset(settings.key_prefix + "credentials", fresh.client_id, json.dumps(kept))
    pipe.set(settings.key_prefix + "secret:" + digest, fresh.client_id)
    pipe.execute()
    return fresh


def verify(client: redis.Redis, settings: Settings, client_id: str, secret: str) -> str | None:
    """The client id when the secret is this client's, else None; in constant time."""
    found = by_secret(client, settings, secret)
    if found is None or not hmac.compare_digest(found.encode(), client_id.encode()):
        return None
    return found


def by_secret(client: redis.Redis, settings: Settings, secret: str) -> str | None:
    """The client id that a secret belongs to, or None."""
    digest = _digest(secret)
    known = _cache.get((settings.key_prefix, digest))
    if known and time.monotonic() < known[1]:
        return known[0]
    found: Any = client.get(settings.key_prefix + "secret:" + digest)
    if found is None:
        _cache.pop((settings.key_prefix, digest), None)
        return None
    if len(_cache) >= _CACHE_SIZE:
        _cache.clear()
    client_id = found.decode()
    _cache[settings.key_prefix, digest] = (client_id, time.monotonic() + CACHE_SECONDS)
    return client_id


def list_(client: redis.Redis, settings: Settings) -> list[Client]:
    """Every client, oldest first.

    A store of an earlier release, which had the secrets in one hash, is given the keys of this one.
    """
    if client.exists(settings.key_prefix + "secrets"):
        client.transaction(partial(_convert, settings.key_prefix), settings.key_prefix + "credentials")
    rows: Any = client.hgetall(settings.key_prefix + "credentials")
    clients = []
    for client_id, row in rows.items():
        kept = json.loads(row)
        clients.append(Client(client_id.decode(), kept["name"], kept["created"]))
    return sorted(clients, key=lambda one: one.created)


def revoke(client: redis.Redis, settings: Settings, client_id: str) -> bool:
    """Take a client's secret back, everywhere within ``CACHE_SECONDS``; False for an unknown client."""
    row: Any = client.hget(settings.key_prefix + "credentials", client_id)
    if row is None:
        return False
    digest = json.loads(row)["sha256"]
    pipe = client.pipeline()
    pipe.hdel(settings.key_prefix + "credentials", client_id)
    pipe.delete(settings.key_prefix + "secret:" + digest)
    pipe.execute()
    _cache.pop((settings.key_prefix, digest), None)
    return True


def _convert(root: str, pipe: Any) -> None:
    """A key for each secret; what is revoked is not in ``credentials`` any more."""
    rows = pipe.hgetall(root + "credentials")
    pipe.multi()
    for client_id, row in rows.items():
        pipe.set(root + "secret:" + json.loads(row)["sha256"], client_id)
    pipe.delete(root + "secrets")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
