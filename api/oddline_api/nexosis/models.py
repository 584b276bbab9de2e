"""Models: listed, looked at, deleted, and asked for predictions."""

from __future__ import annotations

from typing import Any, cast

from flask import Response, g, request

from oddline_api import jsontext
from oddline_api.auth import writes
from oddline_api.backend import backend
from oddline_api.nexosis import account, paging
from oddline_api.nexosis.answers import CSV, JSON, base, empty, sends_csv, told, wants_csv
from oddline_api.nexosis.documents import ModelOut, ModelsOut, PredictionsOut
from oddline_api.nexosis.door import bp, identifier
from oddline_api.nexosis.refusals import nothing_named
from oddline_api.nexosis.schemas import DeleteModelsQuery, ModelsQuery, sent
from oddline_api.uploads import Request, Upload
from oddline_workers import calls
from oddline_workers.models import Model
from oddline_workers.sessions.document import describe_model

__all__ = ["find"]


@bp.get("/models")
@bp.input(ModelsQuery, location="query", arg_name="query")
@bp.output(ModelsOut)
def list_models(query: dict[str, Any]) -> Response:
    """The client's models, newest first if nothing else is said."""
    by = query.get("sort_by")
    found, total = backend().models.list(
        g.client,
        source=query.get("source", ""),
        after=query.get("after"),
        before=query.get("before"),
        sort=by or "createdDate",
        descending=query.get("sort_order", "asc" if by else "desc") == "desc",
        offset=paging.bounds(query)[0],
        limit=query["page_size"],
    )
    at = base()
    return paging.answer((describe_model(model, at, listed=True) for model in found), query, total)


@bp.delete("/models")
@bp.input(DeleteModelsQuery, location="query", arg_name="query")
@bp.output({}, 204)
def delete_models(query: dict[str, Any]) -> Response:
    """Delete all models that the query fits; the sessions stay."""
    if not sent(query):
        raise nothing_named("dataSourceName, modelId, createdAfterDate and createdBeforeDate")
    backend().models.delete_fitting(
        g.client,
        source=query.get("source", ""),
        identifier=query.get("model", "").lower(),
        after=query.get("after"),
        before=query.get("before"),
    )
    return empty()


@bp.get("/models/<model_id>")
@bp.output(ModelOut)
def get_model(model_id: str) -> Response:
    """A model."""
    return told(describe_model(find(model_id), base()))


@bp.delete("/models/<model_id>")
@bp.output({}, 204)
def delete_model(model_id: str) -> Response:
    """Delete a model; its session stays."""
    backend().models.delete(g.client, find(model_id).id)
    return empty()


@bp.post("/models/<model_id>/predict")
@writes
@bp.output(PredictionsOut)
def predict(model_id: str) -> Response:
    """Score rows at once: JSON with data, or CSV; answered in JSON, or in CSV where that is asked for."""
    model = find(model_id)
    account.require_predictions()
    kind, accept = ("csv" if is_csv else "json" for is_csv in (sends_csv(), wants_csv()))
    arguments = {"owner": g.client, "modelId": model.id, "kind": kind, "accept": accept}
    upload = Upload.of_body(cast(Request, request), "rows")
    answer = calls.ask(backend().store, "predict", "predict", arguments, upload.data)
    account.add_predictions(answer.head["rows"])
    if accept == "csv":
        return Response(answer.body, content_type=CSV)
    about = {**describe_model(model, base(), listed=True), "links": []}
    told_of = {name: about[name] for name in _SHOWN}
    head = jsontext.write({"messages": answer.head["messages"], **told_of})
    return Response(b'{"data":' + answer.body + b"," + head[1:], content_type=JSON)


_SHOWN = (
    "modelId",
    "sessionId",
    "predictionDomain",
    "dataSourceName",
    "createdDate",
    "algorithm",
    "metrics",
    "links",
)


def find(model_id: str) -> Model:
    """The client's model of this id.

    Raises
    ------
    OddlineError
        There is none: 404.
    ParameterError
        It is no GUID.
    """
    return backend().models.get(g.client, identifier("modelId", model_id))
