"""What a request shows of itself: its answer, and what the store was asked for it."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import pytest

from oddline_workers import credentials

__all__ = ["Watch"]

UPKEEP = ("PING", "HELLO", "AUTH", "SELECT", "CLIENT", "RATE")

PASSING = {"x-global-transaction-id", "x-ratelimit-remaining"}
"""Headers that differ from one request to the next of the same kind."""


class Watch:
    """What a client can see of its request, and what the store was asked for it."""

    def __init__(self, gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        # A secret is looked up again every two seconds; here at every request.
        monkeypatch.setattr(credentials, "CACHE_SECONDS", 0.0)
        self.gateway = gateway
        self.admin = gateway.store.client
        self.monitor = self.admin.monitor()

    def __enter__(self) -> Watch:
        self.monitor.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.monitor.__exit__(*error)

    def see(self, method: str, rule: str, job_id: str, **more: Any) -> Any:
        """Status, headers, body and commands of one request, with the id taken out."""
        self.commands()
        answer = self.gateway.call(method, rule.replace("<job_id>", job_id), **more)
        seen = sorted((n, v) for n, v in answer.headers if n.lower() not in PASSING)
        told = repr((answer.status_code, seen, answer.data, self.commands()))
        digest = hashlib.sha256(job_id.casefold().encode()).hexdigest()  # as datasets are filed
        return told.replace(job_id, "<id>").replace(digest, "<digest>")

    def commands(self) -> list[str]:
        """What the store did since the last call, by every client and within scripts."""
        mark, told = uuid.uuid4().hex, []
        self.admin.echo(mark)
        while mark not in (command := self.monitor.next_command()["command"]):
            text = command.replace(self.gateway.settings.key_prefix + "rate", "RATE ")
            if "RATE" not in text and not text.upper().startswith(UPKEEP):
                told.append(text)
        return told
