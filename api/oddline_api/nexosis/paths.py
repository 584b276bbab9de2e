"""Paths in any case: the clients of this dialect do not agree on how a route is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["AnyCase", "plain_path"]

_NAMES = {"data": (3, 5), "views": (3,)}
"""Behind which word names stand, of datasets, columns and views, and where: they keep their case."""


class AnyCase:
    """A step in front of the app that lowers the known words of a path behind ``/v1``.

    Parameters
    ----------
    app : callable
        A WSGI app.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        environ["PATH_INFO"] = plain_path(environ.get("PATH_INFO", ""))
        return self.app(environ, start)


def plain_path(path: str) -> str:
    """The path as the routes have it: words and ids in small letters, no slash behind.

    Examples
    --------
    >>> plain_path("/V1/Sessions/0A/Results/AnomalyScores/")
    '/v1/sessions/0a/results/anomalyscores'
    >>> plain_path("/v1/Data/My Hearts/Stats/BPM")
    '/v1/data/My Hearts/stats/BPM'
    >>> plain_path("/Result/0A/")
    '/Result/0A/'
    """
    words = path.split("/")
    if len(words) < 3 or words[0] or words[1].lower() != "v1":
        return path
    if len(words) > 3 and not words[-1]:
        words.pop()
    kept = _NAMES.get(words[2].lower(), ())
    return "/".join(
        word.lower() if word.isascii() and place not in kept else word for place, word in enumerate(words)
    )
