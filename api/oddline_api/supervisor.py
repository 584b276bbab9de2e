"""``oddline up``: starts the service's processes in order, restarts what dies, stops all in order.

One thread, one loop: it waits on the processes' output, on signals (through a wake-up socket) and
on the next restart that is due. The socket on which gateways take connections is kept here, so that
clients wait, instead of being refused, while there is none.
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
from dataclasses import fields
from typing import Any

from oddline.errors import OddlineError, RunError
from oddline_api.address import LISTENER, answers, check_certificate, free_port, listen, reachable
from oddline_api.child import Child, say
from oddline_api.family import Family
from oddline_api.guardian import SERVER, end_group
from oddline_api.processes import PROCESSES, Process, command, wanted
from oddline_api.renewal import renew
from oddline_api.restarts import Restarts
from oddline_workers import machine, memory
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings, variable

__all__ = ["Supervisor", "free_port"]

GRACE = {"web": 1.5, "janitor": 0.5, SERVER: 1.5}  # seconds; workers: settings.shutdown_seconds and one more
LATER = {"worker-desk": 6.0, "janitor": 1.5}
"""Seconds after the first answer: until then the workers need the processor more. A desk starts sooner,
as soon as they are all ready."""
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
        self._renewal: Iterator[None] | None = None
        self._renewals, self._asked = 0, False
        self._listener: socket.socket | None = None
        self._server_restarts, self._server_down = Restarts(), False
        self._leash = leash
        self._stopping = 0
        self._launching = False
        self._ready = False
        self._heard = self._probed = 0.0
        self._selector = selectors.DefaultSelector()
        self.family = Family(self._selector)

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
        check_certificate(self.settings)
        with (
            listen(self.settings.host, self.settings.port) as self._listener,
            self._wakened_by_signals(),
        ):
            try:
                if self.server:
                    with self._interruptible():
                        self.server.start(attach=False)
                self.family.guard()
                self._tell_server()
                for process in PROCESSES:
                    if wanted(process, self.settings):
                        self.family.children[process.name] = self._child(process)
                self.family.start(self.family.children["web"])
                self.prepare()
                # The first answer is waited for; a desk, and the janitor's first look, are not.
                for name in self.family.children.keys() & LATER.keys():
                    self.family.children[name].due = math.inf
                while not self._stopping:
                    self._turn()
            finally:
                self._stop()

    def _turn(self) -> None:
        """One round: what is due is started, what was said is passed on, what ended is noted."""
        now = time.monotonic()
        self._call_desk(now)
        for child in self.family.children.values():
            if child.pid is None and child.due <= now:
                self.family.start(child)
        if now - self._probed >= (PROBE_EVERY if self._ready else 0.0):
            self._probe(now)
        waits = [child.due - now for child in self.family.children.values() if child.pid is None]
        if self._server_down:
            waits.append(self._server_restarts.due - now)
        if self._asked and self._ready and self._renewal is None:
            self._asked = False  # who asks from here on asks for another
            self._renewals += 1
            self._renewal = renew(self, self._renewals)
        if self._renewal is not None and next(self._renewal, self) is self:
            self._renewal = None
        quick = not self._ready or self._renewal is not None
        self.family.pump(max(0.0, min([0.02 if quick else 1.0, *waits])))
        self._notice_ends()
        if self.server:
            self._keep_server(self.server)

    def _call_desk(self, now: float) -> None:
        """Start the desk when the workers are ready: it loads what they load, on the same processors."""
        desk = self.family.children.get("worker-desk")
        if not self._ready or desk is None or desk.failures or desk.pid is not None:
            return
        lanes = [process.name for process in PROCESSES if process.lane]
        if all(self.family.children[name].ready for name in lanes if name in self.family.children):
            desk.due = min(desk.due, now)

    def _probe(self, now: float) -> None:
        """Ask the gateway whether it lives; one that was heard and is silent for long is ended."""
        self._probed = now
        gateway = self.family.children["web"]
        if gateway.ready and answers(self.settings):
            if not self._ready:
                self._ready = True
                self.announce()
                for name in self.family.children.keys() & LATER.keys():
                    self.family.children[name].due = now + LATER[name]
            self._heard = time.monotonic()
        elif gateway.pid is None:
            self._heard = now  # it has its time again from its next start
        elif self._ready and now - self._heard > SILENCE:
            say(gateway.name, f"did not answer for {SILENCE:g} s; is ended")
            end_group(gateway.pid)
            self._heard = now

    def _child(self, process: Process) -> Child:
        environment, lent = self._environment(process), ()
        if process.name == "web" and self._listener is not None:
            lent = (self._listener.fileno(),)
            environment[LISTENER] = str(lent[0])
        return Child(process.name, command(process, self.settings), environment, lent)

    def _environment(self, process: Process) -> dict[str, str]:
        files = {
            item.name: os.path.abspath(value)
            for item in fields(self.settings)
            if item.metadata["unit"] == "path" and (value := getattr(self.settings, item.name))
        }
        changed = {
            **files,
            **self.login(process.user),
            "host": self.settings.host,
            "port": self.settings.port,
            "workers": self.settings.workers,
            "job_memory_bytes": memory.budget(self.settings, self._jobs_at_a_time()),
        }
        # A celery.py or random.py in the folder the user happens to be in is not ours: the processes run
        # elsewhere, and are told where files are that were named from here.
        return {
            **{name: value for name, value in os.environ.items() if name not in OF_CLIENTS},
            "PYTHONPATH": _absolute(os.environ.get("PYTHONPATH", "")),
            "PYTHONSAFEPATH": "1",
            **{variable(name): str(value) for name, value in changed.items()},
            **process.environment,
        }

    def _jobs_at_a_time(self) -> int:
        """The processes of all lanes, which share this machine."""
        lanes = [process.lane for process in PROCESSES if process.lane and wanted(process, self.settings)]
        return sum((self.settings.workers or machine.cores()) if lane == "cpu" else 1 for lane in lanes)

    def _notice_ends(self) -> None:
        for child in self.family.children.values():
            if child.pid is not None and child.ended():
                code = self.family.bury(child)
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
        if self.server and self.server.alive():
            self.family.tell(SERVER, self.server.pid)

    def _stop(self) -> None:
        """Gateway, workers, janitor, server: each asked to end, and made to after its grace."""
        workers = [process.name for process in PROCESSES if process.name.startswith("worker-")]

        def hurry() -> bool:
            return self._stopping > 1  # somebody has sent a second signal

        if self._listener is not None:
            self._listener.close()  # who comes now is refused as soon as the gateway ends
        # The gateway at once: there is no other that its clients could turn to.
        self.family.end(["web"], GRACE["web"], hurry, signal.SIGINT)
        self.family.end(workers, self.settings.shutdown_seconds + 1.0, hurry)
        self.family.end(["janitor"], GRACE["janitor"], hurry)
        if self.server and self.server.owned:
            self.server.stop(GRACE[SERVER])
            say(SERVER, "stopped")
        self.family.dismiss()

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
        """Signals end the wait of the loop: CHLD to look for ends, TERM, INT, HUP to stop, USR1 to renew."""
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

        def begin(number: int, frame: Any) -> None:
            self._asked = True

        def pulled() -> None:
            if not os.read(0, 4096):
                self._selector.unregister(0)
                self._stopping += 1

        handlers = dict.fromkeys((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), stop)
        handlers[signal.SIGUSR1] = begin
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


def _absolute(paths: str) -> str:
    """The folders of a search path, wherever they are looked for from."""
    return os.pathsep.join(os.path.abspath(path) for path in paths.split(os.pathsep) if path)
