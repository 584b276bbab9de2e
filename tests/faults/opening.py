"""Opening a stage: on an embedded server of its own, or all of it under ``oddline up``."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

from acceptance import service as acceptance
from faults.stage import Stage
from oddline_workers.server import EmbeddedServer
from oddline_workers.settings import Settings, variable
from serving import free_port
from workers.trials import ROOTS, TESTS, trial_settings, wait_for

__all__ = ["open_stage"]

OPEN = {"submits_per_minute": 1_000_000, "reads_per_minute": 10_000_000}


class Supervised(Stage):
    """The same under ``oddline up``, which starts what ends."""

    def __init__(self, setup, folder, form):
        chosen = {"lease_seconds": form.lease, **OPEN, **setup.settings}
        self.up = Up(
            folder / "data",
            *("--workers", str(setup.processes)),
            **{variable(name): str(value) for name, value in chosen.items()},
            **setup.environment,
            TRIAL_FOLDER=str(folder),
            PYTHONPATH=os.pathsep.join([*ROOTS, str(TESTS)]),
        )
        server = EmbeddedServer(folder / "data", Settings()).start()  # attached to, as another owns it
        port = int(self.up.url.rpartition(":")[2])
        super().__init__(Settings(port=port, **chosen, **server.login()), folder, setup, server)
        self.find = self.up.find

    def prepare(self):
        wait_for(lambda: self.ready() & {child.pid for child in self.up.family()})
        wait_for(self.store.janitor_alive)
        self.empty()

    def end_processes(self):
        """What the supervisor runs is its own; it starts it anew."""

    def close(self):
        self.up.close()
        super().close()


class Up(acceptance.Service):
    """``oddline up`` with the processes of the trials in the place of its own."""

    PROGRAM = (sys.executable, "-m", "faults.up")


@contextmanager
def open_stage(setup, folder, form):
    """The stage of a setup, until the block ends."""
    if setup.supervised:
        stage = Supervised(setup, folder, form)
        try:
            yield stage
        finally:
            stage.close()
        return
    with EmbeddedServer(folder / "store", Settings(**setup.server)) as server:
        login = server.login()
        settings = trial_settings(
            login.pop("redis_url"),
            port=free_port(),
            **OPEN,
            **login,
            **{"key_prefix": server.settings.key_prefix, "lease_seconds": form.lease, **setup.settings},
        )
        stage = Stage(settings, folder, setup, server)
        try:
            yield stage
        finally:
            stage.close()
