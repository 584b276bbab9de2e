"""The retired service's own clients, where `make` has put them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

__all__ = ["javascript", "python"]

CLIENTS = Path(sys.prefix) / "clients"


def python() -> Path:
    """The folder of the Python client; without it the test is skipped, which a CI run may not be."""
    return _there(CLIENTS / "python", "nexosisapi", "`make setup` installs it")


def javascript() -> Path:
    """The modules of the JavaScript client, likewise; they want Node."""
    if not shutil.which("node"):
        _missing("Node is not installed")
    return _there(
        CLIENTS / "node" / "node_modules", "nexosis-api-client", "`make setup` installs it with npm"
    )


def _there(folder: Path, name: str, how: str) -> Path:
    if not (folder / name).is_dir():
        _missing(f"{name} is not in {folder}: {how}")
    return folder


def _missing(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)
