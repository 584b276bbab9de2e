"""What answers of this dialect are made of; dates and ids are texts, values in rows too."""

from __future__ import annotations

from typing import Any

from apiflask import Schema
from marshmallow import fields

__all__ = [
    "DataOut",
    "DatasetOut",
    "DatasetsOut",
    "ImportOut",
    "ImportsOut",
    "ModelOut",
    "ModelsOut",
    "NexosisError",
    "Pages",
    "PredictionsOut",
    "ResultsOut",
    "SessionOut",
    "SessionsOut",
    "StatsOut",
]


def _word(*words: str) -> fields.String:
    return fields.String(metadata={"enum": [*words]} if words else {})


def _rows() -> fields.List:
    return fields.List(fields.Dict(keys=fields.String(), values=fields.String()))


class _Link(Schema):
    rel = fields.String()
    href = fields.String()


class _Message(Schema):
    severity = _word("debug", "informational", "warning", "error")
    message = fields.String()


class _Step(Schema):
    date = fields.String()
    status = fields.String()


class _ColumnOut(Schema):
    dataType = _word("string", "numeric", "logical", "date", "text", "numericMeasure")  # noqa: N815
    role = _word("none", "timestamp", "target", "feature", "key")
    imputation = _word("zeroes", "mean", "median", "mode", "min", "max")
    aggregation = _word("sum", "mean", "median", "mode", "min", "max")


class _Linked(Schema):
    links = fields.List(fields.Nested(_Link))


class _Columned(Schema):
    columns = fields.Dict(keys=fields.String(), values=fields.Nested(_ColumnOut))


class _Paged(_Linked):
    pageNumber = fields.Integer()  # noqa: N815
    totalPages = fields.Integer()  # noqa: N815
    pageSize = fields.Integer()  # noqa: N815
    totalCount = fields.Integer()  # noqa: N815


class Pages(_Paged):
    """An empty page."""

    items = fields.List(fields.Dict())


class DatasetOut(_Linked, _Columned):
    """A dataset without its rows."""

    dataSetName = fields.String()  # noqa: N815
    dataSetSize = fields.Integer(metadata={"description": "Bytes as they are stored."})  # noqa: N815
    dateCreated = fields.String()  # noqa: N815
    lastModified = fields.String()  # noqa: N815
    columnCount = fields.Integer()  # noqa: N815
    rowCount = fields.Integer()  # noqa: N815
    isTimeSeries = fields.Boolean()  # noqa: N815
    missingValues = fields.List(fields.String())  # noqa: N815
    messages = fields.List(fields.Nested(_Message))


class ListedDataset(DatasetOut):
    """A dataset in a list."""


class DatasetsOut(_Paged):
    """One page of the client's datasets."""

    items = fields.List(fields.Nested(ListedDataset))


class DataOut(DatasetOut, _Paged):
    """A dataset with one page of its rows."""

    data = _rows()


class StatsOut(Schema):
    """What the values of columns are like."""

    dataSetName = fields.String()  # noqa: N815
    columns = fields.Dict(keys=fields.String(), values=fields.Dict())


class ImportOut(_Linked, _Columned):
    """An import as it stands; without credentials."""

    importId = fields.String(metadata={"format": "uuid"})  # noqa: N815
    type = _word("url", "s3", "azure")
    status = _word("requested", "started", "completed", "failed", "cancelled")
    dataSetName = fields.String()  # noqa: N815
    parameters = fields.Dict()
    requestedDate = fields.String()  # noqa: N815
    statusHistory = fields.List(fields.Nested(_Step))  # noqa: N815
    messages = fields.List(fields.Nested(_Message))
    columns = fields.Dict(metadata={"description": "Metadata as it was sent."})


class ListedImport(ImportOut):
    """An import in a list."""


class ImportsOut(_Paged):
    """One page of the client's imports."""

    items = fields.List(fields.Nested(ListedImport))


class _Algorithm(Schema):
    name = fields.String()
    description = fields.String()
    key = fields.String()


class _Session(_Linked):
    sessionId = fields.String(metadata={"format": "uuid"})  # noqa: N815
    type = _word("model")
    status = _word("requested", "started", "completed", "failed", "cancelled")
    predictionDomain = _word("anomalies")  # noqa: N815
    supportsFeatureImportance = fields.Boolean()  # noqa: N815
    availablePredictionIntervals = fields.List(fields.String())  # noqa: N815
    modelId = fields.String(metadata={"format": "uuid"})  # noqa: N815
    requestedDate = fields.String()  # noqa: N815
    statusHistory = fields.List(fields.Nested(_Step))  # noqa: N815
    extraParameters = fields.Dict()  # noqa: N815
    messages = fields.List(fields.Nested(_Message))
    name = fields.String()
    dataSourceName = fields.String()  # noqa: N815
    dataSetName = fields.String()  # noqa: N815
    targetColumn = fields.String()  # noqa: N815
    algorithm = fields.Nested(_Algorithm)
    isEstimate = fields.Boolean()  # noqa: N815
    callbackUrl = fields.String()  # noqa: N815


class SessionOut(_Session, _Columned):
    """A session as it stands; ``modelId`` and ``algorithm`` once it is completed."""


class ListedSession(SessionOut):
    """A session in a list."""


class SessionsOut(_Paged):
    """One page of the client's sessions."""

    items = fields.List(fields.Nested(ListedSession))


class ResultsOut(_Session, _Paged):
    """A session with one page of its rows; none before it is completed."""

    metrics = fields.Dict(keys=fields.String(), values=fields.Float())
    data = _rows()


class _OfModel(_Linked):
    """What is told of a model beside its predictions too."""

    modelId = fields.String(metadata={"format": "uuid"})  # noqa: N815
    sessionId = fields.String(metadata={"format": "uuid"})  # noqa: N815
    predictionDomain = _word("anomalies")  # noqa: N815
    dataSourceName = fields.String()  # noqa: N815
    createdDate = fields.String()  # noqa: N815
    algorithm = fields.Nested(_Algorithm)
    metrics = fields.Dict(keys=fields.String(), values=fields.Float())


class ModelOut(_OfModel, _Columned):
    """A model."""

    modelName = fields.String()  # noqa: N815
    lastUsedDate = fields.String()  # noqa: N815


class ListedModel(ModelOut):
    """A model in a list."""


class ModelsOut(_Paged):
    """One page of the client's models."""

    items = fields.List(fields.Nested(ListedModel))


class PredictionsOut(_OfModel):
    """The rows that were sent, each with its score."""

    data = _rows()
    messages = fields.List(fields.Nested(_Message))


class NexosisError(Schema):
    """Why a request was refused; of credentials (401) the first two fields alone."""

    statusCode = fields.Integer(required=True)  # noqa: N815
    message = fields.String(required=True)
    errorType = fields.String()  # noqa: N815
    errorDetails: Any = fields.Dict()  # noqa: N815
