"""A child of the supervisor: one process kept running, its output passed on line by line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from oddline_api.guardian import end_group
from oddline_api.restarts import Restarts
from oddline_workers.plaintext import plain
from oddline_workers.readiness import READY

__all__ = ["Child", "say"]

LONGEST_LINE = 1 << 16


class Child(Restarts):
    """One command under a name, started again and again with a growing delay.

    Parameters
    ----------
    name : str
    argv : sequence of str
    environment : mapping
    lent : tuple of int
        Descriptors that the process may use.

    Attributes
    ----------
    ready : bool
        Whether the process that runs now has said that it is at work.
    pid : int or None
        The process that runs now; it leads a process group of its own.
    output : int or None
        The descriptor to wait on; :meth:`relay` reads it.
    last_words : deque of str
        The last lines it said.
    """

    def __init__(
        self, name: str, argv: Sequence[str], environment: Mapping[str, str], lent: tuple[int, ...] = ()
    ) -> None:
        super().__init__()
        self.name = name
        self.argv = list(argv)
        self.environment = dict(environment)
        self.lent = lent
        self.ready = False
        self.pid: int | None = None
        self.output: int | None = None
        self.last_words: deque[str] = deque(maxlen=3)
        self._process: subprocess.Popen[bytes] | None = None
        self._unfinished = b""

    def twin(self) -> Child:
        """Another of the same kind, not started."""
        return Child(self.name, self.argv, self.environment, self.lent)

    def start(self) -> int:
        """Start the process and return its id."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        self._process = subprocess.Popen(  # noqa: S603 (a command of our own table, no shell)
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=subprocess.STDOUT,
            env=self.environment,
            # Celery and granian look for modules in the folder they run in before they look elsewhere.
            cwd=os.sep,
            pass_fds=self.lent,
            process_group=0,  # a Ctrl-C is for the supervisor; leftovers can be ended as a group
        )
        os.close(write)
        self.pid, self.output, self.ready = self._process.pid, read, False
        self.begin()
        return self.pid

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process to end."""
        if self._process is not None:
            self._process.send_signal(number)

    def ended(self) -> bool:
        """Whether it is not running (any more)."""
        return self._process is None or self._process.poll() is not None

    def bury(self) -> int:
        """End what is left of the process and its group, pass on its last words; its exit code."""
        assert self._process is not None
        assert self.output is not None
        end_group(self._process.pid)
        code = self._process.wait()
        self.relay()
        os.close(self.output)
        self.end()
        self._process, self.pid, self.output = None, None, None
        return code

    def relay(self) -> None:
        """Pass on what the process said since the last time, without waiting for more."""
        with suppress(BlockingIOError):
            while self.output is not None and (data := os.read(self.output, 1 << 16)):
                *lines, self._unfinished = (self._unfinished + data).split(b"\n")
                if len(self._unfinished) > LONGEST_LINE:
                    lines.append(self._unfinished)
                    self._unfinished = b""
                for line in lines:
                    text = line.decode(errors="replace")
                    if text.strip():
                        self.last_words.append(text)
                        self.ready = self.ready or text == READY
                        say(self.name, text)


def say(name: str, text: str) -> None:
    """One line on stderr: with its process in front on a terminal, as a JSON object elsewhere."""
    line = (
        f"{name:10} | {plain(text)}" if sys.stderr.isatty() else json.dumps(_event(text) | {"process": name})
    )
    with suppress(OSError):  # nobody may be reading any more; the service goes on
        print(line, file=sys.stderr, flush=True)


def _event(text: str) -> dict[str, Any]:
    """The event that a line of a child is, or else tells."""
    with suppress(ValueError, RecursionError):
        if isinstance(told := json.loads(text), dict):
            return told
    return {"event": text}
