"""Requests to addresses that clients name: fetching what they import, posting what they asked to be told.

Where a connection may lead is decided where it is made, see :mod:`oddline_workers.addresses`: whatever the
text of an address, and on every redirect anew. Nothing of the environment is used, no proxy and no
credentials. Messages name scheme, host and port alone.
"""

from __future__ import annotations

import base64
import http
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, cast

import httpcore

from oddline.errors import DataError, LimitError, OddlineError, ParameterError
from oddline.progress import Progress, silent
from oddline_workers import addresses
from oddline_workers.addresses import Address, Lookup
from oddline_workers.plaintext import plain
from oddline_workers.settings import Settings
from oddline_workers.wire import Wire

__all__ = ["REDIRECTS", "Fetched", "fetch", "post"]

REDIRECTS = 5
POST_SECONDS = 30.0
IN_MEMORY = 1 << 20
"""Bytes of a body that are kept in memory; a larger one goes to a file without a name."""

_MOVED = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Fetched:
    """What an address gave."""

    file: BinaryIO
    """The body as it was sent, at its beginning; to be closed."""
    content_type: str
    size: int
    """Bytes of the body."""
    path: str
    """Of the address in the end; percent-encoded."""


def fetch(
    url: str,
    settings: Settings,
    *,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    own: str = "",
    progress: Progress = silent,
    lookup: Lookup = addresses.look_up,
) -> Fetched:
    """Fetch what a client's address gives.

    Parameters
    ----------
    url : str
        http or https. A name and password in it count as ``auth``.
    settings : Settings
        ``import_seconds`` bounds all of it, ``max_import_bytes`` the body.
    headers : mapping, optional
        To be sent with the request; to the origin of ``url`` alone, as ``auth``.
    auth : (str, str), optional
        Name and password.
    own : str
        An address of the operator's: its origin may be reached wherever it is.
    progress : Progress
        Told the bytes; may end it.
    lookup : Lookup
        Finds the addresses of hosts.

    Raises
    ------
    ParameterError
        ``bad_address``; ``address_refused``: it leads to where clients may not.
    DataError
        ``not_fetched``: nobody answers, or another status than 2xx, or the answer breaks off.
    LimitError
        ``too_large``; ``too_slow``.
    """
    address = addresses.read(url)
    first, auth = address.origin, auth or address.user
    wire = Wire(settings, settings.import_seconds, own, lookup)
    given = {**(headers or {}), **({"Authorization": _basic(*auth)} if auth else {})}
    for _ in range(REDIRECTS + 1):
        sent = given if address.origin == first else {}
        with wire.asked("GET", address, {"Accept": "*/*", "Accept-Encoding": "identity", **sent}) as response:
            if response.status not in _MOVED:
                return _received(response, address, settings, progress)
            location = _header(response, "location")
        if not location:
            raise _answered(address, response)
        address = address.to(location)
    raise DataError(f"{address.place} is reached by more than {REDIRECTS} redirects.", code="not_fetched")


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    settings: Settings,
    *,
    lookup: Lookup = addresses.look_up,
) -> int:
    """Post a body to a client's address: the status it answers with, a redirect's too; none is followed.

    Raises
    ------
    ParameterError
        ``bad_address``; ``address_refused``.
    DataError
        ``not_fetched``: nobody answers.
    LimitError
        ``too_slow``.
    """
    address = addresses.read(url)
    given = {**headers, **({"Authorization": _basic(*address.user)} if address.user else {})}
    with Wire(settings, POST_SECONDS, "", lookup).asked("POST", address, given, body) as response:
        return response.status


def _received(
    response: httpcore.Response, address: Address, settings: Settings, progress: Progress
) -> Fetched:
    if response.status // 100 != 2:
        raise _answered(address, response)
    coding = _header(response, "content-encoding").lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):  # what is packed as gzip shows it by itself
        raise DataError(
            f"{address.place} packs its answer as {plain(coding)[:20]!r}; expected it as it is, or gzip.",
            code="not_fetched",
        )
    most = settings.max_import_bytes
    length = _header(response, "content-length")
    total = int(length) if length.isascii() and length.isdigit() else 0
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
    try:
        size = 0
        for piece in response.iter_stream():
            size += len(piece)
            if max(size, total) > most:
                raise LimitError(
                    f"{address.place} gives more than {most:,} bytes (ODDLINE_MAX_IMPORT_BYTES). "
                    "Import it in parts, or packed with gzip.",
                    code="too_large",
                )
            file.write(piece)
            progress(size / total if total else 0.5, f"{size:,} bytes fetched")
        file.seek(0)
    except BaseException:
        file.close()
        raise
    kind = _header(response, "content-type")
    return Fetched(cast(BinaryIO, file), kind, size, address.path)


def _answered(address: Address, response: httpcore.Response) -> OddlineError:
    """The status line as an error; its words are the peer's."""
    said = response.extensions.get("reason_phrase", b"").decode("latin-1")
    if not said.strip():
        with suppress(ValueError):
            said = http.HTTPStatus(response.status).phrase
    words = f"{response.status} {plain(said)[:100]}".strip()
    return DataError(f"The address answered {words} ({address.place}).", code="not_fetched")


def _header(response: httpcore.Response, name: str) -> str:
    found = [value for key, value in response.headers if key.lower() == name.encode()]
    return found[-1].decode("latin-1").strip() if found else ""


def _basic(name: str, password: str) -> str:
    try:
        return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
    except UnicodeError:
        raise ParameterError("The name or the password is no text.", parameter="auth") from None
