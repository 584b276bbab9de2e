"""The real processes of the service: started, waited for, and stopped by their own pids."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import requests

from oddline_api.processes import PROCESSES
from oddline_api.supervisor import free_port
from oddline_workers import calls, credentials
from oddline_workers.connections import connect
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings, variable
from oddline_workers.store import JobStore

__all__ = ["Served", "free_port", "running", "serve", "wait_for_gateway", "wait_until"]


@contextmanager
def running(settings: Settings, *names: str, server: EmbeddedServer | None = None) -> Iterator[None]:
    """The named processes of the table, started as the images start them, until the block ends.

    With a server, each is its own user there.
    """
    users = {process.name: process.user for process in PROCESSES}
    started = []
    for name in names:
        own = replace(settings, **server.login(users[name])) if server else settings
        environment = {
            **os.environ,
            **{variable(item.name): str(getattr(own, item.name)) for item in fields(own)},
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        words = [sys.executable, "-m", "oddline_api.processes", name]
        started.append(subprocess.Popen(words, env=environment))
    try:
        if "worker-desk" in names:
            _wait_for_desk(settings)
        yield
    finally:
        for child in started:
            child.send_signal(signal.SIGINT)  # a gateway would take its time for SIGTERM
        for child in started:
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _wait_for_desk(settings: Settings) -> None:
    """Until what is asked of a desk is answered, and not refused because there is none yet."""
    with connect(settings, "cli") as client:
        keys = [calls.desk_key(settings.key_prefix, slot) for slot in calls.SLOTS]
        wait_until(lambda: client.exists(*keys) == len(keys))


@dataclass
class Served:
    """A gateway as a process, with a client's headers and the store behind it."""

    settings: Settings
    store: JobStore
    headers: dict[str, str]
    base: str

    def jobs(self) -> int:
        """How many jobs the store has."""
        return sum(1 for _ in self.store.client.scan_iter(self.settings.key_prefix + "job:*"))

    def send(self, head: str, *bodies: bytes, window: int = 0) -> socket.socket:
        """Send a request by hand; ``window`` bounds what the kernel takes in for its sender."""
        lines = head + "".join(f"\r\n{name}: {value}" for name, value in self.headers.items())
        wire = socket.socket()
        wire.settimeout(20)
        if window:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        wire.connect(("127.0.0.1", self.settings.port))
        wire.sendall(f"{lines}\r\nHost: x\r\nConnection: close\r\n\r\n".encode() + b"".join(bodies))
        return wire


@contextmanager
def serve(*others: str, server: EmbeddedServer | None = None, **settings: Any) -> Iterator[Served]:
    """A gateway process, and others by name, with these settings, on a server or a ``redis_url``."""
    if server:
        settings = {**server.login(), **settings}
    chosen = Settings(port=free_port(), **settings)
    store = JobStore(connect(chosen, "cli"), chosen)
    fresh = credentials.create(store.client, chosen)
    headers = {"X-IBM-Client-Id": fresh.client_id, "X-IBM-Client-Secret": fresh.client_secret}
    base = f"http://127.0.0.1:{chosen.port}"
    with running(chosen, "web", *others, server=server):
        wait_for_gateway(base)
        yield Served(chosen, store, headers, base)
    store.client.close()


def wait_for_gateway(base: str, seconds: float = 30.0) -> None:
    """Until the gateway can serve."""

    def serves() -> bool:
        try:
            return requests.get(base + "/readyz", timeout=2).status_code == 200
        except requests.ConnectionError:
            return False

    wait_until(serves, seconds)


def wait_until(question: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true answer to a question asked again and again, or a failure at the deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {question}"
        time.sleep(0.01)
    return answer
