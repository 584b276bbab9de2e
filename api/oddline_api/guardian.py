"""The guardian: a tiny process that outlives a supervisor killed by force and ends what it left behind."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from oddline_workers.server import runs

__all__ = ["Guardian", "end_group"]

SERVER = "server"


class Guardian:
    """A forked watcher that hears of every started process and acts only when its parent vanishes.

    A pipe ties the two: the kernel closes the parent's end however the parent dies. Start it while
    the process has one thread, and after the lock on the data folder is taken: the watcher keeps
    that lock, so nobody else uses the folder until it is tidy.
    """

    def __init__(self) -> None:
        read, self._pipe = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._pipe)
                os.setsid()
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
                    signal.signal(number, signal.SIG_IGN)
                signal.set_wakeup_fd(-1)
                _watch(read)
            finally:
                os._exit(0)
        os.close(read)

    def tell(self, name: str, pid: int) -> None:
        """The process that now runs under a name; 0 for none any more."""
        os.write(self._pipe, f"{name} {pid}\n".encode())

    def dismiss(self) -> None:
        """Everything was stopped in order: end the watcher without its doing anything."""
        os.write(self._pipe, b"over 0\n")
        os.close(self._pipe)
        os.waitpid(self._pid, 0)


def end_group(pid: int) -> None:
    """End a process group by force; one that is gone already is fine."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _watch(pipe: int) -> None:
    running: dict[str, int] = {}
    with os.fdopen(pipe) as told:
        for line in told:
            name, pid = line.split()
            if name == "over":
                return
            running[name] = int(pid)
            if not running[name]:
                del running[name]
    # Leases and attempt numbers make a job cut off here safe to run again, so no grace is given.
    server = running.pop(SERVER, None)
    for group in running.values():
        end_group(group)
    if server is not None:
        _end_server(server)


def _end_server(pid: int) -> None:
    deadline = time.monotonic() + 5
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        while runs(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
