"""Requests drawn from the OpenAPI document: how many, and how each test deals with one."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

__all__ = ["EXAMPLES", "draw"]

EXAMPLES = int(os.environ.get("EXAMPLES", 0))
"""Of each operation, legal and illegal ones; 0 is a small number, the same ones each time."""


def draw(operation: Any, most: int, *, legal: bool, does: Callable[[Any, Any], None]) -> None:
    """Call ``does(case, data)`` with some requests to an operation; ``data`` draws what else is by chance."""
    mode = GenerationMode.POSITIVE if legal else GenerationMode.NEGATIVE

    @settings(
        max_examples=EXAMPLES or most,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def one(data: Any) -> None:
        try:
            case = data.draw(operation.as_strategy(generation_mode=mode))
        except ValueError as error:  # schemathesis cannot spoil every body of bytes
            assert "Unsupported type" in str(error)  # noqa: PT017
            reject()
        does(case, data)

    one()
