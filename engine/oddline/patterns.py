"""From one written time to the strftime patterns it may be written in."""

from __future__ import annotations

import re

from oddline.zones import NAMED_ZONE

__all__ = ["patterns_of"]

_DATE = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)??(?:"
    r"(?P<y1>\d{4})(?P<s1>[-/. ])\d{1,2}(?P=s1)\d{1,2}"
    r"|\d{1,2}(?P<s2>[-/. ])\d{1,2}(?P=s2)(?P<y2>\d{4}|\d{2})"
    r"|\d{1,2}(?P<s3>[-/. ])(?P<m3>[A-Za-z]{3,9})(?P=s3)(?P<y3>\d{4}|\d{2})"
    r"|(?P<m4>[A-Za-z]{3,9}) \d{1,2}(?P<c4>,?) (?P<y4>\d{4})"
    r")"
)
_CLOCK = re.compile(
    r"(?P<gap>[T ]\s*|,\s*|)(?P<h>\d{1,2}):\d{2}(?P<sec>:\d{2}(?P<frac>[.,]\d+)?)?"
    r"(?P<pm>\s?[AaPp][Mm])?"
    rf"(?P<zone>\s?(?:{NAMED_ZONE}|[+-]\d{{2}}:?\d{{2}}))?"
)


def patterns_of(text: str) -> list[str]:
    """The strftime patterns that a text may be written in; several where day and month are unclear.

    >>> patterns_of("3/4/2017 10:00 PM")
    ['%m/%d/%Y %I:%M %p', '%d/%m/%Y %I:%M %p']
    """
    day = _DATE.match(text)
    if day is None:
        return []
    rest = text[day.end() :]
    clock = _CLOCK.fullmatch(rest) if rest else None
    if rest and clock is None:
        return []
    tail = ""
    if clock is not None:
        gap = clock["gap"]
        tail = gap + ("%I" if clock["pm"] else "%H") + ":%M" + (":%S" if clock["sec"] else "")
        tail += clock["frac"][0] + "%f" if clock["frac"] else ""
        if clock["pm"]:
            tail += clock["pm"][:-2] + "%p"
        if clock["zone"]:
            bare = clock["zone"].lstrip()
            named = bare if bare in ("UTC", "GMT") else "%Z" if len(bare) > 1 and bare.isalpha() else "%z"
            tail += clock["zone"][: -len(bare)] + named
    head = text[: day.end()]
    weekday = re.match(r"([A-Za-z]{3,9})(,?\s+)(?=\d|[A-Za-z])", head)
    lead = ""
    if weekday and not day["m4"]:
        lead = ("%a" if len(weekday[1]) == 3 else "%A") + weekday[2]
    if day["s1"]:
        return [lead + day["s1"].join(("%Y", "%m", "%d")) + tail]
    if day["s2"]:
        year = "%Y" if len(day["y2"]) == 4 else "%y"
        orders = [("%m", "%d", year), ("%d", "%m", year)]
        if day["s2"] == ".":
            orders.reverse()
        return [lead + day["s2"].join(order) + tail for order in orders]
    if day["m3"]:
        month = "%b" if len(day["m3"]) == 3 else "%B"
        year = "%Y" if len(day["y3"]) == 4 else "%y"
        return [lead + day["s3"].join(("%d", month, year)) + tail]
    month = "%b" if len(day["m4"]) == 3 else "%B"
    return [f"{month} %d{day['c4']} %Y{tail}"]
