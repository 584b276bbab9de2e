"""The shape of an error answer, by the door it left."""

from __future__ import annotations

from typing import Any

__all__ = ["check_shape", "keys_of"]


def keys_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    return set()


def check_shape(answer: Any, path: str) -> None:
    """The body of an error answer is JSON in its door's shape."""
    assert answer.status_code >= 400
    body = answer.get_json(force=True)
    assert answer.headers["x-global-transaction-id"]
    if path.lower().startswith("/v1/"):
        assert answer.content_type == "application/json"
        assert (body["statusCode"], type(body["message"])) == (answer.status_code, str)
        more = set() if answer.status_code == 401 else {"errorType", "errorDetails"}
        assert set(body) == {"statusCode", "message", *more}
        assert isinstance(body.get("errorDetails", {}), dict)
        assert isinstance(body.get("errorType", ""), str)
        assert answer.headers["Nexosis-Account-Balance"] == "0.00 USD"
        return
    assert "message" not in keys_of(body)
    if path.startswith("/api/v1/"):
        assert answer.content_type == "application/problem+json"
        assert {"type", "title", "status", "detail", "code"} <= set(body)
        assert body["status"] == answer.status_code
        assert body["detail"]
    elif answer.status_code in (401, 403, 429):
        assert answer.content_type == "application/json"
        assert set(body) == {"httpCode", "httpMessage", "moreInformation"}
        assert body["httpCode"] == str(answer.status_code)
    else:
        assert answer.content_type == "application/json"
        assert isinstance(body["error"], str)
        assert body["error"]
