"""Text of strangers on its way to a terminal or a log: without the characters that steer those."""

from __future__ import annotations

import re

__all__ = ["escaped", "plain"]

_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks of direction, ends of lines and paragraphs, half characters."""


def plain(text: str, instead: str = "�") -> str:
    """The text on one line and in one direction, for people.

    Examples
    --------
    >>> plain("a.csv\\x1b[31m\\n{"), plain("a\\u202evsc.exe", "")
    ('a.csv�[31m�{', 'avsc.exe')
    """
    return text if text.isascii() and text.isprintable() else _STEERING.sub(instead, text)


def escaped(json_text: str) -> str:
    """The same JSON, with what its writer leaves as it is and a terminal may obey as escapes.

    Examples
    --------
    >>> escaped('{"a":"\\x9b31m"}')
    '{"a":"\\\\u009b31m"}'
    """
    if json_text.isascii():
        return json_text
    return _STEERING.sub(lambda found: _escape(found[0]), json_text)


def _escape(sign: str) -> str:
    # Line ends between the values of a JSON text stay; inside them its writer has escaped them.
    return sign if sign in "\n\r\t" else f"\\u{ord(sign):04x}"
