"""docs/security.md: each line of its tables names a test that exists and is run."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
TEST = re.compile(r"`([\w/]+\.py(?:::\w+)+(?:\[[\w-]+\])?)`")


def rows() -> list[list[str]]:
    """The cells of each line of each table, but for the heads."""
    lines = [line for line in PAGE.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    ruled = {number for number, row in enumerate(cells) if set(row[0]) == {"-"}}
    return [row for number, row in enumerate(cells) if number not in ruled and number + 1 not in ruled]


def test_the_page_has_lines_and_each_names_a_test():
    assert len(rows()) > 50
    bare = [row[0] for row in rows() if not TEST.search(row[-1])]
    assert not bare, f"no test is named for: {bare}"
    for row in rows():
        assert not re.sub(TEST, "", row[-1]).strip(", "), f"what is this: {row[-1]}"


def test_every_test_that_is_named_exists_and_is_run():
    named = sorted({f"tests/{name}" for row in rows() for name in TEST.findall(row[-1])})
    words = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", *named]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[-3000:] + found.stderr[-3000:]
    collected = {line.partition("@")[0] for line in found.stdout.splitlines()}
    assert set(named) <= collected | {name.partition("[")[0] for name in collected}


def test_the_way_to_report_a_hole_is_there_and_names_no_address():
    text = (ROOT / "SECURITY.md").read_text()
    assert "docs/security.md" in text
    assert not re.search(r"\w@\w|https?://", text)
