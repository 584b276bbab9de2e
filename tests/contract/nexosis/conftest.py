"""The door of the Nexosis dialect: a gateway, called as its clients call it."""

from __future__ import annotations

from typing import Any

import pytest

from doors import Gateway, gateway, make_gateway, store_login

__all__ = ["gateway", "make_gateway", "store_login"]


class Door:
    """A client of the dialect: its secret is its key."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.headers = {"api-key": gateway.client_secret}

    def call(self, method: str, path: str, **more: Any) -> Any:
        headers = {**self.headers, **more.pop("headers", {})}
        return self.gateway.app.test_client().open("/v1" + path, method=method, headers=headers, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.call("POST", path, json={} if body is None else body, **more)

    def put(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.call("PUT", path, **({"json": body} if body is not None else {}), **more)

    def delete(self, path: str, **more: Any) -> Any:
        return self.call("DELETE", path, **more)


@pytest.fixture
def door(gateway: Gateway) -> Door:
    return Door(gateway)
