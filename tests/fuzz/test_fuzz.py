"""What reads uploads is fuzzed for a minute, and by everything that ever found a bug."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import run
import seeds
import targets

FOLDER = Path(__file__).parent
FOUND = sorted(seeds.FOUND.iterdir())


def fuzz(script, *words):
    """The command's exit code and what it printed."""
    pytest.importorskip("atheris", reason="atheris runs on Linux x86_64 with Python before 3.14 alone")
    line = [sys.executable, str(script), "--jobs", "1", *words]
    done = subprocess.run(line, capture_output=True, text=True, timeout=110)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", run.NAMES)
def test_half_a_minute_finds_nothing(name, tmp_path):
    code, said = fuzz(FOLDER / "run.py", "--targets", name, "--seconds", "30", "--keep", str(tmp_path))
    assert code == 0, said
    inputs, _, crashes, hangs = re.search(
        rf"^{name} +([\d,]+) +([\d,]+) +(\d+) +(\d+)", said, re.MULTILINE
    ).groups()
    assert int(inputs.replace(",", "")) > 1_000
    assert (crashes, hangs) == ("0", "0")
    assert re.search(r"\btaken [\d,]{3,}", said), "too few inputs got through to the end"


@pytest.mark.parametrize("name", run.NAMES)
@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_found_a_bug_finds_it_no_more(path, name):
    begun = time.monotonic()
    assert getattr(targets, name)(path.read_bytes())
    assert time.monotonic() - begun < run.HANG


def test_what_is_composed_is_a_table():
    made = [targets.composed(bytes([240 + kind, 1, *range(0, 40)])) for kind in range(16)]
    assert made[1].startswith(b"t,v\n1,2\n3.5,-4\n")
    assert made[9].startswith(b'[{"t": "1", "v": "2"}')
    assert len(set(made)) == 10


def test_every_seed_is_read_or_refused():
    ends = {targets.table(seed) for seed in seeds.seeds()}
    assert len(ends) > 10
    assert "taken" in ends


def test_the_command_sees_what_it_is_there_for(tmp_path):
    """The control: errors of others, slow inputs and a process that dies are found, kept and told."""
    for name in ("run.py", "seeds.py"):
        shutil.copy(FOLDER / name, tmp_path)
    (tmp_path / "targets.py").write_text(
        "import os\n"
        "settled = bytes\n"
        "def table(data):\n"
        "    if data[1:2] == b'[': raise KeyError('not ours')\n"
        "    if data[:2] == b'\\x00v': sum(range(10**8))\n"
        "    return 'taken'\n"
        "def gateway(data):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    code, said = fuzz(
        tmp_path / "run.py", "--runs", "5000", "--seconds", "20", "--keep", str(tmp_path / "kept")
    )
    assert code == 1
    counts = {
        name: [*map(int, found)]
        for name, *found in re.findall(r"^(\w+) +[\d,]+ +[\d,]+ +(\d+) +(\d+)", said, re.MULTILINE)
    }
    assert counts["table"][0] >= 5
    assert counts["table"][1] >= 1
    assert counts["gateway"] == [1, 0]
    assert "KeyError in" in said
    assert "not ours" in said
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert kept == ["table-1-1", "table-1-2"]
