"""What desks of the trials do; and a desk in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

from oddline.errors import DataError
from oddline_workers.answering import OPS
from oddline_workers.desk import Desk
from oddline_workers.settings import from_environment

TRIALS = {
    slot: dict.fromkeys(("echo", "nap", "spin", "die", "refuse", "fail", "hoard"), __name__) for slot in OPS
}


def echo(client: Any, settings: Any, told: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    return {"told": told, "process": os.getpid()}, data


def nap(client: Any, settings: Any, told: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    client.set(settings.key_prefix + "answer:begun", os.getpid())
    time.sleep(told["seconds"])
    client.incr(settings.key_prefix + "answer:naps")
    return {"process": os.getpid()}, b""


def spin(client: Any, settings: Any, told: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Deaf to signals."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    client.set(settings.key_prefix + "answer:begun", os.getpid())
    time.sleep(60)
    return {}, b""


def die(client: Any, settings: Any, told: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def refuse(client: Any, settings: Any, told: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    raise DataError("Row 3 of column a is a word.", code="not_a_number", column="a", row=3)


def fail(client: Any, settings: Any, told: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    raise ValueError(json.dumps(told))


def hoard(client: Any, settings: Any, told: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    return {"bytes": len(bytearray(1 << 30))}, b""


if __name__ == "__main__":
    desk = Desk(
        from_environment(),
        {
            slot: {**dict.fromkeys(does, "workers.desks"), "absent": "workers.absent.at_all"}
            for slot, does in TRIALS.items()
        },
    )
    signal.signal(signal.SIGTERM, lambda *_: desk.stop())
    desk.run()
    sys.exit(0)
