"""The files of the repository, those not yet committed too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

__all__ = ["ROOT", "tracked"]

ROOT = Path(__file__).parents[2]


def tracked(*patterns: str) -> list[Path]:
    """The files that match; the test is skipped outside a checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: the rules are about tracked files")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]
