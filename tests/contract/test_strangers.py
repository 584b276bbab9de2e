"""Who is turned away learns nothing by it, and no secret is compared letter by letter."""

from __future__ import annotations

import ast
import hmac
import itertools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oddline_workers import credentials
from watch import Watch

ROOT = Path(__file__).parents[2]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
PATHS = [
    *("/connection-check", f"/result/{UNKNOWN}", "/api/v1/jobs", f"/api/v1/jobs/{UNKNOWN}"),
    *("/v1/data", f"/v1/sessions/{UNKNOWN}"),
]


@pytest.mark.parametrize("path", PATHS)
def test_an_unknown_id_and_a_wrong_secret_are_turned_away_alike(
    gateway: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    other = gateway.stranger()
    ids = [gateway.client_id, UNKNOWN, "", "\xff"]
    secrets = ["x" * 32, gateway.client_secret[:-1], other.client_secret, "\xe4"]
    answers = set()
    with Watch(gateway, monkeypatch) as watch:
        for secret in secrets:
            asked = set()
            for client_id in filter(None, ids):
                watch.gateway = replace(gateway, client_id=client_id, client_secret=secret)
                told = watch.see("GET", path, UNKNOWN)
                asked.add(told)
                answers.add(re.sub(r"[0-9a-f]{64}", "", told))
            assert len(asked) == 1  # the same answer, and the same question to the store
    assert len(answers) == 1
    assert "(401, " in answers.pop()


def test_every_wrong_key_is_turned_away_alike(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = set()
    with Watch(gateway, monkeypatch) as watch:
        for key in ("x" * 32, gateway.client_secret[:-1], gateway.client_id, "\xe4"):
            told = watch.see("GET", "/v1/data", UNKNOWN, headers={"api-key": key})
            answers.add(re.sub(r"[0-9a-f]{64}", "", told))
    assert len(answers) == 1
    assert "(401, " in answers.pop()


class Traced(str):
    """A text that may be hashed but not compared."""

    __slots__ = ()
    __hash__ = str.__hash__

    def _compared(self, *_: object) -> bool:
        raise AssertionError("compared letter by letter")

    __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = __contains__ = startswith = _compared


def test_verification_compares_in_constant_time(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(credentials, "CACHE_SECONDS", 0.0)
    monkeypatch.setattr(credentials, "hmac", type("Hmac", (), {"compare_digest": staticmethod(compare)}))
    for client_id, secret in itertools.product(
        (gateway.client_id, UNKNOWN), (gateway.client_secret, "x" * 32)
    ):
        found = credentials.verify(gateway.store.client, gateway.settings, Traced(client_id), Traced(secret))
        assert (found is not None) == (client_id != UNKNOWN and secret == gateway.client_secret)
    own = gateway.client_id.encode()
    assert compared == [(own, own), (own, UNKNOWN.encode())]
    with pytest.raises(AssertionError, match="letter by letter"):
        gateway.client_secret == Traced(gateway.client_secret)  # noqa: B015 - the control


def test_no_line_compares_a_secret() -> None:
    secret = re.compile(r"secret|password|digest|sha256", re.IGNORECASE)
    found = []
    for file in [*ROOT.glob("api/oddline_api/**/*.py"), *ROOT.glob("workers/oddline_workers/**/*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
                sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
                if any(map(secret.search, sides)):
                    found.append(f"{file.name}:{node.lineno}: {ast.unparse(node)}")
    assert found == []
