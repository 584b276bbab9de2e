"""The gateway: one Flask app with a blueprint for each door."""

from __future__ import annotations

import logging
import sys
from threading import Thread

import structlog
from apiflask import APIFlask

import oddline
from oddline_api import errors, headers, health, ibm, jobs, nexosis, openapi
from oddline_api.backend import Backend
from oddline_api.uploads import Request
from oddline_workers import telemetry
from oddline_workers.settings import Settings, from_environment

__all__ = ["create_app"]

IBM_PREFIX = "/ai4industry/run"
"""Where the hosted service had its routes; clients have it written into them."""


class Gateway(APIFlask):
    """The app class, with requests that count what they read."""

    request_class = Request


def create_app(settings: Settings | None = None) -> Gateway:
    """Make the gateway's WSGI app. Opens no connection, so it may start before the store.

    Parameters
    ----------
    settings : Settings, optional
        Without them this is a serving process: those of the environment are read, logs go to
        stderr as JSON lines, and what the first submit needs is loaded in the background.
    """
    app = Gateway(
        __name__,
        title="Oddline",
        version=oddline.__version__,
        docs_path=None,
        json_errors=False,
        static_folder=None,
    )
    # A path with two slashes is no path of ours; else Werkzeug redirects, to the host the request names.
    app.url_map.merge_slashes = False
    served = settings is None
    settings = settings or from_environment()
    app.extensions["oddline"] = behind = Backend(settings)
    if not structlog.is_configured():
        _log_without_locals()
    if served:
        telemetry.configure(settings)
        # The server's own errors too: their text may be a stranger's.
        server = logging.getLogger("_granian")
        server.handlers.clear()
        server.propagate = True
        Thread(target=behind.warm, daemon=True).start()
    headers.register(app)
    app.register_blueprint(ibm.bp)
    app.register_blueprint(ibm.bp, url_prefix=IBM_PREFIX, name="ibm_hosted")
    app.register_blueprint(jobs.bp)
    app.register_blueprint(nexosis.bp)
    app.wsgi_app = nexosis.AnyCase(app.wsgi_app)  # type: ignore[method-assign]
    app.register_blueprint(health.bp)
    errors.register(app)
    openapi.describe(app, alias=IBM_PREFIX)
    return app


def _log_without_locals() -> None:
    """For an app inside another program: structlog's own way prints the variables of every frame."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            telemetry.render,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
