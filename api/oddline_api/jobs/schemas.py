"""What our own dialect takes and gives."""

from __future__ import annotations

from apiflask import Schema
from apiflask.fields import Boolean, DateTime, Dict, Enum, File, Float, Integer, List, Nested, String
from marshmallow import validate

from oddline.catalog import PARAMETERS
from oddline_api.forms import ColumnsField, ParameterField
from oddline_workers.jobs import KINDS, Status

__all__ = ["JobForm", "JobOut", "JobsOut", "JobsQuery", "ParametersQuery", "Problem"]

_PARAMETERS = {
    name: (ColumnsField if item.kind == "columns" else ParameterField)(name)
    for name, item in PARAMETERS.items()
}

ParametersQuery = Schema.from_dict(
    {**_PARAMETERS, "filename": String(metadata={"description": "The name the job shows."})},
    name="ParametersQuery",
)

JobForm = Schema.from_dict(
    {
        "file": File(required=True, metadata={"description": "CSV or JSON rows, plain or gzip."}),
        **_PARAMETERS,
    },
    name="JobForm",
)


class JobsQuery(Schema):
    """Which jobs to list, newest first."""

    limit = Integer(load_default=50, validate=validate.Range(1, 1000))
    offset = Integer(load_default=0, validate=validate.Range(0, 10_000_000))
    status = Enum(Status, by_value=True)


class _Progress(Schema):
    fraction = Float(metadata={"minimum": 0, "maximum": 1})
    stage = String()


class _Timeline(Schema):
    submitted = DateTime(allow_none=True)
    queued = DateTime(allow_none=True)
    execution_started = DateTime(allow_none=True)
    done = DateTime(allow_none=True)


class _Links(Schema):
    self = String()
    result = String()
    retry_of = String(allow_none=True, metadata={"description": "The failed job that this one does again."})
    retried_as = String(allow_none=True, metadata={"description": "The latest job that does this one again."})


class JobOut(Schema):
    """A job as it stands."""

    id = String(metadata={"format": "uuid"})
    status = String(metadata={"enum": [str(status) for status in Status]})
    filename = String()
    size = Integer(metadata={"description": "Bytes of the upload."})
    dialect = String(metadata={"enum": ["ibm", "nexosis", "plain"]})
    kind = String(metadata={"enum": list(KINDS)})
    lane = String(metadata={"enum": ["cpu", "gpu"]})
    parameters = Dict()
    attempt = Integer()
    cancel = Boolean(metadata={"description": "Whether its owner asked to end it."})
    progress = Nested(_Progress)
    timeline = Nested(_Timeline)
    error = Dict(allow_none=True)
    links = Nested(_Links)


class JobsOut(Schema):
    """One page of a client's jobs."""

    jobs = List(Nested(JobOut))
    total = Integer()
    limit = Integer()
    offset = Integer()


class _Wrong(Schema):
    parameter = String()
    detail = String()


class Problem(Schema):
    """RFC 9457 problem details."""

    type = String()
    title = String()
    status = Integer()
    detail = String()
    code = String()
    column = String()
    row = Integer()
    parameter = String()
    errors = List(Nested(_Wrong))
