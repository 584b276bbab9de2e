"""The processes of one service: each under its name, at times two of a kind, and their end."""

from __future__ import annotations

import selectors
import signal
import time
from collections.abc import Callable, Sequence

from oddline_api.child import Child, say
from oddline_api.guardian import Guardian

__all__ = ["Family"]


class Family:
    """Children by name, whose output is waited for with a selector.

    Attributes
    ----------
    children : dict of str to Child
    beside : Child or None
        A second one of a kind: a fresh one that is about to take the place of the other, or the one
        that has been replaced and leaves.
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self.children: dict[str, Child] = {}
        self.beside: Child | None = None
        self._selector = selector
        self._guardian: Guardian | None = None

    def guard(self) -> None:
        """From now on somebody ends them if we are killed."""
        self._guardian = Guardian()

    def dismiss(self) -> None:
        """They were all ended."""
        if self._guardian is not None:
            self._guardian.dismiss()

    def tell(self, name: str, pid: int | None) -> None:
        """The guardian is to know which process runs under a name."""
        if self._guardian is not None:
            self._guardian.tell(name, pid or 0)

    def start(self, child: Child) -> None:
        """Start a child."""
        child.start()
        assert child.output is not None
        self._selector.register(child.output, selectors.EVENT_READ, child.relay)
        self._tell_of(child)

    def start_beside(self, name: str) -> Child:
        """Start another of a kind."""
        self.beside = self.children[name].twin()
        self.start(self.beside)
        return self.beside

    def exchange(self) -> Child:
        """The one beside and the other of its kind change places; who is beside now."""
        assert self.beside is not None
        fresh, self.beside = self.beside, self.children[self.beside.name]
        self.children[fresh.name] = fresh
        self._tell_of(self.beside)
        self._tell_of(fresh)
        return self.beside

    def bury(self, child: Child) -> int:
        """End what is left of a child; its exit code."""
        assert child.output is not None
        self._selector.unregister(child.output)
        return child.bury()

    def bury_beside(self) -> None:
        """End what is left of the one beside."""
        if self.beside is not None and self.beside.pid is not None:
            self.bury(self.beside)
            self._tell_of(self.beside)
        self.beside = None

    def end(
        self,
        names: Sequence[str],
        grace: float,
        hurry: Callable[[], bool],
        number: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Ask some to end, with a signal, and make them after their grace, or when there is a hurry."""
        everybody = [*self.children.values(), *filter(None, [self.beside])]
        batch = [child for child in everybody if child.name in names and child.pid is not None]
        deadline = time.monotonic() + grace
        for child in batch:
            child.terminate(number)
        while not hurry() and time.monotonic() < deadline and not all(child.ended() for child in batch):
            self.pump(0.02)
        for child in batch:
            say(child.name, f"stopped with code {self.bury(child)}")

    def pump(self, seconds: float) -> None:
        """Wait for something to happen, and let it."""
        for key, _ in self._selector.select(seconds):
            key.data()

    def _tell_of(self, child: Child) -> None:
        self.tell(child.name + ("-beside" if child is self.beside else ""), child.pid)
