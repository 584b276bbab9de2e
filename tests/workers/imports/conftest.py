"""What the tests of imports share."""

import subprocess
import sys

import pytest

PROBE = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
heavy = {"numpy", "pandas", "scipy", "sklearn", "torch", "httpcore", "botocore", "celery"}
print(*sorted(heavy & set(sys.modules)))
"""


@pytest.fixture
def heavy_after():
    """A function that tells what heavy libraries the import of some modules loads."""

    def loaded(*names):
        words = [sys.executable, "-c", PROBE, *names]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()

    return loaded
