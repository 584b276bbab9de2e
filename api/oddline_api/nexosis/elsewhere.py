"""What the dialect has beside anomalies: answered clearly, with nothing behind it."""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Response

from oddline_api.nexosis import paging
from oddline_api.nexosis.answers import empty
from oddline_api.nexosis.documents import Pages
from oddline_api.nexosis.door import bp, identifier
from oddline_api.nexosis.inputs import Page
from oddline_api.nexosis.refusals import invalid, not_found
from oddline_api.nexosis.sessions import find

__all__ = ["ONLY_ANOMALIES"]

ONLY_ANOMALIES = "is not served here; expected anomalies, at sessions/model."


@bp.post("/sessions/forecast")
@bp.output({}, content_type="application/json")
def start_forecast() -> NoReturn:
    """Forecasts are not made here: 400."""
    raise invalid({"predictionDomain": "forecast " + ONLY_ANOMALIES})


@bp.post("/sessions/impact")
@bp.output({}, content_type="application/json")
def start_impact() -> NoReturn:
    """The impact of events is not judged here: 400."""
    raise invalid({"predictionDomain": "impact " + ONLY_ANOMALIES})


@bp.get("/sessions/<session_id>/results/confusionmatrix")
@bp.output({}, content_type="application/json")
def get_confusion_matrix(session_id: str) -> NoReturn:
    """Sessions on anomalies have no confusion matrix: 404."""
    _none("confusionMatrix", session_id)


@bp.get("/sessions/<session_id>/results/classscores")
@bp.output({}, content_type="application/json")
def get_class_scores(session_id: str) -> NoReturn:
    """Sessions on anomalies have no class scores: 404."""
    _none("classScores", session_id)


@bp.get("/sessions/<session_id>/results/featureimportance")
@bp.output({}, content_type="application/json")
def get_feature_importance(session_id: str) -> NoReturn:
    """Sessions on anomalies have no feature importance: 404."""
    _none("featureImportance", session_id)


@bp.get("/sessions/<session_id>/results/outliers")
@bp.output({}, content_type="application/json")
def get_outliers(session_id: str) -> NoReturn:
    """Outliers of a forecast; sessions on anomalies have none: 404."""
    _none("outliers", session_id)


@bp.get("/sessions/<session_id>/contest")
@bp.get("/sessions/<session_id>/contest/champion")
@bp.get("/sessions/<session_id>/contest/selection")
@bp.get("/sessions/<session_id>/contest/contestants")
@bp.get("/sessions/<session_id>/contest/contestants/<contestant_id>")
@bp.output({}, content_type="application/json")
def get_contest(session_id: str, contestant_id: str = "") -> NoReturn:
    """No algorithms compete in a session on anomalies: 404."""
    _none("contest", session_id)


def _none(kind: str, session_id: str) -> NoReturn:
    raise not_found(kind, find(session_id).id)


@bp.get("/views")
@bp.input(Page, location="query", arg_name="query")
@bp.output(Pages)
def list_views(query: dict[str, Any]) -> Response:
    """Datasets cannot be joined into views here: an empty page."""
    return _no_page(query)


@bp.get("/vocabulary")
@bp.input(Page, location="query", arg_name="query")
@bp.output(Pages)
def list_vocabularies(query: dict[str, Any]) -> Response:
    """Texts are categories here, with no vocabularies: an empty page."""
    return _no_page(query)


@bp.get("/messages")
@bp.input(Page, location="query", arg_name="query")
@bp.output(Pages)
def list_messages(query: dict[str, Any]) -> Response:
    """Messages stand with what they are about: an empty page."""
    return _no_page(query)


@bp.get("/metrics")
@bp.input(Page, location="query", arg_name="query")
@bp.output(Pages)
def list_metrics(query: dict[str, Any]) -> Response:
    """Metrics stand with sessions and models: an empty page."""
    return _no_page(query)


def _no_page(query: dict[str, Any]) -> Response:
    return paging.answer((), query, 0)


@bp.put("/views/<name>")
@bp.output({}, content_type="application/json")
def put_view(name: str) -> NoReturn:
    """Datasets cannot be joined into views here: 400."""
    raise invalid({"joins": "are not served here; put the rows together into one dataset."})


@bp.get("/views/<name>")
@bp.output({}, content_type="application/json")
def get_view(name: str) -> NoReturn:
    """There are no views: 404."""
    raise not_found("view", name)


@bp.delete("/views/<name>")
@bp.output({}, content_type="application/json")
def delete_view(name: str) -> NoReturn:
    """There are no views: 404."""
    raise not_found("view", name)


@bp.delete("/vocabulary")
@bp.output({}, 204)
def delete_vocabularies() -> Response:
    """There are no vocabularies, so that all are gone: 204."""
    return empty()


@bp.get("/vocabulary/<vocabulary_id>")
@bp.output({}, content_type="application/json")
def get_vocabulary(vocabulary_id: str) -> NoReturn:
    """There are no vocabularies: 404."""
    raise not_found("vocabulary", identifier("vocabularyId", vocabulary_id))


@bp.delete("/vocabulary/<vocabulary_id>")
@bp.output({}, content_type="application/json")
def delete_vocabulary(vocabulary_id: str) -> NoReturn:
    """There are no vocabularies: 404."""
    raise not_found("vocabulary", identifier("vocabularyId", vocabulary_id))
