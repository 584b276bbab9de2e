"""The OpenAPI document: what the schemas do not say themselves is added here."""

from __future__ import annotations

from typing import Any

from apiflask import APIFlask
from marshmallow import Schema

from oddline_api.doors import is_nexosis
from oddline_api.ibm.schemas import GatewayError, ServiceError
from oddline_api.jobs.schemas import JobForm, Problem
from oddline_api.nexosis import openapi as nexosis
from oddline_api.submission import LONGEST_KEY

__all__ = ["describe"]

_PLAIN_BODIES = ("text/csv", "application/json", "application/gzip", "application/octet-stream")

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
    "description": "Names this submission, for 24 hours: sent again with the same key it makes no second job "
    "and answers with the first. With another request it is refused (422).",
}

_DESCRIPTION = """Anomaly detection for time series: send a file, get a job id, ask for its scores and labels.

The IBM dialect is also served under {alias}, where the hosted service had it. The Nexosis dialect takes its
words in any case."""


def describe(app: APIFlask, *, alias: str) -> None:
    """Configure ``/openapi.json`` of ``app``; routes under ``alias`` are named once, in words."""
    app.description = _DESCRIPTION.format(alias=alias)
    app.config["AUTO_404_RESPONSE"] = False
    app.config["AUTO_VALIDATION_ERROR_RESPONSE"] = False
    app.config["AUTO_AUTH_ERROR_RESPONSE"] = False
    app.config["AUTO_OPERATION_ID"] = True
    app.config["VALIDATION_ERROR_STATUS_CODE"] = 400
    app.config["SPEC_PROCESSOR_PASS_OBJECT"] = True
    app.tags = ["IBM dialect", "Nexosis dialect", "Jobs", "Health"]
    app.security_schemes = {
        "ClientId": {"type": "apiKey", "in": "header", "name": "X-IBM-Client-Id"},
        "ClientSecret": {"type": "apiKey", "in": "header", "name": "X-IBM-Client-Secret"},
        "Basic": {"type": "http", "scheme": "basic"},
        "ApiKey": {"type": "apiKey", "in": "header", "name": "api-key"},
        "Bearer": {"type": "http", "scheme": "bearer"},
    }

    @app.spec_processor
    def complete(spec: Any) -> Any:
        _register(spec, "ServiceError", ServiceError)
        _register(spec, "GatewayError", GatewayError)
        _register(spec, "Problem", Problem)
        _register(spec, "JobForm", JobForm)
        paths = spec._paths
        for path in [path for path in paths if path.startswith(alias)]:
            del paths[path]
        nexosis.complete(spec, paths)
        for path, operations in paths.items():
            if is_nexosis(path):
                continue
            for method, operation in operations.items():
                if method == "post" and path != "/connection-check":
                    operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
                if path not in ("/livez", "/readyz"):
                    operation["security"] = [{"ClientId": [], "ClientSecret": []}, {"Basic": []}]
                    _add_errors(operation, plain=path.startswith("/api/v1"))
        paths["/api/v1/jobs"]["post"]["requestBody"] = _bodies()
        paths["/readyz"]["get"]["responses"]["503"] = {"description": "The store does not answer."}
        return spec


def _register(spec: Any, name: str, schema: type[Schema]) -> None:
    if name not in spec.components.schemas:
        spec.components.schema(name, schema=schema)


def _bodies() -> dict[str, Any]:
    form = {"schema": {"$ref": "#/components/schemas/JobForm"}}
    data = {"schema": {"type": "string", "format": "binary"}}
    rows = {"schema": {"type": "array", "items": {"type": "object"}}}
    content = {kind: rows if kind == "application/json" else data for kind in _PLAIN_BODIES}
    return {"required": True, "content": {"multipart/form-data": form, **content}}


def _add_errors(operation: dict[str, Any], *, plain: bool) -> None:
    statuses = {"401": "Unknown credentials", "429": "Too many requests", "503": "The store is away or full"}
    if "requestBody" in operation or operation.get("operationId", "").startswith("post_jobs"):
        statuses |= {
            "400": "A field or the file is wrong",
            "408": "The upload took too long",
            "411": "No Content-Length",
            "413": "The upload is too large",
            "415": "Another content type was expected",
        }
    if _IDEMPOTENCY_KEY in operation.get("parameters", ()):
        statuses["400"] = "The Idempotency-Key, a field or the file is wrong"
        statuses["422"] = "The Idempotency-Key was used for another request"
    if any(item.get("in") == "path" for item in operation.get("parameters", ())):
        statuses |= {"404": "No such job of this client", "409": "The job is in another state"}
    if any(item.get("in") == "query" for item in operation.get("parameters", ())):
        statuses |= {"400": "A parameter is wrong"}
    for status, text in sorted(statuses.items()):
        front = status in ("401", "429")
        name = "Problem" if plain else "GatewayError" if front else "ServiceError"
        kind = "application/problem+json" if plain else "application/json"
        content = {kind: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        operation["responses"].setdefault(status, {"description": text, "content": content})
