"""A hundred clients for ten minutes, while something is killed, hung or replaced every twenty seconds.

    make endurance                                       ten minutes, and the time to start and to settle
    make endurance OPTIONS='--minutes 1 --clients 20'

`oddline up` as a process, with real small jobs. What was done is counted by the records and, apart from
them, by a file that workers only append to. Ends with code 1 where a job was lost or done twice, or a
client met with an error other than a broken connection and 503.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from faults.opening import open_stage
from faults.run import FULL
from faults.stage import Setup
from harm import FAULTS, in_turn, roles
from oddline_workers.jobs import Status

HERE = Path(__file__).parent
EVERY = 20.0
"""Seconds from fault to fault."""
SETUP = Setup(
    "endurance",
    {"lease_seconds": 5.0, "log_level": "warning", "janitor_seconds": 0.5},
    processes=2,
    environment={"TRIAL_REAL_ENGINE": "yes"},
    supervised=True,
)


def main() -> None:
    """Play, count and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with TemporaryDirectory(prefix="odd-") as folder, open_stage(SETUP, Path(folder), FULL) as stage:
        stage.prepare()
        told = play(stage, given)
        found = judge(stage, told["jobs"])
    print(f"{date.today()} · {given.clients} clients, {given.minutes:g} minutes, seed {given.seed} · "
          f"{psutil.cpu_count()} cores, Python {sys.version.split()[0]}\n")  # fmt: skip
    report(told, found)
    sys.exit(bool(found["lost"] or found["doubled"] or told["errors"]))


def play(stage: Any, given: argparse.Namespace) -> dict[str, Any]:
    """The load and, from its twentieth second, the faults; what the clients saw, and the memory."""
    words = [sys.executable, str(HERE / "steady.py"), stage.base, "--clients", str(given.clients),
             "--seconds", str(60 * given.minutes)]  # fmt: skip
    clients = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert clients.stdin is not None
    json.dump(stage.headers, clients.stdin)
    clients.stdin.close()
    clients.stdin = None
    chance, struck = random.Random(given.seed), Counter[str]()
    begun, memory = time.monotonic(), {}
    try:
        for number, name in enumerate(in_turn(chance), 1):
            with suppress(subprocess.TimeoutExpired):
                clients.wait(max(0.0, begun + number * EVERY - time.monotonic()))
            if time.monotonic() > begun + 60 * given.minutes - EVERY / 2:
                break
            memory = memory or roles(stage)
            print(f"{time.monotonic() - begun:4.0f} s: {name}", file=sys.stderr)
            FAULTS[name](stage, chance)
            struck[name] += 1
        output, _ = clients.communicate(timeout=60 * given.minutes + 300)
    finally:
        clients.kill()
        clients.wait()
    return {**json.loads(output), "struck": struck, "before": memory, "after": roles(stage)}


def judge(stage: Any, acknowledged: list[str]) -> dict[str, Any]:
    """What became of the jobs, by their records and by the files of the workers."""
    known = {job.id: job for job in stage.jobs()}
    computed = {name for name, _ in stage.noted("computed")}
    kept = Counter(name for name, word in stage.noted("ends") if word.endswith(":kept"))
    done = {name for name in acknowledged if name in known and known[name].status is Status.DONE}
    twice = {name for name, count in Counter(acknowledged).items() if count > 1}
    return {
        "acknowledged": len(acknowledged),
        "done": len(done & computed),
        "lost": sorted(set(acknowledged) - (done & computed)),
        # Ended twice, told to two requests, or made for a request that was told of another.
        "doubled": sorted(
            twice | {n for n, count in kept.items() if count > 1} | set(known) - set(acknowledged)
        ),
        "again": sum(job.attempt > 1 for job in known.values()),
        "losses": sum(job.losses for job in known.values()),
    }


def report(told: dict[str, Any], found: dict[str, Any]) -> None:
    """The tables."""
    print("| what | count |\n|---|---|")
    for name, count in told["struck"].items():
        print(f"| fault: {name} | {count} |")
    print(f"| jobs acknowledged / done | {found['acknowledged']} / {found['done']} |")
    print(f"| lost / doubled | {len(found['lost'])} / {len(found['doubled'])} |")
    print(f"| begun again, and of these because a worker was lost | {found['again']}, {found['losses']} |")
    print(f"| answers 503 with Retry-After, the slowest | {told['away']}, {told['away_longest']:.1f} s |")
    print(f"| connections broken, and asked again | {sum(told['broken'].values())} |")
    print(f"| other errors | {len(told['errors'])} {told['errors'][:3] or ''} |")
    print("\n| endpoint | answers | p50 | p99 |\n|---|---|---|---|")
    for name, one in told["endpoints"].items():
        print(f"| {name} | {one['count']} | {1000 * one['p50']:.0f} ms | {1000 * one['p99']:.0f} ms |")
    print("\n| processes | MB at the start | MB at the end |\n|---|---|---|")
    for role in told["after"]:
        before, after = (
            " ".join(f"{mb:.0f}" for mb in told[when].get(role, ())) for when in ("before", "after")
        )
        print(f"| {role} | {before} | {after} |")
    for name in ("lost", "doubled"):
        if found[name]:
            print(f"\n{name}: {' '.join(found[name][:10])}")


if __name__ == "__main__":
    main()
