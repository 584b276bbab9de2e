"""How well detectors find what is labelled: every pair of the catalogue, floors and peers, on a folder.

    python bench/quality.py FOLDER                          all of it, with peers up to an hour
    python bench/quality.py FOLDER --only auto,WindowAD     those whose title is or contains one of these
    python bench/quality.py FOLDER --json OUT               keep every value; a second run goes on from there

The folder has the layout of TSB-AD (see ``series.py``). Detectors see the whole series and never its
labels. VUS-PR and AUC-PR are means over files, seconds are the median of processor time on one core;
the difference to the best peer is paired by file, with a 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

import ours
import peers
from judge import Judge, cores, is_wanted, words_of
from series import Series, published, read_folder
from verdict import Result, report
from vus import auc_pr, vus_pr

HERE = Path(__file__).parent
TABLES = {"ours.OURS": ours.OURS, "ours.FLOORS": ours.FLOORS, "peers.PEERS": peers.PEERS}
SOURCES = {
    "ours": [HERE / "ours.py", *sorted((HERE.parent / "engine" / "oddline").rglob("*.py"))],
    "peers": [HERE / "peers.py", HERE / "series.py"],
}
"""What a kept value depends on."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--track", default="UM", choices=["U", "M", "UM"])
    parser.add_argument("--only", default="", help="parts of titles, by comma")
    parser.add_argument("--no-peers", action="store_true", help="ours and the floors alone")
    parser.add_argument("--json", type=Path, help="keep the values there, and go on from what is there")
    parser.add_argument("--keep", action="store_true", help="use kept values of other code too")
    parser.add_argument("--jobs", type=int, default=1, help="detectors at a time, each on its own core")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds a detector may take for a file")
    given = parser.parse_args()
    store = Store(given.json, given.keep)
    wanted, titles = words_of(given.only), [name for members in TABLES.values() for name in members]
    for track in given.track:
        files = read_folder(given.folder, track)
        chosen = [
            (table, name)
            for table, members in TABLES.items()
            for name in members
            if not (given.no_peers and table.startswith("peers"))
            if is_wanted(name, wanted, titles)
            if track in (peers if table.startswith("peers") else ours).tracks_of(name)
        ]
        results = measure(files, chosen, store, given.jobs, given.limit)
        print("\n".join(report(track, len(files), results, published(given.folder, track))), flush=True)


class Store:
    """Values by detector and file, kept in a JSON file as they come; those of other code do not count."""

    def __init__(self, path: Path | None, keep: bool = False) -> None:
        self.path, self.keep, self._lock = path, keep, Lock()
        there = path is not None and path.exists()
        self.data: dict[str, Any] = json.loads(path.read_text()) if path is not None and there else {}
        self.data.setdefault("detectors", {})
        self.data["machine"] = (
            f"{platform.system()}, Python {platform.python_version()}, {len(cores())} cores"
        )
        self.data["date"] = str(date.today())
        self.code = {name: digest(files) for name, files in SOURCES.items()}

    def of(self, table: str, name: str) -> dict[str, Any]:
        """The values of one detector, by file; written to."""
        code = self.code[table.split(".")[0]]
        with self._lock:
            kept = self.data["detectors"].setdefault(name, {"table": table, "code": code, "files": {}})
            if kept["code"] != code and not self.keep:
                kept.update(code=code, files={})
        files: dict[str, Any] = kept["files"]
        return files

    def put(self, kept: dict[str, Any], file: str, value: dict[str, Any]) -> None:
        """Keep one value, on disk too: the bench may be stopped at any time."""
        with self._lock:
            kept[file] = value
            if self.path is not None:
                fresh = self.path.with_suffix(".new")
                fresh.write_text(json.dumps(self.data, indent=1))
                fresh.replace(self.path)


def digest(files: list[Path]) -> str:
    """A name for the state of some code."""
    return hashlib.blake2b(b"".join(file.read_bytes() for file in files), digest_size=8).hexdigest()


def measure(
    files: list[Series], chosen: list[tuple[str, str]], store: Store, jobs: int, limit: float
) -> list[Result]:
    """Have every chosen detector score every file, ``jobs`` detectors at a time."""
    free: SimpleQueue[int] = SimpleQueue()
    for core in cores()[:jobs]:
        free.put(core)

    def one(table: str, name: str) -> Result:
        core, kept = free.get(), store.of(table, name)
        try:
            with Judge(table, name, core=core, limit=limit) as judge:
                for series in files:
                    if series.name not in kept:
                        store.put(kept, series.name, valued(judge, series))
        finally:
            free.put(core)
        return Result(table, name, {series.name: kept[series.name] for series in files})

    results = []
    with ThreadPoolExecutor(min(jobs, len(cores()))) as pool:
        for waiting in [pool.submit(one, *words) for words in chosen]:
            results.append(waiting.result())
            last = results[-1]
            print(
                f"  {last.name}: {last.mean('vus'):.3f}, {last.seconds():.3f} s", file=sys.stderr, flush=True
            )
    return results


def valued(judge: Judge, series: Series) -> dict[str, Any]:
    """The measures of one detector on one series."""
    answer = judge.score(series.values)
    if answer.score is None:
        return {"error": answer.error}
    return {
        "vus": round(vus_pr(answer.score, series.label, series.buffer), 6),
        "auc": round(auc_pr(answer.score, series.label), 6),
        "seconds": round(answer.seconds, 5),
        "peak_mb": answer.peak_mb,
    }


if __name__ == "__main__":
    main()
