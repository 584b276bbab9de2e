"""Lists of jobs: chosen by what was asked for, sorted, and cut into pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from flask import g

from oddline_api.backend import backend
from oddline_api.nexosis import paging
from oddline_workers.jobs import Job

__all__ = ["apart", "chosen", "in_order", "jobs", "same", "within"]

Item = TypeVar("Item")
Keys = Mapping[str, Callable[[Any], Any]]


def jobs(
    kind: str, query: Mapping[str, Any], keep: Callable[[Job], bool], keys: Keys
) -> tuple[Iterator[Job], int]:
    """The page of the client's jobs of a kind that a query asks for, and how many it asks for in all.

    The jobs are read as they are taken.

    Parameters
    ----------
    kind : str
        One of :data:`oddline_workers.jobs.KINDS`.
    query : mapping
        ``page``, ``page_size``, ``sort_by`` and ``sort_order``.
    keep : callable
        Whether a job, of which there is but an outline, is asked for.
    keys : mapping
        What ``sort_by`` may be, and what a job is then sorted by.
    """
    store = backend().store
    words = ("name",) if query.get("sort_by") == "name" else ()  # all else is in the outline
    found = in_order([job for job in store.sketches(g.client, kind, *words) if keep(job)], query, keys)
    return store.many([job.id for job in paging.part(found, query)]), len(found)


def chosen(kind: str, keep: Callable[[Job], bool]) -> list[str]:
    """The ids of the client's jobs of a kind that are asked for."""
    return [job.id for job in backend().store.sketches(g.client, kind) if keep(job)]


def in_order(items: Sequence[Item], query: Mapping[str, Any], keys: Keys) -> list[Item]:
    """The items as the query sorts them; without a word of how, as they come."""
    by, order = query.get("sort_by"), query.get("sort_order")
    if by:
        return sorted(items, key=keys[by], reverse=order == "desc")
    return [*reversed(items)] if order == "asc" else [*items]


def apart(words: Sequence[str]) -> list[str]:
    """The words of a list: of one alone what stands between its commas, else each as it is."""
    return [word for word in words[0].split(",") if word] if len(words) == 1 else [*words]


def same(one: str, other: str | None) -> bool:
    """Whether a name is the one that is asked for, in any case; None asks for all."""
    return other is None or one.casefold() == other.casefold()


def within(stamp: int, after: int | None, before: int | None) -> bool:
    """Whether a stamp of the store lies between two others, these included; None is no bound."""
    return (after is None or stamp >= after) and (before is None or stamp <= before)
