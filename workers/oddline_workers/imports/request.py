"""The request for an import, as its door takes it in and as its worker reads it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from oddline.errors import DataError
from oddline_workers.datasets.catalogue import require_name
from oddline_workers.datasets.metadata import read_columns
from oddline_workers.imports import azure, s3, url
from oddline_workers.imports.fields import Fields
from oddline_workers.imports.target import Target
from oddline_workers.settings import Settings

__all__ = ["KINDS", "TYPES", "Request", "read"]

TYPES: Mapping[str, Any] = {"url": url, "s3": s3, "azure": azure}
"""Where data may come from: each a module with ``check``, ``shown`` and ``target``."""

KINDS = {
    "json": "json",
    "application/json": "json",
    "text/json": "json",
    "csv": "csv",
    "text/csv": "csv",
    "application/csv": "csv",
}
"""What clients and hosts call the two kinds of data."""
_NUMBERED = {0: "csv", 1: "json"}


@dataclass(frozen=True)
class Request:
    """What is to be imported, from where, as what."""

    type: str
    """One of :data:`TYPES`."""
    name: str
    """Of the dataset."""
    kind: str
    """``"json"``, ``"csv"``, or "" where the data is to tell."""
    columns: Mapping[str, Any]
    """Metadata as it was sent, by column."""
    source: Mapping[str, str] = field(repr=False)
    """Where it is, with the credentials for it."""

    def spec(self) -> dict[str, Any]:
        """What the job's record keeps: everything but credentials."""
        more = {"contentType": self.kind, "columns": self.columns}
        return {
            "type": self.type,
            "dataSetName": self.name,
            "parameters": TYPES[self.type].shown(self.source),
            **{name: value for name, value in more.items() if value},
        }

    def payload(self) -> bytes:
        """What only the job's payload keeps, until its end: the request with its credentials."""
        kept = {"dataSetName": self.name, "contentType": self.kind, "columns": self.columns, **self.source}
        if "userId" in kept:
            kept["auth"] = {"userId": kept.pop("userId"), "password": kept.pop("password", "")}
        return orjson.dumps(kept)

    def target(self, settings: Settings) -> Target:
        """The request to be made for it."""
        made: Callable[..., Target] = TYPES[self.type].target
        return made(self.source, settings)


def read(type: str, body: Mapping[str, Any]) -> Request:
    """A request as a client sent it: names in any case, unknown ones passed over, nulls as absent.

    One for S3 without a bucket that has a ``url``, or a ``container`` or ``blob``, is taken for what it
    must mean: a client of old sends them there.

    Parameters
    ----------
    type : str
        One of :data:`TYPES`.
    body : mapping

    Raises
    ------
    ParameterError
        With ``problems`` by field; never a value of one.
    ColumnsError
        Of the metadata, before anything is fetched.
    """
    fields = Fields(body)
    if type == "s3" and "bucket" not in fields:
        if "url" in fields:
            type = "url"
        elif "container" in fields or "blob" in fields:
            type = "azure"
    name = fields.text("dataSetName", "the name of a dataset")
    try:
        require_name(name)
    except DataError as error:
        fields.refuse("dataSetName", error.message)
    source = TYPES[type].check(fields)
    request = Request(type, name, _kind(fields), fields.object("columns"), source)
    fields.check()
    read_columns(dict(request.columns))
    return request


def _kind(fields: Fields) -> str:
    value = fields.get("contentType")
    kind: str | None = ""
    if isinstance(value, str) and value:
        kind = KINDS.get(value.partition(";")[0].strip().lower())
    elif value is not None and value != "":
        kind = _NUMBERED.get(value) if isinstance(value, int) and not isinstance(value, bool) else None
    if kind is None:
        fields.refuse("contentType", "It is unknown; expected json or csv.")
    return kind or ""
