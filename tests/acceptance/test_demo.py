"""``oddline demo`` as a stranger runs it: empty home, no server on PATH, no settings."""

import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import psutil
import pytest

import oddline_api.cli.demo as demo
from acceptance.service import ODDLINE, PATIENCE, environment

pytestmark = [pytest.mark.service, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What the demo printed, and the folder it ran in."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "home").mkdir()
    (folder / "tmp").mkdir()
    changed = {
        "HOME": str(folder / "home"),
        "PATH": str(Path(sys.executable).parent),
        "TMPDIR": str(folder / "tmp"),
    }
    run = subprocess.run(
        [*ODDLINE, "demo"],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(**changed),
        timeout=3 * PATIENCE,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return run.stdout, folder


def test_it_shows_the_four_stamps_in_order(shown):
    stamps = re.findall(
        r"(submitted|queued|execution_started|done)@ +(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6})", shown[0]
    )
    assert [name for name, _ in stamps] == ["submitted", "queued", "execution_started", "done"]
    assert [when for _, when in stamps] == sorted(when for _, when in stamps)
    first, last = (datetime.fromisoformat(when) for _, when in stamps[2:])
    whole = float(re.search(r"from start to done +(\d+\.\d\d) s", shown[0])[1])
    assert whole == pytest.approx((last - first).total_seconds(), abs=0.006)
    engine = float(re.search(r"engine time +(\d+\.\d\d) s for 22,695 rows", shown[0])[1])
    assert engine <= whole + 0.01


def test_it_finds_the_labelled_failures_with_few_false_alarms(shown):
    flagged, _, labelled = shown[0].partition("labelled from")
    runs = re.findall(r"^(\d{4}-.{14})  (\d{4}-.{14}) +(\d+\.\d\d)(.*)$", flagged, re.MULTILINE)
    assert runs
    assert all(float(severity) >= 1 for _, _, severity, _ in runs)
    assert sum(not label.strip() for *_, label in runs) <= 6
    assert re.search(r"[34] of 4 labelled stretches found", labelled)


def test_it_draws_and_leaves_nothing_else(shown):
    text, folder = shown
    picture = folder / "oddline-demo.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"Picture: {picture}" in text
    assert re.search(r"The service stopped in \d\.\d s", text)
    assert list((folder / "tmp").iterdir()) == []
    left = [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]
    assert left == []
    assert [p for p in (folder / "home").rglob("*") if "oddline" in p.name] == []


def test_a_job_that_waits_waits_for_the_workers(monkeypatch):
    class Own:
        def wait(self, job_id, progress, timeout):
            for stage in ("submitted", "queued", "scores"):
                progress(0.0, stage)
            return {"status": "done"}

    told = []
    monkeypatch.setattr(demo, "bar", lambda fraction, stage, last=False: told.append(stage))
    demo._wait(Own(), "j")
    assert told == ["workers are starting", "workers are starting", "scores", "done"]


def test_its_data_carry_their_licence():
    data = Path(__file__).parents[2] / "api" / "oddline_api" / "cli" / "data"
    assert "Copyright (c) Numenta Inc." in (data / "LICENSE-NAB.txt").read_text()
    assert {"LICENSE-NAB.txt"} < {name for name in os.listdir(data) if not name.startswith("__")}
