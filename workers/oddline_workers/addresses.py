"""Addresses that clients name: read strictly, and held to hosts that anybody could reach.

The service must not become a way into the network it stands in. What counts is the address that is
connected to, however it was written or found: so a host is looked up once, every address found is
checked, and the connection is made to one of these very addresses.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from oddline.errors import ParameterError
from oddline_workers.plaintext import plain

__all__ = ["LONGEST", "Address", "Lookup", "is_public", "networks", "reachable", "read"]

LONGEST = 8_000
"""Characters of an address: signed ones of object stores have some two thousand."""

Ip = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Lookup = Callable[[str, int], Iterable[str]]
"""What finds the addresses of a host, as texts."""

_PORTS = {"http": 80, "https": 443}
_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_IN_PATH = "%/:@!$&'()*+,;=~-._"


@dataclass(frozen=True)
class Address:
    """An http or https address in its parts, each fit to be sent as it is."""

    scheme: str
    host: str
    """In lower case and ASCII; of an IPv6 address without brackets."""
    port: int
    target: str
    """Path and query; it may hold a signature, so it is in no message."""
    user: tuple[str, str] | None = field(default=None, repr=False)
    """Name and password, where they stood in front of the host."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """What must be the same for credentials to be passed on."""
        return self.scheme, self.host, self.port

    @property
    def netloc(self) -> str:
        """Host and port as in a ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def place(self) -> str:
        """The address as messages name it: without path, query and user."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def path(self) -> str:
        """The path alone."""
        return self.target.partition("?")[0]

    def to(self, location: str) -> Address:
        """Where a redirect leads.

        Raises
        ------
        ParameterError
            To no address, or from https to http.
        """
        try:
            joined = urljoin(self.place + self.target, location.replace(" ", "%20"))
        except ValueError:
            raise _bad(f"{self.place} leads to no address.") from None
        found = read(joined)
        if (self.scheme, found.scheme) == ("https", "http"):
            raise _refused(f"{self.place} leads from https to http. Name an https address throughout.")
        return found


def read(text: str) -> Address:
    """An address as a client wrote it.

    Raises
    ------
    ParameterError
        ``bad_address``: it is none of http or https, too long, or not well formed.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise _bad(f"The address has {len(text):,} characters; at most {LONGEST:,} are taken.")
    if _UNFIT.search(text):
        raise _bad("The address has a space, a backslash or a control character in it. Write them as %20.")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _bad("The address has a host or a port that cannot be. Write https://host/path.") from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise _bad(f"The address begins with {plain(scheme)[:20]!r}; expected http:// or https://.")
    if port == 0:
        raise _bad("The address has port 0; expected 1 to 65535.")
    name = unquote(parts.username or ""), unquote(parts.password or "")
    target = quote(parts.path or "/", safe=_IN_PATH)
    if parts.query:
        target += "?" + quote(parts.query, safe=_IN_PATH + "?")
    port = port or _PORTS[scheme]
    return Address(scheme, _host(host), port, target, name if any(name) else None)


def _host(text: str) -> str:
    if ":" in text:
        with suppress(ValueError):
            return str(IPv6Address(text if "%" not in text else ""))
    with suppress(UnicodeError):
        host = text.encode("idna").decode().lower().removesuffix(".")
        if _HOST.fullmatch(host):
            return host
    raise _bad("The address names no host. Write https://host/path.")


def _bad(message: str) -> ParameterError:
    return ParameterError(message, code="bad_address", parameter="url")


def _refused(message: str) -> ParameterError:
    return ParameterError(message, code="address_refused", parameter="url")


_INNER_4 = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind a carrier's NAT, and the metadata of one cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # public by its number, and the inside of one cloud
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
_GLOBAL_6 = IPv6Network("2000::/3")
_INNER_6 = [
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocols, with Teredo
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",
    )
]
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)


def is_public(ip: Ip) -> bool:
    """Whether the address is one that anybody could reach, by the registries of special addresses.

    An IPv6 address that stands for an IPv4 one is as public as that.

    Examples
    --------
    >>> is_public(ip_address("9.9.9.9")), is_public(ip_address("::ffff:10.0.0.1"))
    (True, False)
    """
    if isinstance(ip, IPv4Address):
        return ip.is_global and not any(ip in network for network in _INNER_4)
    inner = ip.ipv4_mapped
    if ip in _NAT64:
        inner = IPv4Address(int(ip) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(inner)
    if int(ip) >> 32 & 0xFFFFFFFF in _ISATAP:
        return False
    return ip in _GLOBAL_6 and ip.is_global and not any(ip in network for network in _INNER_6)


@cache
def networks(text: str) -> tuple[Network, ...]:
    """The networks of ``ODDLINE_OUTBOUND_NETWORKS``: with commas between, each as ``10.0.0.0/8``.

    Raises
    ------
    ValueError
        One of them is none.
    """
    return tuple(ip_network(word.strip()) for word in text.split(",") if word.strip())


def look_up(host: str, port: int) -> list[str]:
    """All addresses of a host, as the system finds them; numbers in any notation it knows are hosts too."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def reachable(address: Address, allowed: tuple[Network, ...], lookup: Lookup = look_up) -> list[str]:
    """The addresses of its host, looked up once: all of them public, or in a network that is allowed.

    Raises
    ------
    ParameterError
        ``address_refused``: one of them is not, or there is none. Which of the two is not said: it would
        tell what names there are inside.
    """
    try:
        found = [ip_address(text) for text in lookup(address.host, address.port)]
    except (OSError, ValueError):
        found = []
    if not found or not all(_fit(ip, allowed) for ip in found):
        raise _refused(
            f"The host {address.host} has no address, or one that is not public. Name one that anybody can "
            "reach; who runs the service can allow others by ODDLINE_OUTBOUND_NETWORKS."
        )
    return list(dict.fromkeys(map(str, found)))


def _fit(ip: Ip, allowed: tuple[Network, ...]) -> bool:
    plain_ip: Any = ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip
    if any(plain_ip.version == network.version and plain_ip in network for network in allowed):
        return True
    return is_public(ip) and not _ours(plain_ip)


def _ours(ip: Ip) -> bool:
    """Whether the address is one of this machine's own: what it serves there may be meant for it alone."""
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((str(ip), 9))  # nothing is sent
        return bool(ip_address(probe.getsockname()[0]) == ip)
    return False
