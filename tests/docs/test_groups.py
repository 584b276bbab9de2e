"""Tests that share processes run in one place: what ``xdist_group`` asks for is done."""

import subprocess
import sys

TESTS = """
import os, pytest

@pytest.fixture(scope="module")
def shared():
    print(f"\\nstarted {os.getpid()}")

@pytest.mark.xdist_group("together")
@pytest.mark.parametrize("number", range(16))
def test_one(number, shared):
    assert number < 0
"""


def test_a_group_is_run_by_one_process(tmp_path):
    (tmp_path / "test_shared.py").write_text(TESTS)
    words = ["-p", "no:cacheprovider", "-n", "2", "--dist", "loadgroup", "--rootdir", tmp_path, tmp_path]
    said = subprocess.run([sys.executable, "-m", "pytest", *words], capture_output=True, text=True).stdout
    assert "16 failed" in said
    assert said.count("started ") == 1, said
