"""The pipelines and their estimators: what each finds, misses and costs, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ALGORITHMS", "Algorithm", "Estimator", "estimators_of", "lane_of"]


@dataclass(frozen=True)
class Estimator:
    """One way to score inside an algorithm.

    ``finds``, ``misses`` and ``cost`` are short phrases for the documents; ``papers`` names author,
    year and DOI. ``aliases`` are further names that are understood.
    """

    name: str
    blurb: str
    finds: str
    misses: str
    cost: str
    papers: tuple[str, ...]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Algorithm:
    """A pipeline: what it looks for, its estimators (the first is the default) and its lane."""

    name: str
    blurb: str
    estimators: tuple[Estimator, ...]
    aliases: tuple[str, ...] = ()
    lane: str = "cpu"


ALGORITHMS: tuple[Algorithm, ...] = (
    Algorithm(
        "auto",
        "Chooses the strongest combination for the data at hand and says why.",
        (
            Estimator(
                "Default",
                "For now: nearest neighbours on windows.",
                finds="what WindowAD NearestNeighbor finds",
                misses="what WindowAD NearestNeighbor misses",
                cost="O(n·L·d)",
                papers=(),
            ),
        ),
    ),
    Algorithm(
        "DeepAD",
        "An ensemble of forecasters: a row is odd when none of them saw it coming.",
        (
            Estimator(
                "Default",
                "The best forecasters found on a held-out block of the series.",
                finds="spikes, breaks and bursts that the past does not explain, by several opinions",
                misses="slow drifts, which a forecaster follows, and odd shapes that are smooth",
                cost="O(n·L·d), five filters a column",
                papers=("Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634",),
            ),
        ),
    ),
    Algorithm(
        "PredAD",
        "One forecaster, the best on held-out rows: a row is odd when it was not predicted.",
        (
            Estimator(
                "Default",
                "The best forecaster found on a held-out block of the series.",
                finds="spikes, breaks and bursts that the past does not explain",
                misses="slow drifts, which a forecaster follows, and odd shapes that are smooth",
                cost="O(n·L·d), one filter a column",
                papers=(
                    "Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634",
                    "Yeo & Johnson 2000, doi:10.1093/biomet/87.4.954",
                ),
            ),
        ),
    ),
    Algorithm(
        "WindowAD",
        "Windows of the series as points: a row is odd when its windows lie apart.",
        (
            Estimator(
                "IsolationForest",
                "Windows that few random cuts isolate.",
                finds="windows of unusual level, size or shape",
                misses="events that recur, and small ones inside a busy series",
                cost="O(n·L·d + n·trees)",
                papers=("Liu, Ting & Zhou 2008, doi:10.1109/ICDM.2008.17",),
            ),
            Estimator(
                "NearestNeighbor",
                "Windows far from their nearest like.",
                finds="odd shapes, levels and bursts of about the length of the look-back",
                misses="events that recur: they are each other's neighbours",
                cost="O(n·L·d)",
                papers=(
                    "Ramaswamy, Rastogi & Shim 2000, doi:10.1145/342009.335437",
                    "Angiulli & Pizzuti 2002, doi:10.1007/3-540-45681-3_2",
                ),
            ),
        ),
    ),
)


def estimators_of(algorithm: str) -> tuple[str, ...]:
    """The estimator names of one algorithm, its default first."""
    return tuple(e.name for e in _algorithm(algorithm).estimators)


def lane_of(algorithm: str) -> str:
    """The lane, ``"cpu"`` or ``"gpu"``, that jobs of this algorithm wait in."""
    return _algorithm(algorithm).lane


def _algorithm(name: str) -> Algorithm:
    return next(a for a in ALGORITHMS if a.name == name)
