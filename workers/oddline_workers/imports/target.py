"""What an import fetches: the request that its kind comes down to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """One request, see :func:`oddline_workers.outbound.fetch`; it may hold credentials everywhere."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)
    own: str = ""
    """An address of the operator's that it may lead to."""
