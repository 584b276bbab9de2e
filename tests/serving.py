"""The real processes of the service: started, waited for, and stopped by their own pids."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import requests

from oddline_api.processes import PROCESSES, command
from oddline_workers.settings import Settings, variable

__all__ = ["free_port", "running", "wait_for_gateway"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(settings: Settings, *names: str) -> Iterator[None]:
    """The named processes of the table, until the block ends."""
    environment = {
        **os.environ,
        **{variable(item.name): str(getattr(settings, item.name)) for item in fields(settings)},
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    chosen = [process for process in PROCESSES if process.name in names]
    started = [
        subprocess.Popen(command(process, settings), env={**environment, **process.environment})
        for process in chosen
    ]
    try:
        yield
    finally:
        for child in started:
            child.terminate()
        for child in started:
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def wait_for_gateway(base: str, seconds: float = 30.0) -> None:
    """Until the gateway can serve."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if requests.get(base + "/readyz", timeout=2).status_code == 200:
                return
        except requests.ConnectionError:
            pass
        assert time.monotonic() < deadline, "the gateway did not come up"
        time.sleep(0.02)


def wait_until(question: Any, seconds: float = 60.0) -> Any:
    """The first true answer to a question asked again and again."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
    return answer
