"""Where new rows go: behind the others, in the place of those with their keys, or where their time is."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import lt

import numpy as np
import redis
from numpy.typing import NDArray

from oddline_workers.datasets import columnar
from oddline_workers.datasets.columnar import unpack
from oddline_workers.datasets.weaving import KEYS, Part, Weaver, hashes

__all__ = ["append", "by_key", "by_time", "known_keys"]

Places = NDArray[np.intp]


def append(weaver: Weaver, old: Sequence[Part], rows: Places) -> list[Part]:
    """Behind the others.

    Short segments at the end are taken in where they are not much longer than what comes: so there are
    never many of them, and none is rewritten often.
    """
    kept, count = list(old), rows.size
    short: list[Part] = []
    while count and kept and kept[-1].rows < weaver.full and kept[-1].rows <= 2 * count:
        short.insert(0, kept.pop())
        count += short[0].rows
    if not short:
        return [*kept, *weaver.weave([], rows)]
    room = -sum(part.rows for part in short) % weaver.full  # what else fills whole segments
    first = weaver.weave([part.segment for part in short], rows[:room])
    return [*kept, *first, *weaver.weave([], rows[room:])]


def by_key(weaver: Weaver, old: Sequence[Part], key: str) -> list[Part]:
    """In the place of the rows with their keys, else behind the others. Of equal keys the last counts."""
    last = {text: at for at, text in enumerate(weaver.known(key))}
    parts = list(old)
    for at, found in known_keys(weaver.client, weaver.root, old, key, [*last]).items():
        order = np.arange(old[at].rows)
        order[[*found]] = old[at].rows + np.arange(len(found))
        rows = np.array([last.pop(text) for text in found.values()], dtype=np.intp)
        parts[at : at + 1] = weaver.weave([old[at].segment], rows, order)
    return append(weaver, parts, np.array([*last.values()], dtype=np.intp))


def by_time(weaver: Weaver, old: Sequence[Part], timestamp: str) -> list[Part]:
    """Where their times are; of equal times the last counts, and a new one more than an old one."""
    times = weaver.known(timestamp)
    rows = _in_order(times)
    times = [times[at] for at in rows.tolist()]
    parts: list[Part] = []
    begin = 0
    for number, part in enumerate(old):
        assert part.bounds is not None
        if number + 1 < len(old):
            following = old[number + 1].bounds
            assert following is not None
            end = bisect_left(times, following[0])
        else:
            end = bisect_right(times, part.bounds[1])
        if begin == end:
            parts.append(part)
            continue
        [piece] = columnar.fetch(weaver.client, weaver.root, part.segment, [timestamp])
        both = [*map(str, unpack(piece or b"")), *times[begin:end]]
        parts += weaver.weave([part.segment], rows[begin:end], _in_order(both))
        begin = end
    return append(weaver, parts, rows[begin:])


def _in_order(times: Sequence[str]) -> Places:
    """Places of the times in their order, of equal ones the last."""
    if all(map(lt, times, times[1:])):
        return np.arange(len(times))
    last = {time: at for at, time in enumerate(times)}
    return np.array([last[time] for time in sorted(last)], dtype=np.intp)


def known_keys(
    client: redis.Redis, root: str, parts: Sequence[Part], key: str, texts: Sequence[str]
) -> dict[int, dict[int, str]]:
    """For each part with rows of these keys, which rows have which. Two round trips."""
    segments = [part.segment for part in parts]
    if not texts:
        return {}
    new = np.sort(hashes(texts))
    hits: dict[int, Places] = {}
    for at, piece in enumerate(columnar.fetch_each(client, root, segments, KEYS)):
        there = np.frombuffer(piece or b"", dtype="<u8")
        near = new[np.minimum(np.searchsorted(new, there), new.size - 1)]
        if (same := np.flatnonzero(near == there)).size:
            hits[at] = same
    wanted, found = set(texts), {}
    pieces = columnar.fetch_each(client, root, [segments[at] for at in hits], key)
    for (at, same), piece in zip(hits.items(), pieces, strict=True):
        keys = unpack(piece or b"")
        if rows := {row: text for row in same.tolist() if (text := keys[row]) is not None and text in wanted}:
            found[at] = rows
    return found
