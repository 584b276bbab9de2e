"""The two batch forms, field by field as the hosted service took them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from apiflask import Schema
from apiflask.fields import Dict, File, String
from marshmallow import EXCLUDE, ValidationError, post_load, pre_load, validates_schema

from oddline.catalog import check
from oddline_api.forms import NOT_A_FILE, ColumnsField, ParameterField, problems_of

__all__ = ["Accepted", "GatewayError", "MultivariateForm", "Polled", "ServiceError", "UnivariateForm", "Up"]

TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
LEGACY = {"scoring_method": "labeling_method", "scoring_threshold": "labeling_threshold"}
"""Names of service 1.1.6, taken where the newer one is absent."""
SCORES_ONLY = ("RelationshipAD",)
"""Algorithms that the hosted service gave no labels for: they take IID alone."""


class _BatchForm(Schema):
    """What both forms share. Unknown fields are passed over, empty ones count as not sent."""

    class Meta:
        unknown = EXCLUDE

    targets: ClassVar[str]

    data_file = File(
        required=True,
        error_messages={
            "required": "is missing; send the data as a multipart file part with this name.",
            "invalid": "is a text field; send it as a file part, with a file name.",
        },
        metadata={"description": "CSV with a header row, or a JSON array of row objects; plain or gzip."},
    )
    time_column = ParameterField("time_column", required=True)
    time_format = ParameterField(
        "time_format",
        load_default=TIME_FORMAT,
        help="A strftime pattern for the time column, or the text None to infer it.",
    )
    prediction_type = ParameterField("prediction_type")
    recent_data = ParameterField("recent_data")
    algorithm_type = ParameterField("algorithm_type", load_default="DeepAD")
    anomaly_estimator = ParameterField("anomaly_estimator")
    lookback_window = ParameterField("lookback_window")
    observation_window = ParameterField("observation_window")
    labeling_method = ParameterField(
        "labeling_method",
        load_default="IID",  # as the hosted form preselected
        help="How scores become labels. With IID the answer carries scores only.",
    )
    labeling_threshold = ParameterField("labeling_threshold")

    @pre_load
    def drop_the_empty(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        sent = {name: value for name, value in data.items() if not isinstance(value, str) or value.strip()}
        for old, new in LEGACY.items():
            if old in sent:
                sent.setdefault(new, sent[old])
        return sent

    @validates_schema(skip_on_field_errors=False)
    def ask_the_catalogue(self, data: dict[str, Any], **_: Any) -> None:
        values = self.parameters(data)
        problems = problems_of(values)
        if not problems:
            spec = check(values)
            if spec.algorithm_type in SCORES_ONLY and spec.labeling_method != "IID":
                text = f"got {spec.labeling_method!r}; {spec.algorithm_type} takes IID only in this dialect"
                problems["labeling_method"] = [text]
        if "target_columns" in problems:
            problems[self.targets] = problems.pop("target_columns")
        if problems:
            raise ValidationError(problems)

    @post_load
    def to_spec(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"file": data["data_file"], "spec": check(self.parameters(data))}

    def parameters(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The form as catalogue parameters."""
        values = {name: value for name, value in data.items() if name not in ("data_file", "target_column")}
        if str(values.get("time_format", "")).strip().casefold() == "none":
            values["time_format"] = None
        if "target_column" in data:
            values["target_columns"] = (data["target_column"],)
        return values


class UnivariateForm(_BatchForm):
    """One column to judge."""

    targets = "target_column"
    target_column = String(
        required=True,
        error_messages={
            "required": "is missing; expected the name of the column to judge.",
            "invalid": NOT_A_FILE,
        },
        metadata={"description": "The column to judge."},
    )


class MultivariateForm(_BatchForm):
    """Several columns to judge, as one list in text."""

    targets = "target_columns"
    target_columns = ColumnsField(
        "target_columns",
        required=True,
        help="The columns to judge, a list as text: [\"a\", \"b\"] or ['a', 'b'].",
    )


class Up(Schema):
    """The answer to a connection check."""

    message = String()


class Accepted(Schema):
    """The answer to a submission."""

    filename = String()
    jobId = String(metadata={"format": "uuid"})  # noqa: N815 - the dialect's name
    status = String()


class Polled(Schema):
    """A job as it stands; the last three only once it is done."""

    filename = String()
    jobId = String(metadata={"format": "uuid"})  # noqa: N815
    status = String(metadata={"enum": ["submitted", "queued", "executing", "done"]})
    prediction_type = String(metadata={"enum": ["entire", "recent"]})
    updated_on = Dict(
        keys=String(),
        values=String(),
        metadata={"description": "submitted@, queued@, execution_started@ and done@ in UTC."},
    )
    summary = Dict(metadata={"description": "Scores and labels by row; or only error, where the job failed."})


class ServiceError(Schema):
    """Why a request was refused."""

    error = String(required=True)


class GatewayError(Schema):
    """Why the front door refused: credentials (401) or rate (429)."""

    httpCode = String()  # noqa: N815
    httpMessage = String()  # noqa: N815
    moreInformation = String()  # noqa: N815
