"""Abbreviations of time zones that mean one offset."""

from __future__ import annotations

import re

__all__ = ["NAMED_ZONE", "ambiguous_zone", "with_offset"]

_OFFSETS = {
    "UTC": "+0000",
    "GMT": "+0000",
    "Z": "+0000",
    "WET": "+0000",
    "WEST": "+0100",
    "BST": "+0100",
    "CET": "+0100",
    "CEST": "+0200",
    "EET": "+0200",
    "EEST": "+0300",
    "MSK": "+0300",
    "JST": "+0900",
    "EST": "-0500",
    "EDT": "-0400",
    "CST": "-0600",
    "CDT": "-0500",
    "MST": "-0700",
    "MDT": "-0600",
    "PST": "-0800",
    "PDT": "-0700",
}

NAMED_ZONE = "|".join(sorted(_OFFSETS, key=len, reverse=True))
"""A regular expression for the abbreviations that are known."""

_NAMED = re.compile(rf"(?<![A-Za-z])(?:{NAMED_ZONE})(?![A-Za-z])")
_LETTERS = re.compile(r"\d\s?([A-Z]{2,5})\s*$")


def with_offset(text: str) -> str | None:
    """The time with the zone's offset instead of its name; None where it names no known zone.

    European names mean European zones, the others those of North America; the offset is fixed,
    summer time has a name of its own.

    >>> with_offset("2024-10-27 00:00:00 CEST")
    '2024-10-27 00:00:00 +0200'
    """
    changed, count = _NAMED.subn(lambda found: _OFFSETS[found[0]], text)
    return changed if count == 1 else None


def ambiguous_zone(text: str) -> str | None:
    """The letters at the end of a time that stand for no zone or for several.

    >>> ambiguous_zone("2024-10-27 00:00:00 IST")
    'IST'
    """
    found = _LETTERS.search(text)
    return None if found is None or found[1] in (*_OFFSETS, "AM", "PM") else found[1]
