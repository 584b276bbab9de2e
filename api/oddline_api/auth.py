"""Who is calling: the client id and secret of a request, checked against the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, g, request

from oddline.errors import OddlineError
from oddline_api.backend import backend
from oddline_workers import credentials

__all__ = ["guard", "submits"]

View = TypeVar("View", bound=Callable[..., Any])


def submits(view: View) -> View:
    """Mark a view as a submit, which is counted against the client's submits a minute."""
    view.counts_as = "submits"  # type: ignore[attr-defined]
    return view


def guard() -> None:
    """Before each request of a door: who is it, and is there room in the client's rate?

    Runs before the body is read, so a stranger cannot make the gateway take an upload. Sets
    ``g.client`` and ``g.window``.
    """
    behind = backend()
    client_id, secret = _presented()
    if not client_id or not secret:
        raise _stranger("Credentials are missing; send the headers X-IBM-Client-Id and X-IBM-Client-Secret.")
    client = credentials.verify(behind.redis, behind.settings, client_id, secret)
    if client is None:
        raise _stranger("The client id or secret is not known here; check both, or create new ones.")
    g.client = client
    view = current_app.view_functions[str(request.endpoint)]
    g.window = behind.limiter.count(client, getattr(view, "counts_as", "reads"))
    g.window.check()


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
