"""How much memory a job may take, and what holds it to that."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from oddline.errors import OddlineError
from oddline_workers import machine
from oddline_workers.settings import Settings

__all__ = ["budget", "hold_to", "ran_out"]

SHARE_OF_JOBS = 0.75
"""Of the machine's memory; the rest is for the store, the gateway and the system."""

_TOLD_BY_LIBRARIES = re.compile(
    r"out of memory|(can't|cannot|unable to|failed to) allocate|bad_alloc", re.IGNORECASE
)


def budget(settings: Settings, processes: int) -> int:
    """Bytes that one job may take where so many processes run jobs on this machine."""
    return settings.job_memory_bytes or int(SHARE_OF_JOBS * machine.memory() / max(1, processes))


def hold_to(more: int) -> None:
    """Let this process take so many bytes beyond what it has, and no more: beyond it, ``MemoryError``.

    Counts what the process writes to and shares with nobody, from now to its end. Where the system does not
    tell what that is now (macOS), nothing is limited.
    """
    import resource

    with suppress(OSError, ValueError):
        kilobytes = re.search(r"VmData:\s+(\d+)", Path("/proc/self/status").read_text())
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if kilobytes:
            resource.setrlimit(resource.RLIMIT_DATA, (int(kilobytes[1]) * 1024 + more, hard))


def ran_out(error: BaseException | None) -> bool:
    """Whether the error, or what led to it, says that there was not enough memory."""
    while error is not None:
        # The words of our own errors may be those of a table.
        told = not isinstance(error, OddlineError) and _TOLD_BY_LIBRARIES.search(str(error))
        if told or isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False
