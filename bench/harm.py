"""What is done to a running service while its clients go on: one function a fault, in a seeded order."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil

from workers.trials import wait_for

__all__ = ["FAULTS", "in_turn", "roles"]

GATEWAY, WORKER, JANITOR = "faults.gateway", "celery", "faults.janitor"
HANG_SECONDS = 5.0


def kill_worker_process(stage: Any, chance: random.Random) -> None:
    """What the kernel does where memory is short."""
    chance.choice(main_process(stage, WORKER).children()).kill()


def kill_worker(stage: Any, chance: random.Random) -> None:
    """Main process and all of its children."""
    os.killpg(main_process(stage, WORKER).pid, signal.SIGKILL)


def suspend_worker(stage: Any, chance: random.Random) -> None:
    """All of it, for longer than its lease."""
    parent = main_process(stage, WORKER)
    halt([parent, *parent.children(recursive=True)], stage.settings.lease_seconds + 1.0 + chance.random())


def stop_worker(stage: Any, chance: random.Random) -> None:
    """Asked to end, as a deployment does."""
    main_process(stage, WORKER).terminate()


def kill_server(stage: Any, chance: random.Random) -> None:
    """The store's process."""
    wait_for(stage.up.server).kill()


def hang_server(stage: Any, chance: random.Random) -> None:
    """It takes connections and answers nobody."""
    halt([wait_for(stage.up.server)], HANG_SECONDS)


def drop_connections(stage: Any, chance: random.Random) -> None:
    """Every connection to the store but ours."""
    own = stage.client.client_id()
    for one in stage.client.client_list():
        if int(one["id"]) != own:
            stage.client.client_kill_filter(_id=one["id"])


def kill_gateway(stage: Any, chance: random.Random) -> None:
    """Its main process, or the one that serves."""
    parent = main_process(stage, GATEWAY)
    chance.choice([parent, *parent.children()]).kill()


def restart_all(stage: Any, chance: random.Random) -> None:
    """`oddline restart`: each part replaced in turn."""
    before = renewed(stage)
    words = [sys.executable, "-m", "oddline_api.cli", "restart", "--data", str(stage.up.data)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    wait_for(lambda: renewed(stage) >= before + 4, seconds=60.0)


FAULTS: dict[str, Callable[[Any, random.Random], None]] = {
    "a process of the worker is killed": kill_worker_process,
    "the worker is killed": kill_worker,
    "the worker is suspended beyond its lease": suspend_worker,
    "the worker is asked to stop": stop_worker,
    "the server is killed": kill_server,
    f"the server hangs for {HANG_SECONDS:g} s": hang_server,
    "all connections to the server are dropped": drop_connections,
    "the gateway is killed": kill_gateway,
    "every part is replaced": restart_all,
}


def in_turn(chance: random.Random) -> Iterator[str]:
    """The names of the faults: all of them, shuffled, again and again."""
    while True:
        yield from chance.sample(list(FAULTS), len(FAULTS))


def main_process(stage: Any, word: str) -> psutil.Process:
    """The main process of a part, waited for where the supervisor is about to start it."""
    return wait_for(lambda: stage.find(word))  # type: ignore[no-any-return]


def halt(processes: list[psutil.Process], seconds: float) -> None:
    """Suspend processes for a time."""
    for process in processes:
        process.suspend()
    try:
        time.sleep(seconds)
    finally:
        for process in processes:
            process.resume()


def renewed(stage: Any) -> int:
    """How many parts have been replaced so far."""
    return sum(text == "was renewed" for _, text in stage.up.said())


def roles(stage: Any) -> dict[str, list[float]]:
    """The resident megabytes of every process, by what it is."""
    found: dict[str, list[float]] = {}
    supervisor = psutil.Process(stage.up.process.pid)
    add(found, "supervisor", supervisor)
    for process in supervisor.children():
        words = process.cmdline()
        if GATEWAY in words:
            add(found, "gateway, main", process)
            add(found, "gateway, serving", *process.children())
        elif WORKER in words:
            add(found, "worker, main", process)
            add(found, "worker process", *process.children())
            add(found, "keeper", *(keeper for child in process.children() for keeper in child.children()))
        elif JANITOR in words:
            add(found, "janitor", process)
        elif process.name() in ("valkey-server", "redis-server"):
            add(found, "server", process)
        else:
            add(found, "guardian", process)
    return found


def add(found: dict[str, list[float]], role: str, *processes: psutil.Process) -> None:
    """Note the memory of some processes."""
    found.setdefault(role, []).extend(process.memory_info().rss / 1e6 for process in processes)
