"""What a person at a terminal sees that a pipe does not: progress, on stderr alone."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "data" / "sample.csv"
DETECT = [sys.executable, "-m", "oddline_api.cli", "detect", str(SAMPLE), "--algorithm", "PredAD", "--json"]


def test_progress_is_drawn_on_a_terminal_and_the_result_stays_clean():
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(DETECT, stdout=subprocess.PIPE, stderr=theirs) as process:
            os.close(theirs)
            answer = json.loads(process.stdout.read())
            drawn = b""
            try:
                while block := os.read(ours, 65536):
                    drawn += block
            except OSError:  # how a terminal says on Linux that nobody writes any more
                pass
        assert process.returncode == 0
    finally:
        os.close(ours)
    assert len(answer["rows"]) == 1000
    bars = [line for line in drawn.decode().split("\r\x1b[K") if line.startswith("[")]
    assert len(bars) >= 3
    shares = [int(line.split("]")[1].split("%")[0]) for line in bars]
    assert shares == sorted(shares)
    assert "100% done" in bars[-1]


def test_nothing_is_drawn_into_a_pipe():
    done = subprocess.run(DETECT, capture_output=True, check=True, timeout=60)
    assert b"\x1b" not in done.stderr + done.stdout
    assert b"%" not in done.stderr
