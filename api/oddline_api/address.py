"""Where the gateway listens: a free port, a taken one, its certificate, and whether somebody answers there.

``python -m oddline_api.address`` ends with 0 where the gateway of these settings is ready, for health checks.
"""

from __future__ import annotations

import socket
import ssl
import sys

from oddline.errors import LimitError, ParameterError
from oddline_workers.settings import Settings, from_environment

__all__ = ["BACKLOG", "LISTENER", "answers", "check_certificate", "free_port", "listen", "reachable"]

LISTENER = "ODDLINE_LISTENER"
"""The variable with the descriptor of a listening socket that is lent to a gateway."""
BACKLOG = 1024  # connections that wait to be taken
PATIENCE = 1.0  # seconds to wait for a connection, and for an answer


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    with socket.create_server((host, 0), family=_family(host)) as listener:
        return int(listener.getsockname()[1])


def listen(host: str, port: int) -> socket.socket:
    """The socket on which gateways take connections; LimitError (``port_in_use``) where that cannot be."""
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        listener = socket.create_server(
            (host, port), family=_family(host), backlog=BACKLOG, dualstack_ipv6=both
        )
        # Connections inherit it. Without it the end of an answer waits 40 ms for word of its beginning.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise LimitError(
            f"Cannot listen on {host}, port {port}: {error.strerror}. "
            "Choose another with --port, or a free one with --port 0",
            code="port_in_use",
            status=503,
        ) from error


def check_certificate(settings: Settings) -> None:
    """Raise ParameterError where the gateway could not speak https with its certificate and key."""
    cert, key = settings.tls_cert_file, settings.tls_key_file
    if bool(cert) != bool(key):
        one, other = ("CERT", "KEY") if cert else ("KEY", "CERT")
        name = f"ODDLINE_TLS_{other}_FILE"
        raise ParameterError(
            f"ODDLINE_TLS_{one}_FILE is set and {name} is not; expected both.", parameter=name
        )
    if not cert:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=_no_password)
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise ParameterError(
            f"The certificate {cert} and the key {key} cannot be used: {why}. Expected PEM files that belong "
            "together, the key without a password.",
            parameter="ODDLINE_TLS_CERT_FILE",
        ) from error


def _no_password() -> str:
    raise ValueError("the key has a password")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def reachable(host: str) -> str:
    """The address to call what listens on ``host``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104


def answers(settings: Settings, path: str = "/livez") -> bool:
    """Whether the gateway of these settings answers, within a second or two, that it lives."""
    try:
        with _connection(settings) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            return connection.recv(64).split(b" ", 2)[1:2] == [b"200"]
    except OSError:
        return False


def _connection(settings: Settings) -> socket.socket:
    plain = socket.create_connection((reachable(settings.host), settings.port), timeout=PATIENCE)
    if not settings.tls_cert_file:
        return plain
    # It asks whether the process lives, and tells it nothing. A certificate that has run out is for
    # clients to refuse, not a reason to start the gateway anew.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


if __name__ == "__main__":
    sys.exit(0 if answers(from_environment(), "/readyz") else 1)
