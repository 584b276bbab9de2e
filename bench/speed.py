"""How fast the engine is, beside its targets, the same algorithms of libraries, and through the service.

    python bench/speed.py                   10³ to 10⁶ rows, about an hour
    python bench/speed.py --quick           10³ to 10⁵ rows
    python bench/speed.py --only engine,service,races
    python bench/speed.py --pairs auto,PredAD

Ours and the peer run in turn, each in a process of its own on one core, warm; the figure is the median
of processor time. Memory is the peak of the whole process, imports included. Growth is the exponent b
of time ~ rows^b from 10⁴ rows up: 1.08 means that ten times the rows cost twelve times the time.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from judge import Answer, Judge, cores, is_wanted, words_of
from ours import NAMES
from races import Race, races, series_of

DATA = Path(__file__).parents[1] / "tests" / "data" / "sample.csv"
WORTH = 5.0
"""Own code should beat a library by this factor, or say why it was written."""


@dataclass(frozen=True)
class Limits:
    """How far a measurement goes."""

    sizes: tuple[int, ...]
    seconds: float
    repeats: int = 5

    def runs(self, rows: int) -> int:
        """Fewer repeats where one takes long."""
        return self.repeats if rows < 50_000 else 1


@dataclass(frozen=True)
class Target:
    """Seconds and megabytes that one call may take."""

    what: str
    call: str
    rows: int
    seconds: float
    megabytes: float | None = None


TARGETS = (
    Target("30,000 rows PredAD, look-back 100", "detect PredAD L=100", 30_000, 1.0),
    Target("1,000 rows auto", "detect auto", 1_000, 0.05, 600),
    Target("10,000 rows auto", "detect auto", 10_000, 0.3, 600),
    Target("100,000 rows auto", "detect auto", 100_000, 3.0, 600),
    Target("1,000,000 rows auto", "detect auto", 1_000_000, 40.0, 2048),
    Target("1,000,000 rows PredAD", "detect PredAD", 1_000_000, 15.0, 2048),
)

JOBS: tuple[tuple[str, str, str, float], ...] = (
    ("DeepAD", "", "54 and 87 s", 0.5),
    ("WindowAD", "IsolationForest", "21 s", 0.4),
    ("WindowAD", "MinCovDet", "46 s", 0.4),
    ("WindowAD", "AnomalyEnsembler", "23 s", 0.4),
    ("ReconstructAD", "CNN_AutoEncoder", "28 s", 2.0),
    ("ReconstructAD", "Seq2seq_AutoEncoder", "40 s", 4.0),
)
"""What the hosted service took for 1,000 rows, and what ours may take from submit to done."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="up to 100,000 rows")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections: " + ", ".join(SECTIONS))
    parser.add_argument("--pairs", default="", help="races of these titles, or parts of titles")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds one call may take")
    given = parser.parse_args()
    sizes = (1_000, 10_000, 100_000) if given.quick else (1_000, 10_000, 100_000, 1_000_000)
    limits = Limits(sizes, given.limit, 3 if given.quick else 5)
    print(f"{date.today()} · one of {len(cores())} cores, {platform.system()} · Python "
          f"{platform.python_version()}", flush=True)  # fmt: skip
    wanted = words_of(given.pairs)
    for name in given.only.split(","):
        for line in SECTIONS[name](limits, wanted):
            print(line, flush=True)


def engine(limits: Limits, _: list[str]) -> Iterator[str]:
    """The engine alone, from numbers to a detection."""
    yield "\n| engine alone | seconds | target | MB | target |\n|---|---|---|---|---|"
    for target in TARGETS:
        if target.rows > limits.sizes[-1]:
            continue
        values = series_of(target.rows, 1)
        with Judge("races.CALLS", target.call, core=cores()[-1], limit=10 * target.seconds + 30) as judge:
            taken = middle([judge.score(values) for _ in range(limits.runs(target.rows))])
        memory = f"≤ {target.megabytes:g}" if target.megabytes else ""
        quick = mark(taken.seconds, target.seconds)
        yield (
            f"| {target.what} | {shown(taken)} | ≤ {target.seconds:g} s {quick} "
            f"| {taken.peak_mb:.0f} | {memory} {mark(taken.peak_mb, target.megabytes)} |"
        )


def service_jobs(limits: Limits, _: list[str]) -> Iterator[str]:
    """1,000 rows by HTTP, from submit to done, on a warm worker."""
    from running import service
    from service import COLUMNS, run_job

    yield "\n| 1,000 rows, submit → done | hosted service | seconds | target |\n|---|---|---|---|"
    with service(workers=1) as running:
        for algorithm, estimator, hosted, most in JOBS:
            what = f"{algorithm} {estimator}".strip()
            if what not in NAMES:
                yield f"| {what} | {hosted} | not in the catalogue | ≤ {most:g} s |"
                continue
            fields = {"algorithm_type": algorithm, "labeling_method": "Chi-Square", **COLUMNS}
            if estimator:
                fields["anomaly_estimator"] = estimator
            stamps = [run_job(running, fields, DATA.read_bytes()) for _ in range(1 + limits.repeats)][1:]
            seconds = statistics.median(stamp["done"] - stamp["submitted"] for stamp in stamps)
            yield f"| {what} | {hosted} | {seconds:.2f} | ≤ {most:g} s {mark(seconds, most)} |"


def contests(limits: Limits, wanted: list[str]) -> Iterator[str]:
    """Every pair of the catalogue against its counterpart, size by size."""
    yield (
        "\n| pair | rows | seconds | MB | counterpart | seconds | MB | times faster |"
        "\n|---|---|---|---|---|---|---|---|"
    )
    growths, slow = [], []
    for race in races():
        if not is_wanted(race.ours, wanted, NAMES):
            continue
        times: dict[int, float] = {}
        ratios: dict[int, float] = {}
        for rows, ours, theirs in contest(race, limits):
            if ours.score is not None:
                times[rows] = ours.seconds
            if theirs is not None and theirs.score is not None and ours.score is not None:
                ratios[rows] = theirs.seconds / ours.seconds
            yield row_of(race, rows, ours, theirs)
        growths.append((race.ours, growth(times)))
        if ratios and min(ratios.values()) < WORTH:
            slow.append(
                (race.ours, ", ".join(f"{ratio:.1f} × at {rows:,}" for rows, ratio in ratios.items()))
            )
    yield "\n| pair | growth | ≤ 1.08 |\n|---|---|---|"
    for name, exponent in growths:
        told = "–" if exponent is None else f"{exponent:.2f} | {'met' if exponent <= 1.08 else 'missed'}"
        yield f"| {name} | {told} |"
    yield "\n| less than 5 × faster than its counterpart somewhere | how much faster |\n|---|---|"
    for name, words in slow or [("none", "")]:
        yield f"| {name} | {words} |"


def contest(race: Race, limits: Limits) -> Iterator[tuple[int, Answer, Answer | None]]:
    """Both sides in turn, at each size that the one before lets hope for."""
    sides = {"races.CALLS": race.ours}
    if race.peer:
        sides["counterparts.COUNTERPARTS"] = race.peer
    hopeless: set[str] = set()
    for rows in limits.sizes:
        values = series_of(rows, race.columns)
        answers: dict[str, list[Answer]] = {table: [] for table in sides if table not in hopeless}
        with ExitStack() as stack:
            judges = {
                table: stack.enter_context(Judge(table, sides[table], core=cores()[-1], limit=limits.seconds))
                for table in answers
            }
            for _ in range(limits.runs(rows)):
                for table, judge in judges.items():
                    if all(answer.score is not None for answer in answers[table]):
                        answers[table].append(judge.score(values))
        taken = {table: middle(each) for table, each in answers.items()}
        for table, answer in taken.items():
            if answer.score is None or 8 * answer.wall > limits.seconds:
                hopeless.add(table)
        if not taken:
            return
        mine = taken.get("races.CALLS", Answer(None, error="too slow at the size before"))
        yield rows, mine, taken.get("counterparts.COUNTERPARTS")


def row_of(race: Race, rows: int, ours: Answer, theirs: Answer | None) -> str:
    """One line of the table of contests."""
    columns = f" × {race.columns}" if race.columns > 1 else ""
    line = f"| {race.ours} | {rows:,}{columns} | {shown(ours)} | {ours.peak_mb:.0f} | {race.peer or 'none'} |"
    if theirs is None:
        return f"{line} {'–' if race.peer is None else 'too slow at the size before'} | | |"
    if theirs.score is None or ours.score is None:
        return f"{line} {shown(theirs)} | | |"
    ratio = theirs.seconds / ours.seconds
    star = "" if ratio >= WORTH else " (*)"
    return f"{line} {shown(theirs)} | {theirs.peak_mb:.0f} | {ratio:.1f}{star} |"


def middle(answers: list[Answer]) -> Answer:
    """The answer with the median time; one that failed, if any did."""
    failed = [answer for answer in answers if answer.score is None]
    ordered = sorted(answers, key=lambda answer: answer.seconds)
    return failed[0] if failed else ordered[len(ordered) // 2]


def growth(times: dict[int, float]) -> float | None:
    """The exponent of time over rows, from 10⁴ rows up.

    >>> round(growth({1_000: 9.0, 10_000: 1.0, 100_000: 10.0}), 6)
    1.0
    """
    large = {rows: seconds for rows, seconds in times.items() if rows >= 10_000 and seconds > 0}
    if len(large) < 2:
        return None
    slope, _ = np.polyfit(np.log(list(large)), np.log(list(large.values())), 1)
    return float(slope)


def shown(answer: Answer) -> str:
    """Seconds, or what went wrong."""
    return f"{answer.seconds:.3g}" if answer.score is not None else answer.error[:60]


def mark(value: float, most: float | None) -> str:
    """Whether a limit holds, where there is one."""
    return "" if most is None else "met" if 0 < value <= most else "**missed**"


SECTIONS: dict[str, Callable[[Limits, list[str]], Iterator[str]]] = {
    "engine": engine,
    "service": service_jobs,
    "races": contests,
}

if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
