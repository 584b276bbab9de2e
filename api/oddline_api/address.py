"""Where the gateway listens: a free port, a taken one, and whether somebody answers there."""

from __future__ import annotations

import socket

from oddline.errors import LimitError

__all__ = ["answers", "check_port", "free_port", "reachable"]

PATIENCE = 1.0  # seconds to wait for a connection, and for an answer


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    with socket.create_server((host, 0), family=_family(host)) as listener:
        return int(listener.getsockname()[1])


def check_port(host: str, port: int) -> None:
    """Raise LimitError (``port_in_use``) where the gateway could not listen."""
    try:
        socket.create_server((host, port), family=_family(host)).close()
    except OSError as error:
        raise LimitError(
            f"Cannot listen on {host}, port {port}: {error.strerror}. "
            "Choose another with --port, or a free one with --port 0",
            code="port_in_use",
            status=503,
        ) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def reachable(host: str) -> str:
    """The address to call what listens on ``host``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104


def answers(host: str, port: int) -> bool:
    """Whether the gateway says, within a second or two, that it lives."""
    try:
        with socket.create_connection((host, port), timeout=PATIENCE) as connection:
            connection.sendall(b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return connection.recv(64).split(b" ", 2)[1:2] == [b"200"]
    except OSError:
        return False
