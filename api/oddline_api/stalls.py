"""Clients that stop in the midst of sending or reading: their connection is ended, and their thread is free.

The HTTP server has no time-out for bodies, and a read or write that waits cannot be called back. What
can be done is to shut the connection below it, as if the client had gone. Which one that is, the
counters of the operating system show: of the connections from the address that is waited for, one on
which next to nothing has moved for so long. Without such counters (Linux has them) nothing is ended
here, and only the slots bound how many threads wait.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from oddline_workers.telemetry import log

__all__ = ["LEAST_BYTES", "Stalls", "Wait"]

LEAST_BYTES = 256
"""So many have to move in a second, either way."""

_COUNTERS, _COUNTERS_AT = struct.Struct("=QQ"), 120
"""In the kernel's tcp_info: bytes that the peer acknowledged, and bytes that came from it."""


@dataclass(eq=False)
class Wait:
    """A read or write that has not come back yet; ``ended`` once a connection was ended for its sake."""

    address: str
    sending: bool
    since: float = field(default_factory=time.monotonic)
    ended: bool = False


class Stalls:
    """What one gateway process waits for, and the thread that looks whether it moves.

    Parameters
    ----------
    port : int
        Where the gateway listens; no other connection is touched.
    seconds : float
        So long next to nothing may move.
    """

    def __init__(self, port: int, seconds: float) -> None:
        self.port, self.seconds = port, seconds
        self._waits: set[Wait] = set()
        self._seen: dict[int, tuple[float, int]] = {}  # by inode: since when, and what had moved by then
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextmanager
    def waiting(self, address: str, *, sending: bool = False) -> Iterator[Wait]:
        """While the block waits for the client at ``address`` to send, or to take what we send."""
        wait = Wait(address, sending)
        with self._changed:
            self._waits.add(wait)
            if self._thread is None and sys.platform == "linux":
                self._thread = threading.Thread(target=self._watch, name="stalls", daemon=True)
                self._thread.start()
            elif len(self._waits) == 1:
                self._changed.notify()
        try:
            yield wait
        finally:
            with self._changed:
                self._waits.discard(wait)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _watch(self) -> None:
        pause = min(1.0, self.seconds / 5)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waits or self._closed)
                if self._changed.wait_for(lambda: self._closed, pause):
                    return
                now = time.monotonic()
                long = [wait for wait in self._waits if now - wait.since >= pause]
            self._look(long, now)

    def _look(self, waits: list[Wait], now: float) -> None:
        """Note what moved on the connections waited for, and end those that stand still."""
        seen = {}
        for connection in _connections(self.port) if waits else ():
            with connection, suppress(OSError):
                address = connection.getpeername()[0]
                of_it = [wait for wait in waits if wait.address == address]
                if not of_it:
                    continue
                inode, moved = os.fstat(connection.fileno()).st_ino, _moved(connection)
                since, before = self._seen.get(inode, (now, moved))
                if moved - before >= LEAST_BYTES * self.seconds:
                    since, before = now, moved
                seen[inode] = since, before
                late = [wait for wait in of_it if now - max(since, wait.since) >= self.seconds]
                if late:
                    for wait in late:
                        wait.ended = True
                    # One that stopped sending can still be told why.
                    sending = any(wait.sending for wait in late)
                    connection.shutdown(socket.SHUT_RDWR if sending else socket.SHUT_RD)
                    log.info("stalled connection ended", address=address)
        self._seen = seen


def _connections(port: int) -> Iterator[socket.socket]:
    """This process's connections to its own port: copies, which stay what they are when one is closed."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # it was closed meanwhile, or is no socket
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                connection = socket.socket(fileno=os.dup(int(name)))
                if connection.family in (socket.AF_INET, socket.AF_INET6) and (
                    connection.getsockname()[1] == port
                ):
                    yield connection
                else:
                    connection.close()


def _moved(connection: socket.socket) -> int:
    """The bytes that moved on a connection, both ways."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return sum(_COUNTERS.unpack_from(info, _COUNTERS_AT))
