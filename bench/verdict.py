"""The tables of the quality bench: detectors in order, beside the best peer, the targets and papers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Result", "paired_difference", "report"]


@dataclass(frozen=True)
class Target:
    """What a family of pairs is to reach; the best of it counts."""

    what: str
    track: str
    family: str
    least: float
    seconds: float | None = None


TARGETS = (
    Target("univariate, auto", "U", "auto", 0.64, 0.5),
    Target("multivariate, auto", "M", "auto", 0.45, 0.6),
    Target("univariate, DeepAD", "U", "DeepAD", 0.45),
    Target("univariate, PredAD", "U", "PredAD", 0.42),
    Target("univariate, ReconstructAD, best net", "U", "ReconstructAD", 0.45),
    Target("multivariate, RelationshipAD, best", "M", "RelationshipAD", 0.35),
)
FLOOR_OF_PAIRS = {"U": 0.30, "M": 0.20}


@dataclass(frozen=True)
class Result:
    """What one detector made of the files of a track."""

    table: str
    name: str
    values: Mapping[str, Mapping[str, Any]]
    """By file: ``vus``, ``auc``, ``seconds``; or ``error``."""

    def column(self, key: str) -> dict[str, float]:
        """The files that were scored, and one of their values."""
        return {file: float(value[key]) for file, value in self.values.items() if key in value}

    def mean(self, key: str) -> float:
        found = list(self.column(key).values())
        return float(np.mean(found)) if found else float("nan")

    def seconds(self) -> float:
        found = list(self.column("seconds").values())
        return float(np.median(found)) if found else float("nan")

    @property
    def errors(self) -> list[str]:
        return [str(value["error"]) for value in self.values.values() if "error" in value]

    @property
    def complete(self) -> bool:
        """Whether nine files in ten were scored, or more: a slow peer may fail on the longest."""
        return 10 * len(self.column("vus")) >= 9 * len(self.values) > 0


def paired_difference(
    ours: Mapping[str, float], theirs: Mapping[str, float], draws: int = 10_000
) -> tuple[float, float, float]:
    """Mean difference over the files both have, and its 95 % bootstrap interval.

    >>> paired_difference({"a": 1.0, "b": 1.0}, {"a": 0.5, "b": 0.5})
    (0.5, 0.5, 0.5)
    """
    both = sorted(ours.keys() & theirs.keys())
    gaps = np.array([ours[file] - theirs[file] for file in both])
    if not len(gaps):
        return (float("nan"),) * 3
    picked = np.random.default_rng(0).integers(0, len(gaps), (draws, len(gaps)))
    low, high = np.percentile(gaps[picked].mean(axis=1), [2.5, 97.5])
    return float(gaps.mean()), float(low), float(high)


def report(
    track: str, count: int, results: list[Result], papers: Mapping[str, Mapping[str, float]]
) -> Iterable[str]:
    """The tables of one track, as lines of Markdown."""
    peers = [r for r in results if r.table.startswith("peers") and r.complete]
    best = max(peers, key=lambda r: r.mean("vus"), default=None)
    beside = f"against {best.name}" if best else "no peer ran"
    yield f"\n## {'Univariate' if track == 'U' else 'Multivariate'}: {count} series\n"
    yield f"| detector | VUS-PR | AUC-PR | median s | {beside}, 95 % interval | |\n|---|---|---|---|---|---|"
    for result in sorted(results, key=lambda r: -np.nan_to_num(r.mean("vus"), nan=-1.0)):
        title = f"**{result.name}**" if result.table == "ours.OURS" else result.name
        if len(result.errors) == count:
            yield f"| {title} | – | – | – | – | {result.errors[0]} |"
            continue
        gap = difference(result, best.column("vus")) if best and best is not result else "–"
        yield (
            f"| {title} | {result.mean('vus'):.3f} | {result.mean('auc'):.3f} | {result.seconds():.3f} "
            f"| {gap} | {remark(result, track, count)} |"
        )
    yield from judged(track, results)
    auto = next((r for r in results if r.name == "auto"), None)
    if auto is not None and papers:
        yield from beside_papers(auto, papers)


def difference(result: Result, others: Mapping[str, float]) -> str:
    """A paired difference in words."""
    gap, low, high = paired_difference(result.column("vus"), others)
    return f"{gap:+.3f} ({low:+.3f} … {high:+.3f})"


def remark(result: Result, track: str, count: int) -> str:
    """What a reader should know about a row."""
    words = []
    if result.errors:
        words.append(f"{count - len(result.errors)} of {count} files; {result.errors[0]}")
    if result.table == "ours.OURS" and result.mean("vus") < FLOOR_OF_PAIRS[track]:
        words.append(f"below {FLOOR_OF_PAIRS[track]:.2f}")
    return "; ".join(words)


def judged(track: str, results: list[Result]) -> Iterable[str]:
    """Each target beside what was measured."""
    yield "\n| target | least | measured | |\n|---|---|---|---|"
    for target in (t for t in TARGETS if t.track == track):
        family = [
            r for r in results if r.table == "ours.OURS" and r.name.split()[0] == target.family and r.complete
        ]
        if not family:
            yield f"| {target.what} | {target.least:.2f} | not measured | missed |"
            continue
        best = max(family, key=lambda r: r.mean("vus"))
        met = best.mean("vus") >= target.least
        yield (
            f"| {target.what} | {target.least:.2f} | {best.mean('vus'):.3f} ({best.name}) "
            f"| {'met' if met else 'missed'} |"
        )
        if target.seconds is not None:
            quick = best.seconds() <= target.seconds
            yield (
                f"| {target.what}, median seconds | ≤ {target.seconds:g} | {best.seconds():.2f} "
                f"| {'met' if quick else 'missed'} |"
            )
    pairs = [r for r in results if r.table == "ours.OURS" and r.column("vus")]
    low = [r.name for r in pairs if r.mean("vus") < FLOOR_OF_PAIRS[track]]
    yield (
        f"| no pair below | {FLOOR_OF_PAIRS[track]:.2f} | {', '.join(low) or f'all {len(pairs)} above'} "
        f"| {'missed' if low else 'met'} |"
    )


def beside_papers(auto: Result, papers: Mapping[str, Mapping[str, float]], shown: int = 6) -> Iterable[str]:
    """What others published for the same files, and how far ``auto`` is from it."""
    yield "\n| published by others | VUS-PR | auto, same files | auto against it |\n|---|---|---|---|"
    ranked = sorted(papers, key=lambda method: -np.mean(list(papers[method].values())))
    for method in ranked[:shown]:
        mine, theirs = auto.column("vus"), papers[method]
        both = mine.keys() & theirs.keys()
        if both:
            means = [np.mean([side[file] for file in both]) for side in (theirs, mine)]
            yield f"| {method} | {means[0]:.3f} | {means[1]:.3f} | {difference(auto, theirs)} |"
