"""Who may do what in the store: the access list of Redis and Valkey, and the passwords of its users.

=========  ==================================================================================
gateway    takes jobs in and reads them, counts calls, looks up the secrets that it is shown
worker     runs jobs; workers and janitors. Knows nothing of clients and their secrets
admin      everything: makes and lists clients, takes backups. With the embedded server no process
           of the service runs as admin; with a Redis of your own they run as whom you say
default    nobody: who does not say a name and a password is refused
=========  ==================================================================================

``python -m oddline_workers.access`` prints the list for a Redis of your own, with ``{gateway}`` and
the like where the SHA-256 of a password belongs.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from oddline.errors import ParameterError
from oddline_workers import private
from oddline_workers.settings import from_environment

__all__ = ["USERS", "access_list", "password", "password_file", "write"]

_KEYS = {
    "gateway": "job:* payload:* result:* pending:* outbox owner:* idempotency:* leases expiry bell:* "
    "call:* calls:* answer:* rate:* account:* %R~desk:* %R~janitor %R~workers %R~secret:* "
    "dataset:* datasets:* segment:* model:* learnt:* models:*",
    "worker": "job:* payload:* result:* pending:* outbox owner:* leases expiry bell:* "
    "call:* calls:* answer:* desk:* janitor workers "
    "dataset:* datasets:* segment:* model:* learnt:* models:*",
}
"""Of the keys that :mod:`oddline_workers.store` lists, those a user reads and writes (``%R~``: reads)."""

# By kind and not by name: Celery, limits and the client library choose their commands. None of these
# reaches beyond the keys above; what does (SCAN, FLUSHALL, CONFIG, ...) is not among them. Nor does a script
# that a process may bring: it runs under the same list.
_COMMANDS = (
    "-@all +@read +@write +@connection +@transaction -@dangerous -scan -randomkey -dbsize "
    "+evalsha +script|load +time +info"
)

USERS = (*_KEYS, "admin")


def access_list(prefix: str, digests: Mapping[str, str] | None = None) -> str:
    """The lines of the access list.

    Parameters
    ----------
    prefix : str
        ``Settings.key_prefix``.
    digests : mapping, optional
        The SHA-256 of each user's password; without it there are placeholders.

    Raises
    ------
    ParameterError
        The prefix holds a space, which the list has no way to write.
    """
    if re.search(r"\s", prefix):
        raise ParameterError(
            f"ODDLINE_KEY_PREFIX is {prefix!r}; expected a text without spaces.",
            parameter="ODDLINE_KEY_PREFIX",
        )
    digests = digests or {user: f"{{{user}}}" for user in USERS}
    root = re.sub(r"([\\*?\[\]])", r"\\\1", prefix)
    # Off is off: nobody can be this user. The rights are for the journal, which Redis 7.0 reads as default:
    # without them it leaves out every transaction, and starts all the same.
    lines = ["user default reset ~* &* +@all"]
    for user, keys in _KEYS.items():
        # Every script names the prefix itself as its key.
        words = [key if key.startswith("%R~") else "~" + key for key in ["", *keys.split()]]
        patterns = " ".join(word.replace("~", "~" + root) for word in words)
        lines.append(f"user {user} reset on #{digests[user]} {patterns} {_COMMANDS}")
    lines.append(f"user admin reset on #{digests['admin']} ~* &* +@all")
    return "\n".join(lines) + "\n"


def password_file(data: Path, user: str) -> Path:
    """Where the password of a user is, of the server on this data folder."""
    return data / "passwords" / user


def password(data: Path, user: str) -> str:
    """The password of a user; empty where the folder has none yet."""
    try:
        return password_file(data, user).read_text()
    except FileNotFoundError:
        return ""


def write(data: Path, prefix: str) -> Path:
    """The access list of a data folder, in a file that holds no password; its path.

    Passwords are made where there are none and stay the same ever after: clients come back to a
    server that was started anew.
    """
    private.make_folder(data / "passwords")
    digests = {}
    for user in USERS:
        if not password(data, user):
            private.write(password_file(data, user), secrets.token_hex(32))
        digests[user] = hashlib.sha256(password(data, user).encode()).hexdigest()
    path = data / "users.acl"
    private.write(path, access_list(prefix, digests))
    return path


if __name__ == "__main__":
    print(access_list(from_environment().key_prefix), end="")
