"""The rules of the house that a machine can hold."""

import re
import subprocess
import sys
from pathlib import Path

from docs.tracked import ROOT, tracked

HARD_LIMIT = 400
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def test_no_file_is_too_long_to_hold_in_the_head():
    files = tracked("*.py")
    assert len(files) > 20
    long = {str(f.relative_to(ROOT)): n for f in files if (n := len(f.read_text().splitlines())) > HARD_LIMIT}
    assert not long, f"over {HARD_LIMIT} lines: {long}"


def test_every_row_of_a_table_has_the_cells_of_its_head():
    pages, odd = tracked("*.md"), []
    assert len(pages) > 20
    for page in pages:
        width = 0
        for number, line in enumerate(page.read_text().splitlines(), 1):
            cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
            width = (width or cells) if cells else 0
            if cells != width:
                odd.append(f"{page.relative_to(ROOT)}:{number}")
    assert not odd


def test_no_module_is_a_drawer():
    assert not [f for f in tracked("*.py") if f.stem in FORBIDDEN_NAMES]


def test_the_check_fails_on_a_broken_layer(tmp_path):
    """What `make check` runs must see an arrow that points up, and must not swallow its exit code."""
    rule = (ROOT / "Makefile").read_text().split("lint-imports --no-cache")[1].split("\n")[0]
    assert rule.strip().startswith(")") and "exit 1" in rule  # noqa: PT018
    (tmp_path / "low").mkdir()
    (tmp_path / "high").mkdir()
    (tmp_path / "low" / "__init__.py").write_text("import high\n")
    (tmp_path / "high" / "__init__.py").write_text("")
    (tmp_path / ".importlinter").write_text(
        "[importlinter]\nroot_packages =\n    low\n    high\n"
        "[importlinter:contract:1]\nname = down\ntype = layers\nlayers =\n    high\n    low\n"
    )
    line = f"told=$({Path(sys.executable).with_name('lint-imports')} --no-cache{rule.replace('$$', '$')}"
    ended = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "down BROKEN" in ended.stdout


def test_importing_the_engine_loads_nothing_heavy():
    code = (
        "import sys, oddline, oddline.catalog, oddline.sniff, oddline.errors;"
        "print(sorted({'numpy', 'pandas', 'sklearn', 'scipy', 'torch'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "[]"


def test_importing_the_gateway_loads_no_engine():
    code = (
        "import sys, oddline_api.app;"
        "print(sorted({'numpy', 'pandas', 'sklearn', 'scipy', 'torch'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "[]"
