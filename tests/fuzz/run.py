"""``make fuzz``: coverage-guided inputs for what reads uploads, in processes of their own.

An error that is not one of ours is a crash; more than a second of computing for one input is a hang. The
first input of each kind is kept, the run goes on, and the command ends with 1. Moved to
``tests/data/fuzz`` such a file is a test, and a seed of every later run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from seeds import LONGEST, WORDS, seeds

NAMES = ("table", "gateway", "dataset")
"""The functions of targets.py. It is imported where it is run: there, coverage is watched."""
WATCHED = [
    *(
        f"oddline.{name}"
        for name in ("sniff", "table", "sources", "jsonrows", "columns", "stamps", "patterns")
    ),
    *("oddline.zones", "oddline.grid", "oddline.prepare", "oddline.catalog", "oddline_api.forms"),
    *(
        "oddline.unpacking",
        *(f"oddline_workers.datasets.{name}" for name in ("parsing", "cells", "metadata")),
    ),
]
"""Modules whose coverage guides it: those that read what a stranger sent."""
HANG = 1.0
"""Seconds of processor time that one input may take."""
ENDED = 20
"""Seconds after which libFuzzer ends a process whose input does not end."""
MEMORY = 1_024
"""MiB that one process may take."""


def main() -> None:
    """Run the processes, add up what they say, print the table; exit code 1 for anything found."""
    asked = _options()
    keep = Path(asked.keep).absolute()
    keep.mkdir(parents=True, exist_ok=True)
    began, totals = time.monotonic(), {}
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.targets:
            totals[name] = _sum(_processes(name, asked, Path(folder), keep))
    print(f"{'target':9}{'inputs':>11}{'a second':>10}{'crashes':>9}{'hangs':>7}{'slowest':>11}")
    for name, one in totals.items():
        pace = one["inputs"] / max(one["seconds"], 1e-9)
        counts = f"{one['inputs']:11,}{pace:10,.0f}{one['crashes']:9}{one['hangs']:7}"
        print(f"{name:9}{counts}{one['slowest']:9.3f} s")
    print(f"{time.monotonic() - began:.0f} s on {asked.jobs} processes\n")
    for name, one in totals.items():
        ends = ", ".join(f"{code} {count:,}" for code, count in Counter(one["ends"]).most_common())
        print(f"{name} inputs ended as {ends}")
        for words in one["found"]:
            print(words)
    sys.exit(any(one["crashes"] or one["hangs"] for one in totals.values()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs for each target")
    parser.add_argument("--seconds", type=float, default=7_200.0, help="at most, for each target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--seed", type=int, default=1, help="of the first process")
    parser.add_argument("--keep", default="out/fuzz", help="folder for inputs that crash or hang")
    parser.add_argument("--targets", nargs="+", choices=NAMES, default=NAMES)
    return parser.parse_args()


def _sum(counts: list[dict[str, Any]]) -> dict[str, Any]:
    added: dict[str, Any] = {key: sum(one[key] for one in counts) for key in ("inputs", "crashes", "hangs")}
    added |= {key: max(one[key] for one in counts) for key in ("seconds", "slowest")}
    added["ends"] = sum((Counter(one["ends"]) for one in counts), Counter())
    added["found"] = [words for one in counts for words in one["found"]]
    return added


def _nothing() -> dict[str, Any]:
    counts = {"inputs": 0, "seconds": 0.0, "crashes": 0, "hangs": 0, "slowest": 0.0}
    return {**counts, "ends": Counter(), "found": []}


def _processes(name: str, asked: argparse.Namespace, folder: Path, keep: Path) -> list[dict[str, Any]]:
    """What each process for one target counted."""
    started = []
    for number in range(asked.jobs):
        own = folder / f"{name}{number}"
        task = {
            "target": name,
            "runs": -(-asked.runs // asked.jobs),
            "seconds": asked.seconds,
            "seed": asked.seed + number,
            "own": str(own),
            "keep": str(keep),
        }
        own.mkdir()
        with Path(own, "log").open("wb") as log:
            words = [sys.executable, __file__, "--child", json.dumps(task)]
            started.append((own, subprocess.Popen(words, stdout=log, stderr=log)))
    counts = []
    for own, process in started:
        code, report = process.wait(), own / "report"
        one = json.loads(report.read_text()) if report.exists() else _nothing()
        if code:  # libFuzzer or the system ended it; its own last words say why
            one["crashes"] += 1
            one["found"].append((own / "log").read_text(errors="replace")[-4_000:])
        counts.append(one)
    return counts


class Watch:
    """Calls the target, and counts, times and keeps what goes wrong."""

    def __init__(self, targets: Any, task: dict[str, Any]) -> None:
        self.call, self.settled, self.task = getattr(targets, task["target"]), targets.settled, task
        self.count, self.places = _nothing(), set[str]()
        self.began = self.written = time.monotonic()

    def __call__(self, data: bytes) -> None:
        begun = time.process_time()
        try:
            self.count["ends"][self.call(data)] += 1
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            self.keep("crashes", f"{type(error).__name__} in {at.filename}:{at.lineno}", data, error)
        taken = time.process_time() - begun
        if taken > HANG:
            self.keep("hangs", f"more than {HANG:g} s", data)
        self.count["slowest"] = max(self.count["slowest"], taken)
        now = time.monotonic()
        self.count["inputs"] += 1
        self.count["seconds"] = now - self.began
        over = self.count["inputs"] >= self.task["runs"] or now - self.began > self.task["seconds"]
        if over or now - self.written > 1.0:
            self.written = now
            Path(self.task["own"], "report").write_text(json.dumps(self.count))
        if over:
            os._exit(0)  # libFuzzer would go on

    def keep(self, kind: str, place: str, data: bytes, error: Exception | None = None) -> None:
        """Count it, and keep the first input of each place."""
        self.count[kind] += 1
        if place not in self.places:
            self.places.add(place)
            name = f"{self.task['target']}-{self.task['seed']}-{len(self.places)}"
            Path(self.task["keep"], name).write_bytes(self.settled(data))
            more = "".join(traceback.format_exception(error)) if error else ""
            self.count["found"].append(f"{kind}: {self.task['keep']}/{name}: {place}\n{more}")


def child(task: dict[str, Any]) -> None:
    """One process: libFuzzer makes inputs, guided by the coverage of what is watched."""
    import atheris

    warnings.simplefilter("error")
    with atheris.instrument_imports(include=WATCHED):
        import targets
    own = Path(task["own"])
    for folder in ("seeds", "corpus"):
        (own / folder).mkdir()
    for number, seed in enumerate(seeds()):
        (own / "seeds" / f"{number:04}").write_bytes(seed)
    words = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in WORDS)
    (own / "words").write_text("".join(f'"{word}"\n' for word in words))
    atheris.Setup(
        [
            *("fuzz", str(own / "corpus"), str(own / "seeds"), f"-dict={own / 'words'}", "-verbosity=0"),
            *(f"-seed={task['seed']}", f"-max_len={LONGEST}", f"-timeout={ENDED}"),
            *(f"-rss_limit_mb={MEMORY}", f"-artifact_prefix={task['keep']}/{task['target']}-"),
        ],
        Watch(targets, task),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(json.loads(sys.argv[2]))
    else:
        main()
