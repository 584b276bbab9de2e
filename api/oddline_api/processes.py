"""The processes of the service, in one table that ``oddline up``, the Procfile and the images share.

``python -m oddline_api.processes NAME`` becomes the process NAME, under the settings of the environment.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from oddline.errors import OddlineError
from oddline_workers.settings import Settings, from_environment, variable

__all__ = ["PROCESSES", "Process", "command", "procfile", "wanted"]

# A SIGTERM to the whole group is for the worker, which then ends its processes in order.
SOFT_STOP = {"REMAP_SIGTERM": "SIGQUIT"}

WORKER = (
    "python -m celery --app oddline_workers.app --quiet worker --without-gossip --without-mingle"
    " --without-heartbeat --loglevel {log_level}"
)


@dataclass(frozen=True)
class Process:
    """One kind of process: its command, with ``{settings}`` in braces, and what its environment adds.

    ``user`` is who it is in the store, of :mod:`oddline_workers.access`.
    """

    name: str
    user: str
    line: str
    environment: Mapping[str, str] = field(default_factory=dict)
    lane: str = ""


PROCESSES: tuple[Process, ...] = (
    Process("web", "gateway", "python -m oddline_api.gateway"),
    Process(
        "worker-cpu",
        "worker",
        WORKER + " --queues {cpu_lanes} --hostname cpu@%h --concurrency {workers}",
        SOFT_STOP,
        "cpu",
    ),
    Process(
        "worker-gpu",
        "worker",
        WORKER + " --queues gpu --hostname gpu@%h --concurrency 1",
        SOFT_STOP,
        "gpu",
    ),
    Process("worker-desk", "worker", "python -m oddline_workers.desk"),
    Process("janitor", "worker", "python -m oddline_workers.janitor"),
)
"""In the order they are started and stopped."""


def command(process: Process, settings: Settings) -> list[str]:
    """The words of a process under these settings, run by this interpreter."""
    words = [word.format_map(vars(settings)) for word in process.line.split()]
    return [sys.executable, *words[1:]]


def procfile() -> str:
    """The text of the Procfile: the same commands, with the settings left to the environment."""
    defaults = {item.name: item.default for item in fields(Settings)}

    def shell(found: re.Match[str]) -> str:
        return f"${{{variable(found[1])}:-{defaults[found[1]]}}}"

    lines = []
    for process in PROCESSES:
        assignments = "".join(f"{name}={value} " for name, value in process.environment.items())
        line = re.sub(r"{(\w+)}", shell, process.line)
        lines.append(f"{process.name}: {assignments}{line}\n")
    return "".join(lines)


def wanted(process: Process, settings: Settings) -> bool:
    """Whether ``oddline up`` starts it: not where the cpu workers serve its lane too."""
    return process.lane in ("", "cpu") or process.lane not in settings.cpu_lanes.split(",")


def main() -> None:
    """Become one process of the table: the words replace this program, so signals reach it directly."""
    known = {process.name: process for process in PROCESSES}
    if len(sys.argv) != 2 or sys.argv[1] not in known:
        sys.exit(f"usage: python -m oddline_api.processes {{{','.join(known)}}}")
    process = known[sys.argv[1]]
    try:
        words = command(process, from_environment())
    except OddlineError as error:
        sys.exit(f"oddline: {error.message}")
    os.execve(words[0], words, {**os.environ, **process.environment})  # noqa: S606


if __name__ == "__main__":
    main()
