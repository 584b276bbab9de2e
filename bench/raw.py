"""The floor an upload is measured against: a WSGI application that reads the body and keeps nothing."""

from collections.abc import Callable, Iterable
from typing import Any


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Read all, say how much."""
    count = 0
    while piece := environ["wsgi.input"].read(1 << 20):
        count += len(piece)
    body = str(count).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
