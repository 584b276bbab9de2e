"""The gateway as a process: granian serves the app, and leaves without dropping a request.

``python -m oddline_api.gateway``, under the settings of the environment. SIGTERM lets it leave in two steps.
For ``drain_seconds`` every answer says that it is the last on its connection, so that clients with one that
is kept alive come back on another, and ``/readyz`` says 503, so that balancers send nobody any more. Then
requests in progress are waited for. SIGINT skips the first step.

Clients that were about to connect would be lost all the same, with a listening socket that is closed, or
between a connection taken and its request read. So ``oddline up`` keeps the socket and lends it to each
gateway it starts, and a gateway that leaves takes no more connections from it, while another one does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
from pathlib import Path
from threading import Timer
from typing import Any

from granian import __version__, _granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from oddline.errors import OddlineError, RunError
from oddline_api.address import BACKLOG, LISTENER
from oddline_workers.settings import Settings, from_environment

__all__ = ["main", "serving"]

LEAVE = signal.SIGUSR1
"""What the serving processes are told with to take no more."""
RELEASES = ">=2.8,<2.9"
"""The releases of granian whose inner parts, used below, are known; pyproject.toml has it too."""
LARGEST_HEAD = 65_536
"""Bytes of what comes before a body."""


class Gateway(MPServer):
    """Granian with these settings, on a socket of its own or on one that is lent."""

    def __init__(self, settings: Settings) -> None:
        self._drain_seconds = settings.drain_seconds
        self._leaving = False
        level = settings.log_level.lower()
        super().__init__(
            f"{__spec__.name}:serving",
            address=settings.host,
            port=settings.port,
            interface=Interfaces.WSGI,
            workers=settings.gateway_workers,
            blocking_threads=settings.gateway_threads,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=settings.header_timeout_ms, max_buffer_size=LARGEST_HEAD
            ),
            websockets=False,
            backlog=BACKLOG,
            log_level=LogLevels(level) if level in LogLevels.__members__ else LogLevels.info,
            ssl_cert=Path(settings.tls_cert_file) if settings.tls_cert_file else None,
            ssl_key=Path(settings.tls_key_file) if settings.tls_key_file else None,
            respawn_failed_workers=True,
            factory=True,
        )

        _check(_granian, "SocketHolder")
        _check(super(), "_init_shared_socket", "signal_handler_interrupt")
        _check(self, "_sfd", "_ssp", "_shd")

    def _init_shared_socket(self) -> None:
        if LISTENER not in os.environ:
            super()._init_shared_socket()
            return
        # As granian does where each serving process cannot have a socket of its own.
        self._sfd = int(os.environ[LISTENER])
        self._ssp, self._shd = None, _granian.SocketHolder(self._sfd, False, BACKLOG)
        self._sso = socket.socket(fileno=self._sfd)

    def signal_handler_interrupt(self, number: int, *_: Any) -> None:
        """A signal came that ends."""
        if self._leaving or number != signal.SIGTERM:
            super().signal_handler_interrupt()
            return
        self._leaving = True
        for worker in multiprocessing.active_children():
            if worker.pid is not None:
                os.kill(worker.pid, LEAVE)
        last = Timer(self._drain_seconds, super().signal_handler_interrupt)
        last.daemon = True
        last.start()


def _check(owner: Any, *names: str) -> None:
    """See to it that granian has what it promises nobody, before a request depends on it.

    Raises
    ------
    RunError
        It has not.
    """
    if missing := [name for name in names if not hasattr(owner, name)]:
        raise RunError(
            f"granian {__version__} has no {missing[0]}, which the gateway needs. "
            f"Install a release that has it: pip install 'granian{RELEASES}'.",
            code="other_granian",
        )


def serving() -> Any:
    """The WSGI app of one serving process, which is told by a signal when to take no more."""
    from oddline_api.app import create_app
    from oddline_workers.readiness import say_ready

    app = create_app()

    def leave(*_: Any) -> None:
        app.extensions["oddline"].leaving = True
        if LISTENER in os.environ:
            _let_go(int(os.environ[LISTENER]))

    signal.signal(LEAVE, leave)
    say_ready()
    return app


def _let_go(listener: int) -> None:
    """Take no more connections from a socket that others listen on.

    It cannot be closed while the server waits on it; so its number is given to one that nobody knows of.
    """
    deaf = socket.create_server(("127.0.0.1", 0))
    deaf.setblocking(False)
    os.dup2(deaf.fileno(), listener)


def main() -> None:
    """Serve until a signal ends it."""
    signal.signal(LEAVE, signal.SIG_IGN)  # a serving process may hear it before it listens to it
    try:
        gateway = Gateway(from_environment())
    except OddlineError as error:
        sys.exit(f"oddline: {error.message}")
    gateway.serve()


if __name__ == "__main__":
    main()
