"""A host somewhere else: an HTTP server on this machine that says what a test wants it to say."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Remote", "answer", "remote"]

Says = bytes | Callable[[socket.socket], None]


@dataclass
class Remote:
    """What the host says by path, and what it was asked: the heads of the requests, as texts."""

    port: int
    scheme: str = "http"
    says: dict[str, Says] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def serve(self, wire: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (piece := wire.recv(65536)):
                return None
            head += piece
            if head.startswith(b"\x16"):  # a client that begins with TLS
                return wire.sendall(answer(status="400 Bad Request"))
        head, _, body = head.partition(b"\r\n\r\n")
        self.asked.append(head.decode("latin-1"))
        length = [line for line in head.lower().splitlines() if line.startswith(b"content-length:")]
        while length and len(body) < int(length[0].split()[1]):
            body += wire.recv(65536)
        self.bodies.append(body)
        said = self.says.get(head.split()[1].decode().partition("?")[0], answer(status="404 Not Found"))
        if callable(said):
            said(wire)
        else:
            wire.sendall(said)


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer; ``content_type="text/csv"`` is a header of it."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@contextmanager
def remote(certificate: tuple[Path, Path] | None = None, host: str = "127.0.0.1") -> Iterator[Remote]:
    """The host, with TLS where it has certificate and key, until the block ends."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    wires: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def meet(wire: socket.socket) -> None:
        # A client that goes away in mid-answer is what many tests are about.
        with suppress(OSError), wire:
            if context:
                with context.wrap_socket(wire, server_side=True) as inner:
                    wires.append(inner)
                    there.serve(inner)
            else:
                there.serve(wire)

    def accept() -> None:
        with suppress(OSError):
            while True:
                wire = listener.accept()[0]
                wires.append(wire)
                threads.append(threading.Thread(target=meet, args=(wire,), daemon=True))
                threads[-1].start()

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        there = Remote(listener.getsockname()[1], "https" if certificate else "http")
        first = threading.Thread(target=accept, daemon=True)
        first.start()
        try:
            yield there
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            first.join(5)
            for wire in wires:
                with suppress(OSError):
                    wire.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5)
