"""``oddline up``: starts the service's processes in order, restarts what dies, stops all in order.

One thread, one loop: it waits on the processes' output, on signals (through a wake-up socket) and
on the next restart that is due.
"""

from __future__ import annotations

import math
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from oddline.errors import OddlineError, RunError
from oddline_api.address import answers, check_certificate, check_port, free_port, reachable
from oddline_api.child import Child, say
from oddline_api.guardian import SERVER, Guardian, end_group
from oddline_api.processes import PROCESSES, Process, additions, command, wanted
from oddline_api.restarts import Restarts
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings, variable

__all__ = ["Supervisor", "free_port"]

GRACE = {"web": 1.5, "janitor": 0.5, SERVER: 1.5}  # seconds; workers: settings.shutdown_seconds and one more
JANITOR_LATER = 1.5  # seconds after the first answer: until then the workers need the processor more
TRIES = 4  # starts of the gateway before its first answer
PROBE_EVERY = 3.0  # seconds between questions whether the gateway still answers
OF_CLIENTS = ("ODDLINE_CLIENT_ID", "ODDLINE_CLIENT_SECRET")  # no business of the service's processes
SILENCE = 20.0  # seconds without an answer after which it is started anew


class Supervisor:
    """The service as one process tree.

    Parameters
    ----------
    settings : Settings
        With a ``redis_url``, no server is embedded. ``port`` must not be 0 (see :func:`free_port`).
    data : path
        The folder of the embedded server.
    prepare : callable
        Called once, when the store answers and the gateway is on its way.
    announce : callable
        Called once, when the gateway answers.
    leash : bool
        Whether the end of stdin stops the service, as a signal does.
    """

    def __init__(
        self,
        settings: Settings,
        data: str | os.PathLike[str],
        *,
        prepare: Callable[[], None],
        announce: Callable[[], None],
        leash: bool = False,
    ) -> None:
        self.prepare = prepare
        self.settings = settings
        self.announce = announce
        self.server = None if settings.redis_url else EmbeddedServer(data, settings)
        self.children: dict[str, Child] = {}
        self._server_restarts, self._server_down = Restarts(), False
        self._leash = leash
        self._stopping = 0
        self._launching = False
        self._ready = False
        self._heard = self._probed = 0.0
        self._selector = selectors.DefaultSelector()
        self._guardian: Guardian | None = None

    def login(self, user: str) -> dict[str, Any]:
        """The settings with which a user meets the store, where they are not those of this process."""
        return self.server.login(user) if self.server else {}

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        host = reachable(self.settings.host)
        scheme = "https" if self.settings.tls_cert_file else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.settings.port}"

    def run(self) -> None:
        """Start, keep running until a signal says stop, stop.

        Raises
        ------
        LimitError
            The data folder or the port is in use.
        ParameterError
            The gateway's certificate cannot be used.
        RunError
            The gateway does not start.
        """
        check_port(self.settings.host, self.settings.port)
        check_certificate(self.settings)
        with self._wakened_by_signals():
            try:
                if self.server:
                    with self._interruptible():
                        self.server.start(attach=False)
                self._guardian = Guardian()
                self._tell_server()
                for process in PROCESSES:
                    if wanted(process, self.settings):
                        words = command(process, self.settings)
                        self.children[process.name] = Child(process.name, words, self._environment(process))
                self._start(self.children["web"])
                self.prepare()
                # The first answer is waited for; the janitor's first look is not.
                self.children["janitor"].due = math.inf
                while not self._stopping:
                    self._turn()
            finally:
                self._stop()

    def _turn(self) -> None:
        """One round: what is due is started, what was said is passed on, what ended is noted."""
        now = time.monotonic()
        for child in self.children.values():
            if child.pid is None and child.due <= now:
                self._start(child)
        if now - self._probed >= (PROBE_EVERY if self._ready else 0.0):
            self._probe(now)
        waits = [child.due - now for child in self.children.values() if child.pid is None]
        if self._server_down:
            waits.append(self._server_restarts.due - now)
        self._pump(max(0.0, min([1.0 if self._ready else 0.02, *waits])))
        self._notice_ends()
        if self.server:
            self._keep_server(self.server)

    def _probe(self, now: float) -> None:
        """Ask the gateway whether it lives; one that was heard and is silent for long is ended."""
        self._probed = now
        gateway = self.children["web"]
        if answers(self.settings):
            if not self._ready:
                self._ready = True
                self.announce()
                self.children["janitor"].due = now + JANITOR_LATER
            self._heard = time.monotonic()
        elif gateway.pid is None:
            self._heard = now  # it has its time again from its next start
        elif self._ready and now - self._heard > SILENCE:
            say(gateway.name, f"did not answer for {SILENCE:g} s; is ended")
            end_group(gateway.pid)
            self._heard = now

    def _start(self, child: Child) -> None:
        pid = child.start()
        assert child.output is not None
        assert self._guardian is not None
        self._selector.register(child.output, selectors.EVENT_READ, child.relay)
        self._guardian.tell(child.name, pid)

    def _environment(self, process: Process) -> dict[str, str]:
        changed = {
            **self.login(process.user),
            "host": self.settings.host,
            "port": self.settings.port,
            "workers": self.settings.workers,
        }
        # PYTHONSAFEPATH: a celery.py or random.py in the folder the user happens to be in is not ours.
        return {
            **{name: value for name, value in os.environ.items() if name not in OF_CLIENTS},
            "PYTHONSAFEPATH": "1",
            **{variable(name): str(value) for name, value in changed.items()},
            **additions(process, self.settings),
        }

    def _notice_ends(self) -> None:
        for child in self.children.values():
            if child.pid is not None and child.ended():
                code = self._bury(child)
                say(
                    child.name,
                    f"ended with code {code}; starts again in {child.due - time.monotonic():.1f} s",
                )
                if child.name == "web" and not self._ready and child.failures >= TRIES:
                    raise RunError(
                        "The gateway does not start: " + " / ".join(child.last_words), code="no_gateway"
                    )

    def _keep_server(self, server: EmbeddedServer) -> None:
        """Start a server that ended again, with a delay that grows while it does not stay up."""
        if server.alive():
            return
        if not self._server_down:
            self._server_down = True
            say(SERVER, f"ended; starts again in {self._server_restarts.end():.1f} s")
        if time.monotonic() < self._server_restarts.due:
            return
        self._server_restarts.begin()
        try:
            with self._interruptible():
                server.launch()
        except (OddlineError, OSError) as error:
            say(SERVER, f"{error}; tried again in {self._server_restarts.end():.1f} s")
        self._server_down = not server.alive()
        self._tell_server()

    def _tell_server(self) -> None:
        if self.server and self.server.pid and self.server.alive() and self._guardian:
            self._guardian.tell(SERVER, self.server.pid)

    def _bury(self, child: Child) -> int:
        assert child.output is not None
        self._selector.unregister(child.output)
        return child.bury()

    def _stop(self) -> None:
        """Gateway, workers, janitor, server: each asked to end, and made to after its grace."""
        lanes = [process.name for process in PROCESSES if process.lane]
        self._stop_batch(["web"], GRACE["web"])
        self._stop_batch(lanes, self.settings.shutdown_seconds + 1.0)
        self._stop_batch(["janitor"], GRACE["janitor"])
        if self.server and self.server.owned:
            self.server.stop(GRACE[SERVER])
            say(SERVER, "stopped")
        if self._guardian:
            self._guardian.dismiss()

    def _stop_batch(self, names: list[str], grace: float) -> None:
        batch = [c for c in self.children.values() if c.name in names and c.pid is not None]
        deadline = time.monotonic() + grace
        for child in batch:
            child.terminate()
        # A second signal means that somebody is in a hurry.
        while self._stopping < 2 and time.monotonic() < deadline and not all(c.ended() for c in batch):
            self._pump(0.02)
        for child in batch:
            say(child.name, f"stopped with code {self._bury(child)}")

    def _pump(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            key.data()

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """A server with a long journal is waited for outside the loop: let a signal end that."""
        self._launching = True
        try:
            yield
        finally:
            self._launching = False

    @contextmanager
    def _wakened_by_signals(self) -> Iterator[None]:
        """Signals end the wait of the loop: CHLD to look for ends, TERM, INT and HUP to stop."""
        read, write = socket.socketpair()
        read.setblocking(False)
        write.setblocking(False)

        def drain() -> None:
            with suppress(BlockingIOError):
                read.recv(4096)

        def stop(number: int, frame: Any) -> None:
            self._stopping += 1
            if self._launching:
                raise KeyboardInterrupt

        def pulled() -> None:
            if not os.read(0, 4096):
                self._selector.unregister(0)
                self._stopping += 1

        handlers = dict.fromkeys((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), stop)
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda number, frame: None)
        wakeup = signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
        self._selector.register(read, selectors.EVENT_READ, drain)
        if self._leash:
            self._selector.register(0, selectors.EVENT_READ, pulled)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            read.close()
            write.close()
