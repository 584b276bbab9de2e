"""What the OpenAPI document says of this dialect, and the schemas do not."""

from __future__ import annotations

from typing import Any

from apiflask import Schema
from marshmallow import fields

from oddline_api.doors import is_nexosis
from oddline_api.nexosis.documents import NexosisError
from oddline_api.nexosis.schemas import SessionIn

__all__ = ["SECURITY", "complete"]

SECURITY: list[dict[str, list[str]]] = [{"ApiKey": []}, {"Bearer": []}]

_ROWS = fields.List(fields.Dict(), metadata={"description": "Flat objects: numbers, texts, booleans, nulls."})
_COLUMNS = fields.Dict(
    keys=fields.String(), values=fields.Dict(), metadata={"description": "Metadata by name."}
)


class _Rows(Schema):
    data = _ROWS
    columns = _COLUMNS
    missingValues = fields.List(fields.String())  # noqa: N815


class _Predict(Schema):
    data = fields.List(fields.Dict(), required=True)
    extraParameters = fields.Dict()  # noqa: N815


class _Import(Schema):
    dataSetName = fields.String(required=True)  # noqa: N815
    contentType = fields.String(metadata={"enum": ["json", "csv"]})  # noqa: N815
    columns = _COLUMNS


class _Url(_Import):
    url = fields.String(required=True)
    auth = fields.Dict(metadata={"description": "basic: userId and password."})


class _S3(_Import):
    bucket = fields.String(required=True)
    path = fields.String(required=True)
    region = fields.String()
    accessKeyId = fields.String()  # noqa: N815
    secretAccessKey = fields.String()  # noqa: N815


class _Azure(_Import):
    connectionString = fields.String(required=True)  # noqa: N815
    container = fields.String(required=True)
    blob = fields.String(required=True)


_BODIES: dict[tuple[str, str], tuple[type[Schema], bool]] = {
    ("/v1/data/{name}", "put"): (_Rows, True),
    ("/v1/models/{model_id}/predict", "post"): (_Predict, True),
    ("/v1/imports/url", "post"): (_Url, False),
    ("/v1/imports/s3", "post"): (_S3, False),
    ("/v1/imports/azure", "post"): (_Azure, False),
    ("/v1/sessions/model", "post"): (SessionIn, False),
}
"""The schema of a body, and whether CSV is taken too."""

_IN_CSV = ("/v1/data/{name}", "/v1/models/{model_id}/predict", "/results")
_STATUSES = {
    "400": "A field, a parameter or the data is wrong",
    "401": "No client's secret",
    "404": "No such thing of this client",
    "408": "The body took too long",
    "411": "No Content-Length",
    "413": "Too large",
    "429": "Too many requests, or as many of these as are allotted",
    "503": "The store is away or full, or the answer took too long",
}


def complete(spec: Any, paths: dict[str, Any]) -> None:
    """Add bodies, errors and credentials to the operations of this dialect."""
    if "NexosisError" not in spec.components.schemas:
        spec.components.schema("NexosisError", schema=NexosisError)
    for (path, method), (schema, csv) in _BODIES.items():
        name = schema.__name__.lstrip("_")
        if (name := name if name.endswith("In") else name + "In") not in spec.components.schemas:
            spec.components.schema(name, schema=schema)
        content: dict[str, Any] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        if csv:
            content["text/csv"] = {"schema": {"type": "string", "format": "binary"}}
        paths[path][method]["requestBody"] = {"required": True, "content": content}
    for path, operations in paths.items():
        for method, operation in operations.items():
            if is_nexosis(path):
                _finish(path, method, operation)


def _finish(path: str, method: str, operation: dict[str, Any]) -> None:
    words = [word.strip("{}") for word in path.split("/")[2:]]
    operation["operationId"] = "_".join([method, "nexosis", *words])
    operation["security"] = SECURITY
    operation["tags"] = ["Nexosis dialect"]
    asks = any(item.get("in") == "query" for item in operation.get("parameters", ()))
    statuses = {"401", "429", "503", "404", "400"} if "{" in path or asks else {"401", "429", "503"}
    if "requestBody" in operation:
        statuses |= {"400", "404", "408", "411", "413"}
    if path.endswith(("/forecast", "/impact")):
        statuses.add("400")
    if method == "get" and (path.endswith(_IN_CSV) or "/results/" in path):
        csv = {"schema": {"type": "string", "format": "binary"}}
        operation["responses"]["200"]["content"]["text/csv"] = csv
    if path.endswith("/predict"):
        operation["responses"]["200"]["content"]["text/csv"] = {
            "schema": {"type": "string", "format": "binary"}
        }
    for status in sorted(statuses):
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/NexosisError"}}}
        operation["responses"][status] = {"description": _STATUSES[status], "content": content}
