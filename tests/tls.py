"""What a test of TLS needs: certificates, and a store that is met through TLS although it speaks none."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trustme

__all__ = ["Certificates", "tls_in_front_of"]


class Certificates:
    """A CA and the certificates it issued, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._ca = trustme.CA()
        self.ca = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Certificate and key for a host."""
        issued, cert, key = (
            self._ca.issue_cert(name),
            self.folder / f"{name}.pem",
            self.folder / f"{name}.key",
        )
        issued.private_key_pem.write_to_path(str(key))
        for number, blob in enumerate(issued.cert_chain_pems):
            blob.write_to_path(str(cert), append=number > 0)
        return cert, key


@contextmanager
def tls_in_front_of(
    path: str | Path, cert: Path, key: Path, *, client_ca: Path | None = None
) -> Iterator[int]:
    """The port on this machine where TLS connections are passed on to a unix socket, until the block ends.

    With ``client_ca``, a client must show a certificate of that CA.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    open_wires: set[socket.socket] = set()
    threads: list[threading.Thread] = []

    def run(target, *arguments):
        threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        threads[-1].start()

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(plain: socket.socket) -> None:
        with plain, socket.socket(socket.AF_UNIX) as inner:
            open_wires.add(plain)
            # Until the other side has shown what it has to show, nothing reaches the store.
            with suppress(OSError), context.wrap_socket(plain, server_side=True) as outer:
                open_wires.add(outer)
                inner.connect(str(path))
                back = threading.Thread(target=pump, args=(inner, outer), daemon=True)
                back.start()
                pump(outer, inner)
                back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                run(serve, listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        run(accept)
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for wire in open_wires:
                with suppress(OSError):
                    wire.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5)
