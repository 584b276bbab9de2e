"""JSON text of our answers: whatever is in the data, it can be written."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["write"]


def write(value: Any) -> bytes:
    """JSON text in UTF-8; lone surrogates, which it has no bytes for, become question marks.

    Examples
    --------
    >>> write({"a\\ud800": [1, "\\udfff"]})
    b'{"a?":[1,"?"]}'
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(_writable(value))


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_writable(key): _writable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(item) for item in value]
    return value
