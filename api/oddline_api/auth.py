"""Who is calling: the client id and secret of a request, checked against the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, g, request

from oddline.errors import OddlineError
from oddline_api.backend import backend
from oddline_api.doors import is_nexosis
from oddline_workers import credentials

__all__ = ["guard", "submits", "writes"]

View = TypeVar("View", bound=Callable[..., Any])


def submits(view: View) -> View:
    """Mark a view as a submit, which is counted against the client's submits a minute."""
    view.counts_as = "submits"  # type: ignore[attr-defined]
    return view


def writes(view: View) -> View:
    """Mark a view that takes rows in: they come in batches, which are counted on their own."""
    view.counts_as = "writes"  # type: ignore[attr-defined]
    return view


def guard() -> None:
    """Before each request of a door: who is it, and is there room in the client's rate?

    Runs before the body is read, so a stranger cannot make the gateway take an upload. Sets
    ``g.client`` and ``g.window``.
    """
    behind = backend()
    if is_nexosis(request.path):
        if request.method == "OPTIONS":  # what a browser asks before it sends the key
            return
        client = _by_key() or _by_pair()
    else:
        client = _by_pair()
    g.client = client
    view = current_app.view_functions[str(request.endpoint)]
    g.window = behind.limiter.count(client, getattr(view, "counts_as", "reads"))
    g.window.check()


def _by_key() -> str | None:
    """The client whose secret came alone, as an ``api-key`` or a bearer's token; None where none came."""
    bearer = request.authorization
    secret = request.environ.get("HTTP_API_KEY", "")
    if not secret and bearer and bearer.type == "bearer":
        secret = bearer.token or ""
    if not secret:
        return None
    behind = backend()
    client = credentials.by_secret(behind.redis, behind.settings, secret)
    if client is None:
        raise _stranger("The subscription key is not valid: it is no client's secret here.")
    return client


def _by_pair() -> str:
    """The client whose id and secret came."""
    behind = backend()
    client_id, secret = _presented()
    if not client_id or not secret:
        if is_nexosis(request.path):
            raise _stranger("The subscription key is missing, or not valid; send the header api-key.")
        raise _stranger("Credentials are missing; send the headers X-IBM-Client-Id and X-IBM-Client-Secret.")
    client = credentials.verify(behind.redis, behind.settings, client_id, secret)
    if client is None:
        raise _stranger("The client id or secret is not known here; check both, or create new ones.")
    return client


def _presented() -> tuple[str, str]:
    """Client id and secret of this request, from the two headers or from HTTP Basic."""
    headers = request.environ
    client_id = headers.get("HTTP_X_IBM_CLIENT_ID", "")
    secret = headers.get("HTTP_X_IBM_CLIENT_SECRET", "")
    if not client_id and not secret and (basic := request.authorization) and basic.type == "basic":
        client_id, secret = basic.username or "", basic.password or ""
    return client_id, secret


def _stranger(text: str) -> OddlineError:
    return OddlineError(text, code="unauthorized", status=401)
