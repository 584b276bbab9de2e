"""What requests of this dialect may say."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from oddline_api.nexosis.inputs import Choice, Flag, Lenient, Moment, Page, Stamp, Texts, Value, Word
from oddline_workers.datasets.metadata import DATA_TYPES

__all__ = [
    "DataQuery",
    "DatasetsQuery",
    "DeleteDataQuery",
    "DeleteModelsQuery",
    "DeleteSessionsQuery",
    "Extra",
    "ImportsQuery",
    "ModelsQuery",
    "SessionIn",
    "SessionsQuery",
    "StatsQuery",
    "UploadQuery",
    "sent",
]

_ABOUT_INCLUDE = {"description": "Only these columns; repeated, or with commas in between."}

MOST_VALUES = 1_000
"""So many texts may count as missing."""


def _order() -> Choice:
    return Choice("asc", "desc", data_key="sortOrder")


def _sorted(*words: str) -> Choice:
    return Choice(*words, data_key="sortBy")


class UploadQuery(Lenient):
    """Of rows that are sent."""

    timestamp = Word(data_key="timestampColumn", metadata={"description": "Which column is the timestamp."})


class DatasetsQuery(Page):
    """Which datasets to list, by name if nothing is said."""

    part = Word(data_key="partialName", load_default="", metadata={"description": "In the name."})
    sort_by = _sorted("dataSetName", "dataSetSize", "rowCount", "dateCreated", "lastModified")
    sort_order = _order()


class DataQuery(Page):
    """Which rows and columns of a dataset."""

    start = Moment(data_key="startDate")
    end = Moment(data_key="endDate", metadata={"description": "Included, as the start is."})
    columns = Texts(data_key="include", load_default=list, metadata=_ABOUT_INCLUDE)


class DeleteDataQuery(Lenient):
    """Which rows go; without a word, all of the dataset."""

    start = Moment(data_key="startDate")
    end = Moment(data_key="endDate")
    start_key = Word(data_key="startKey")
    end_key = Word(data_key="endKey")
    keys = Texts(load_default=list, metadata={"description": "Repeated, or one with commas in between."})
    cascade = Texts(
        load_default=list,
        metadata={"description": "What goes with the dataset: session, model, view, vocabulary."},
    )


class StatsQuery(Lenient):
    """How a column is looked at."""

    data_type = Choice(
        *DATA_TYPES,
        also={"-1": "numericMeasure", **{str(n): word for n, word in enumerate(DATA_TYPES[:5])}},
        data_key="dataType",
        metadata={"description": "As if it were of this type."},
    )


class ImportsQuery(Page):
    """Which imports to list, newest first if nothing is said."""

    name = Word(data_key="dataSetName")
    after = Stamp(data_key="requestedAfterDate")
    before = Stamp(data_key="requestedBeforeDate")
    sort_by = _sorted("id", "dataSetName", "requestedDate", "currentStatusDate")
    sort_order = _order()


class SessionIn(Lenient):
    """A session that is to be."""

    older = {"datasetname": "dataSourceName"}  # noqa: RUF012

    source = Word(data_key="dataSourceName", required=True, metadata={"description": "A dataset."})
    domain = Word(
        data_key="predictionDomain",
        metadata={"description": "anomalies; others are not served."},
    )
    target = Word(data_key="targetColumn", metadata={"description": "Ignored: there is no target here."})
    columns = fields.Raw(
        metadata={"type": "object", "description": "Metadata by column, in the place of the dataset's."}
    )
    callback = Word(
        data_key="callbackUrl", metadata={"description": "Told by a POST when the session is over."}
    )
    name = Word()
    missing = fields.List(Value(), data_key="missingValues", validate=validate.Length(max=MOST_VALUES))
    extra = fields.Raw(
        data_key="extraParameters",
        metadata={"type": "object", "description": "containsAnomalies: false where all rows are usual."},
    )


class Extra(Lenient):
    """The extra parameters of a session."""

    contains = Flag(data_key="containsAnomalies")


class _SessionsAsked(Lenient):
    older = {"datasetname": "dataSourceName"}  # noqa: RUF012

    source = Word(data_key="dataSourceName")
    event = Word(data_key="eventName")
    after = Stamp(data_key="requestedAfterDate")
    before = Stamp(data_key="requestedBeforeDate")


class SessionsQuery(Page, _SessionsAsked):
    """Which sessions to list, newest first if nothing is said."""

    kind = Word(data_key="sessionType")
    model = Word(data_key="modelId")
    sort_by = _sorted("id", "name", "type", "status", "dataSourceName", "requestedDate")
    sort_order = _order()


class DeleteSessionsQuery(_SessionsAsked):
    """Which sessions go; at least one word is needed."""

    older = {  # noqa: RUF012
        **_SessionsAsked.older,
        "startdate": "requestedAfterDate",
        "enddate": "requestedBeforeDate",
    }

    kind = Word(data_key="type")


class _ModelsAsked(Lenient):
    source = Word(data_key="dataSourceName")
    after = Stamp(data_key="createdAfterDate")
    before = Stamp(data_key="createdBeforeDate")


class ModelsQuery(Page, _ModelsAsked):
    """Which models to list, newest first if nothing is said."""

    sort_by = _sorted("id", "modelName", "dataSourceName", "type", "createdDate", "lastUsedDate")
    sort_order = _order()


class DeleteModelsQuery(_ModelsAsked):
    """Which models go; at least one word is needed."""

    older = {"createdafter": "createdAfterDate", "createdbefore": "createdBeforeDate"}  # noqa: RUF012

    model = Word(data_key="modelId")


def sent(query: dict[str, Any]) -> bool:
    """Whether a query says anything."""
    return any(value not in (None, []) for value in query.values())
