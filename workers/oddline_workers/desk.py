"""The desk: answers what clients wait for. See :mod:`oddline_workers.calls` for the asker's side.

One process loads the engine and forks a child for each slot, so that what they share is there once. A child
that dies, or goes on beyond its time, is replaced, and its asker is told. ``python -m oddline_workers.desk``.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Mapping
from importlib import import_module

import redis
from redis.exceptions import RedisError

from oddline_workers import runner, telemetry
from oddline_workers.answering import OPS, AtHand, lost, missing, serve
from oddline_workers.calls import desk_key
from oddline_workers.connections import connect
from oddline_workers.readiness import say_ready
from oddline_workers.settings import Settings, from_environment
from oddline_workers.telemetry import log

__all__ = ["Desk", "load", "main"]

ALIVE_SECONDS = 5.0
"""A desk that has not been heard of for so long is gone."""
LOOK_SECONDS = 0.1
"""The desk looks this often whether its children live and keep to their time."""
OVERTIME_SECONDS = 2.0
"""A call that goes on for so long after its time is ended with its process."""
STEADY_SECONDS = 5.0
"""A child that lived for so long is replaced at once; others after a pause that grows to as much."""

Slots = Mapping[str, Mapping[str, str]]


class Desk:
    """The parent of the processes that answer; :meth:`run` until :meth:`stop`.

    Parameters
    ----------
    settings : Settings
    ops : mapping
        As :data:`oddline_workers.answering.OPS`; others are for trials.
    """

    def __init__(self, settings: Settings, ops: Slots = OPS) -> None:
        self.settings = settings
        tie = os.pipe()  # it breaks when this process ends, however it does
        self._children = [_Child(settings, slot, does, tie) for slot, does in ops.items()]
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End when the calls at hand are answered."""
        self._stopped.set()

    def run(self) -> None:
        """Fork, look after the children, and end with them."""
        for child in self._children:
            child.fork()
        client = connect(self.settings, "janitor")
        ready, next_word = False, 0.0
        while not self._stopped.wait(LOOK_SECONDS):
            for child in self._children:
                child.look(client)
            if time.monotonic() >= next_word:
                announced = self._announced(client)
                next_word = time.monotonic() + ALIVE_SECONDS / (4 if announced else 10)
                if announced and not ready:
                    say_ready()
                    ready = True
        self._end(client)
        client.close()

    def _announced(self, client: redis.Redis) -> bool:
        life = int(ALIVE_SECONDS * 1000)
        try:
            for child in self._children:
                key = desk_key(self.settings.key_prefix, child.slot)
                # A full store refuses to keep a word, but not to keep it longer.
                if not client.pexpire(key, life):
                    client.set(key, os.getpid(), px=life)
        except RedisError as error:
            log.warning("store is away", error=str(error))
            return False
        return True

    def _end(self, client: redis.Redis) -> None:
        patience = time.monotonic() + self.settings.call_seconds  # who stops all at once is not as patient
        for child in self._children:
            child.signal(signal.SIGTERM)
        while any(child.pid for child in self._children):
            for child in self._children:
                if time.monotonic() > patience:
                    child.signal(signal.SIGKILL)
                child.look(client, again=False)
            time.sleep(0.01)


class _Child:
    """The process of one slot."""

    def __init__(self, settings: Settings, slot: str, ops: Mapping[str, str], tie: tuple[int, int]) -> None:
        self.slot = slot
        self.pid = 0
        self._settings = settings
        self._ops = ops
        self._tie = tie
        self._at_hand = AtHand()
        self._begun = self._pause = self._again = 0.0

    def fork(self) -> None:
        """Start it."""
        self._at_hand.drop()
        self._begun, parent = time.monotonic(), os.getpid()
        self.pid = os.fork()
        if not self.pid:
            os.close(self._tie[1])
            serve(self._settings, self.slot, self._ops, self._at_hand, parent, self._tie[0])

    def signal(self, number: signal.Signals) -> None:
        """Pass a signal on."""
        if self.pid:
            os.kill(self.pid, number)

    def look(self, client: redis.Redis, *, again: bool = True) -> None:
        """See whether it lives and keeps to its time; start it again where it has died."""
        if self.pid:
            due, call_id = self._at_hand.read()
            if call_id and time.monotonic() > due + OVERTIME_SECONDS:
                self.signal(signal.SIGKILL)
            if os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                return
            self.pid = 0
            if call_id := self._at_hand.read()[1]:
                log.warning("call lost with its process", slot=self.slot)
                lost(client, self._settings, call_id)
            steady = time.monotonic() - self._begun > STEADY_SECONDS
            self._pause = 0.0 if steady else min(STEADY_SECONDS, 2 * self._pause + LOOK_SECONDS)
            self._again = time.monotonic() + self._pause
        if again and time.monotonic() >= self._again:
            self.fork()


def load(ops: Slots = OPS) -> None:
    """Import what calls need, so that the children share it and no asker waits for it.

    What is not installed is left out: the other calls are answered, and those to it are refused one by one.
    """
    runner.warm_up()
    for module in sorted({module for modules in ops.values() for module in modules.values()}):
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            if not missing(error, module):
                raise
            log.warning("calls are not installed", module=module)
    gc.collect()
    gc.freeze()


def main() -> None:
    """Run a desk until SIGTERM or SIGINT."""
    settings = from_environment()
    telemetry.configure(settings)
    desk = Desk(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: desk.stop())
    load()
    desk.run()


if __name__ == "__main__":
    main()
