"""One request on a connection of its own, made only to where it may lead and only for so long."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpcore

from oddline import __version__
from oddline.errors import DataError, LimitError, ParameterError
from oddline_workers import addresses
from oddline_workers.addresses import Address, Lookup
from oddline_workers.plaintext import plain
from oddline_workers.settings import Settings

__all__ = ["CONNECT_SECONDS", "SILENT_SECONDS", "Wire"]

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 30.0
"""A peer that says nothing for so long is left."""


class Wire(httpcore.NetworkBackend):
    """Opens connections to what is allowed, and lets none outlast the time that is left."""

    def __init__(self, settings: Settings, seconds: float, own: str, lookup: Lookup) -> None:
        self._inner = httpcore.SyncBackend()
        self._settings = settings
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._own = addresses.read(own).origin if own else None
        self._lookup = lookup
        self._address: Address | None = None

    @contextmanager
    def asked(
        self, method: str, address: Address, headers: Mapping[str, str], body: bytes | None = None
    ) -> Iterator[httpcore.Response]:
        """The answer of one request, its body not yet read, on a connection of its own."""
        self._address = address
        sent = {
            "Host": address.netloc,
            "User-Agent": f"Oddline/{__version__}",
            "Connection": "close",
            **headers,
        }
        url = httpcore.URL(
            scheme=address.scheme.encode(),
            host=address.host.encode(),
            port=address.port,
            target=address.target.encode(),
        )
        waits = {"connect": CONNECT_SECONDS, "read": SILENT_SECONDS, "write": SILENT_SECONDS}
        pool = httpcore.ConnectionPool(_trusting(self._settings), network_backend=self)
        with (
            self._explained(address),
            pool,
            pool.stream(
                method, url, headers=_fields(sent), content=body, extensions={"timeout": waits}
            ) as response,
        ):
            yield response

    def left(self, timeout: float | None) -> float:
        """How long the next step may take."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise self._too_slow()
        return left if timeout is None else min(timeout, left)

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **more: Any
    ) -> httpcore.NetworkStream:
        assert self._address is not None
        if self._address.origin == self._own:
            found = [host]
        else:
            allowed = addresses.networks(self._settings.outbound_networks)
            found = addresses.reachable(self._address, allowed, self._lookup)
        for place in found[:-1]:
            try:
                return _Timed(self._inner.connect_tcp(place, port, self.left(timeout)), self)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return _Timed(self._inner.connect_tcp(found[-1], port, self.left(timeout)), self)

    @contextmanager
    def _explained(self, address: Address) -> Iterator[None]:
        """Errors of the connection as ours, in a sentence each."""
        try:
            yield
        except httpcore.TimeoutException as error:
            if time.monotonic() >= self._end:
                raise self._too_slow() from error
            raise DataError(f"{address.place} did not answer in time.", code="not_fetched") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise DataError(f"{address.place} {_why(error)}.", code="not_fetched") from error

    def _too_slow(self) -> LimitError:
        place = self._address.place if self._address else "The address"
        return LimitError(
            f"{place} took longer than {self._seconds:g} s for all of it. Try again when it is faster.",
            code="too_slow", status=504,
        )  # fmt: skip


class _Timed(httpcore.NetworkStream):
    """A connection on which no step takes longer than is left of the whole."""

    def __init__(self, inner: httpcore.NetworkStream, wire: Wire) -> None:
        self._inner, self._wire = inner, wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._wire.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._wire.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Timed(
            self._inner.start_tls(ssl_context, server_hostname, self._wire.left(timeout)), self._wire
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _why(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"has a certificate that cannot be trusted: {plain(cause.verify_message).rstrip('.')}"
        if isinstance(cause, ssl.SSLError):
            return "speaks no TLS that can be trusted"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.ConnectError):
        return "cannot be connected to"
    if isinstance(error, httpcore.ProtocolError):
        return "gives an answer that is broken off, or is not HTTP"
    return "ended the connection"


def _fields(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    try:
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    except UnicodeError:
        raise ParameterError("A header cannot be sent: it has other signs than Latin-1.") from None


def _trusting(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if settings.outbound_ca_file:
        context.load_verify_locations(settings.outbound_ca_file)
    return context
