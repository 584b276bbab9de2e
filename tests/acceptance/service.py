"""``oddline up`` as a process, seen from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from oddline_api.client import Client

ODDLINE = [
    sys.executable,
    "-P",
    "-m",
    "oddline_api.cli",
]  # as the script is: without the folder it is called in
PATIENCE = 60.0  # seconds, for machines that are busy with other things


def environment(**more: str) -> dict[str, str]:
    """This process's environment without any setting of ours, and these."""
    return {k: v for k, v in os.environ.items() if not k.startswith("ODDLINE_")} | more


def oddline(*words: object, **more: str) -> subprocess.CompletedProcess[str]:
    """One call of the command line."""
    return subprocess.run(
        [*ODDLINE, *map(str, words)],
        capture_output=True,
        text=True,
        env=environment(**more),
        timeout=3 * PATIENCE,  # a restart takes a while on a machine with other things to do
    )


def gone(processes: list[psutil.Process]) -> bool:
    """Whether none of them runs; a zombie, which only waits to be taken note of, does not."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                return False
    return True


class Service:
    """One ``oddline up``; ``facts`` is its ready line."""

    PROGRAM = ODDLINE

    def __init__(self, data: Path, *words: str, cwd: Path | None = None, **settings: str) -> None:
        self.data = data
        self.log = data.parent / f"up-{time.monotonic_ns()}.log"
        with self.log.open("wb") as errors:
            self.process = subprocess.Popen(
                [*self.PROGRAM, "up", "--json", "--port", "0", "--data", str(data), "--workers", "1", *words],
                cwd=cwd,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(
                    **{"ODDLINE_LEASE_SECONDS": "3", "ODDLINE_JANITOR_SECONDS": "0.1", **settings}
                ),
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        self.facts = json.loads(line)
        self.url = self.facts["url"]

    def client(self, account: dict[str, str] | None = None) -> Client:
        account = account or self.facts
        return Client(self.url, account["client_id"], account["client_secret"])

    def said(self) -> list[tuple[str, str]]:
        """What the processes said so far, as (process, text)."""
        lines = map(json.loads, self.log.read_text().splitlines())
        return [(line["process"], line["event"]) for line in lines]

    def family(self) -> list[psutil.Process]:
        """Every process of the service but the supervisor."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def server(self) -> psutil.Process | None:
        """The embedded server's process."""
        for process in self.family():
            with suppress(psutil.Error):
                if process.name() in ("valkey-server", "redis-server"):
                    return process
        return None

    def find(self, *words: str) -> psutil.Process | None:
        """The child whose command has these words, the main one of its group."""
        for process in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error, ProcessLookupError):
                if os.getpgid(process.pid) == process.pid and set(words) <= set(process.cmdline()):
                    return process
        return None

    def stop(self) -> float:
        """Ask it to stop; the seconds that took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.close()
        return time.monotonic() - began

    def close(self) -> None:
        """Nothing of it is left, whatever happened."""
        family = self.family()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.stdout.close()
