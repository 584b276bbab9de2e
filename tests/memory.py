"""The most memory a call takes, as the operating system counts it: that of C libraries too."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["peak_of", "peak_since", "reset_peak"]

MIB = 1 << 20


def peak_of(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call gives, or the error it raises, and the MiB that this process grew by meanwhile."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)  # else it grows into what an earlier call has left
    pid = os.getpid()
    before = reset_peak(pid)
    try:
        given = call()
    except Exception as error:
        given = error
    return given, peak_since(pid, before)


def reset_peak(pid: int) -> float:
    """Forget the peak of a process; its size now, in MiB. 0 where the system does not say."""
    if sys.platform != "linux":
        return 0.0
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _status(pid, "VmRSS")


def peak_since(pid: int, before: float) -> float:
    """How far the peak lies above ``before``, in MiB; 0 where the system does not say."""
    return _status(pid, "VmHWM") - before if sys.platform == "linux" else 0.0


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024 / MIB
    raise LookupError(name)
