"""Answers of this dialect: JSON or CSV, and the addresses in them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from flask import Response, request

from oddline_api import jsontext
from oddline_api.backend import backend
from oddline_api.doors import NEXOSIS

__all__ = ["CSV", "JSON", "address", "base", "empty", "here", "link", "sends_csv", "told", "wants_csv"]

JSON, CSV = "application/json; charset=utf-8", "text/csv; charset=utf-8"
_HOST = re.compile(r"(?:[a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?", re.IGNORECASE | re.ASCII)


def told(value: Any, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(jsontext.write(value), status, content_type=JSON)


def empty() -> Response:
    """The answer to a call that deleted something, or that found nothing to delete."""
    response = Response(b"", 204)
    del response.headers["Content-Type"]
    return response


def sends_csv() -> bool:
    """Whether the rows of the request are CSV; whatever else they are called is read as JSON."""
    return request.mimetype in ("text/csv", "application/csv")


def wants_csv() -> bool:
    """Whether the request asks for CSV; whatever else it asks for is answered in JSON."""
    accepted = {kind.lower(): quality for kind, quality in request.accept_mimetypes}
    kind = next((kind for kind in accepted if kind.partition(";")[0].strip() == "text/csv"), "")
    return accepted.get(kind, 0) > 0 and accepted[kind] >= accepted.get("application/json", 0)


def base() -> str:
    """What the addresses of this dialect begin with: the setting, or where the request was sent to."""
    settings = backend().settings
    if settings.public_url:
        return settings.public_url.rstrip("/") + NEXOSIS
    host = request.environ.get("HTTP_HOST", "")
    if not _HOST.fullmatch(host):
        host = f"{settings.host}:{settings.port}"
    return f"{'https' if settings.tls_cert_file else 'http'}://{host}{NEXOSIS}"


def address(*words: str) -> str:
    """The address of what has this path behind the door; each word is made safe for it."""
    return "/".join([base(), *(quote(word, safe="", errors="replace") for word in words)])


def here() -> str:
    """The address of this request, without its query."""
    return base() + quote(request.path.removeprefix(NEXOSIS), safe="/", errors="replace")


def link(rel: str, href: str) -> dict[str, str]:
    """One entry of ``links``."""
    return {"rel": rel, "href": href}
