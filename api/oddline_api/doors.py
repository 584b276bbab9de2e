"""The doors by their paths: which dialect a request speaks, whatever there is at its path."""

from __future__ import annotations

__all__ = ["NEXOSIS", "is_nexosis", "is_plain"]

NEXOSIS = "/v1"


def is_plain(path: str) -> bool:
    """Whether a path is one of our own dialect."""
    return path.startswith("/api/v1/")


def is_nexosis(path: str) -> bool:
    """Whether a path is one of the Nexosis dialect."""
    return path.startswith(NEXOSIS + "/")
