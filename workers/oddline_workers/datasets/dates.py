"""Dates of the dialect: read in every form that its clients write, kept in one that sorts as text.

Standard library only.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from oddline.errors import ParameterError

__all__ = ["from_micros", "read_date"]

_FORM = re.compile(
    r"(?:(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)|(?P<first>\d\d?)[-/](?P<second>\d\d?)[-/](?P<last>\d{4}))"
    r"(?:[T ]+(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<seconds>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"\s*(?P<zone>Z|z|UTC|(?P<sign>[+ -])(?P<hours>\d\d):?(?P<minutes>\d\d)?)?",
    re.ASCII,
)


def read_date(text: str, parameter: str) -> str:
    """A date as it is kept: ``2018-04-11T17:18:05.0000000+00:00``, in UTC; the earlier is the smaller text.

    Parameters
    ----------
    text : str
        ISO 8601 with or without time, fraction and offset (with or without colon; a ``+`` may have
        become a blank on its way), or month, day and year as in ``1-31-2017``. No offset is UTC.
    parameter : str
        What it is called, for the message.

    Raises
    ------
    ParameterError
        It is no date (code ``"bad_date"``).

    Examples
    --------
    >>> read_date("2018-04-11T20:18:05+0300", "startDate")
    '2018-04-11T17:18:05.0000000+00:00'
    >>> read_date("1-31-2017", "startDate")
    '2017-01-31T00:00:00.0000000+00:00'
    """
    found = _FORM.fullmatch(text.strip())
    if found is not None:
        part = found.groupdict()
        try:
            return _text(part)
        except (ValueError, OverflowError):
            pass
    shown = repr(text[:60]).encode("utf-8", "replace").decode()
    raise ParameterError(
        f"{parameter} is {shown}; expected a date such as 2018-04-11 or 2018-04-11T20:18:05+00:00.",
        code="bad_date",
        parameter=parameter,
    )


def from_micros(micros: int, digits: int = 6) -> str:
    """Microseconds since 1970 as ISO 8601 in UTC with 6 or 7 digits of a second."""
    moment = datetime(1970, 1, 1) + timedelta(microseconds=micros)
    return moment.isoformat(timespec="microseconds").ljust(20 + digits, "0") + "+00:00"


def _text(part: dict[str, str | None]) -> str:
    year, month, day = (int(part[name] or 0) for name in ("year", "month", "day"))
    if not part["year"]:
        year, month, day = (int(part[name] or 0) for name in ("last", "first", "second"))
        if month > 12:  # no month: the day came first
            month, day = day, month
    hours, minutes = int(part["hours"] or 0), int(part["minutes"] or 0)
    if hours > 14 or minutes > 59:
        raise ValueError
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if part["sign"] == "-" else 1)
    hour, minute, second = (int(part[name] or 0) for name in ("hour", "minute", "seconds"))
    moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset))
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    fraction = (part["fraction"] or "").ljust(7, "0")
    return f"{utc.isoformat(timespec='seconds')}.{fraction[:7]}+00:00"
