"""The headers of every answer: its number, and what a browser that shows it may do, which is nothing.

Pages of other sites may read answers of the Nexosis dialect, whose clients ask for that.

A view or a blueprint that sets one of them keeps its own: pages of a console need more than an API's answers.
"""

from __future__ import annotations

import secrets

from apiflask import APIFlask
from flask import Response, g, request

from oddline_api.backend import backend
from oddline_api.doors import is_nexosis
from oddline_api.nexosis import account

__all__ = ["DEFAULTS", "register"]

DEFAULTS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "oddline",  # else the HTTP server names itself
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
}

TWO_YEARS = 63_072_000  # seconds


def register(app: APIFlask) -> None:
    """Number every request of ``app`` and sign every answer."""
    app.before_request(_number)
    app.after_request(_sign)


def _number() -> None:
    g.transaction = secrets.token_hex(12)


def _sign(response: Response) -> Response:
    headers = response.headers
    headers["x-global-transaction-id"] = g.get("transaction") or secrets.token_hex(12)
    for name, value in DEFAULTS.items():
        headers.setdefault(name, value)
    if backend().leaving:
        headers["Connection"] = "close"
    if backend().settings.tls_cert_file:
        headers.setdefault("Strict-Transport-Security", f"max-age={TWO_YEARS}")
    if (window := g.get("window")) is not None:
        headers.extend(window.headers)
    return account.sign(response) if is_nexosis(request.path) else response
