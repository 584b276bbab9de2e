"""Texts of strangers stay texts: in CSV files, on a terminal, and in a line of the log."""

from __future__ import annotations

import ast
import csv
import io
import json
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

import oddline
import oddline_api
import oddline_workers
from oddline_api.cli.output import print_csv
from oddline_workers import telemetry
from oddline_workers.plaintext import escaped, plain
from oddline_workers.settings import Settings

FORGED = '{"event":"forged","level":"info"}'
HOSTILE = f'a.csv\n{FORGED}\r\x1b[31m\x1b]0;owned\x07\x9b31m\u202efdp\u2028{FORGED}"\\'
STEERING = {
    *map(chr, range(32)),
    *map(chr, range(127, 160)),
    *"\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069",
}
FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    '=HYPERLINK("//x")',
    "=cmd|' /C calc'!A0",
]
NUMBERS = ["-5", "+5", "-1.5e-3", "-1,000", "2017-01-01 00:00:00", "12:00", "a=b", "5%", "", "'=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text):
    [_, [cell, number]] = written([[text, -1.5]])
    assert cell == "'" + text.replace("\r", "\n")
    assert number == "-1.5"


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_and_times_stay_as_they_are(text):
    assert written([[text, -1]])[1] == [text, "-1"]


def test_no_sign_in_a_cell_begins_another():
    texts = ["a\r=1+1", "a\r\n=1+1", "a\n=1+1", 'a"\r=1', "a,=1", "a;=1\r"]
    assert written([[text, 1] for text in texts])[1:] == [
        [text.replace("\r\n", "\n").replace("\r", "\n"), "1"] for text in texts
    ]


def written(rows):
    file = io.StringIO(newline="")
    print_csv(["text", "number"], rows, file)
    return [*csv.reader(io.StringIO(file.getvalue(), newline=""))]


def test_csv_on_a_terminal_does_not_steer_it():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal, file = Terminal(), io.StringIO()
    for target in (terminal, file):
        print_csv(["text", "number"], [[HOSTILE, -1.5]], target)
    assert not STEERING.intersection(terminal.getvalue()) - {"\n"}
    assert len(terminal.getvalue().splitlines()) == 2
    assert "\x1b[31m" in file.getvalue(), "a file has it as it is"


def test_nothing_else_writes_csv():
    """What the tests above hold is held for every CSV of the command line: one function writes them all."""
    writers = {
        (path.name, node.attr)
        for package in (oddline, oddline_workers, oddline_api)
        for path in Path(package.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("writer", "DictWriter", "to_csv", "savetxt")
    }
    assert writers == {("output.py", "writer")}


@pytest.fixture
def account(served, monkeypatch):
    """Answers to give; the commands find the server that gives them."""
    answers, _, url = served
    for name, value in {"URL": url, "CLIENT_ID": "me", "CLIENT_SECRET": "hush"}.items():
        monkeypatch.setenv("ODDLINE_" + name, value)
    return answers


def job(**more):
    stamps = {"submitted": "2024-01-01T00:00:00Z", "done": None}
    facts = {"id": "j", "status": "done", "filename": "a.csv", "timeline": stamps, "error": None}
    return facts | {"progress": {"fraction": 1.0, "stage": "done"}} | more


def result(**more):
    summary = {
        "rows": 1,
        "flagged": 1,
        "lookback_window": 5,
        "spec": {},
        "seconds": {"score": 1},
        "notes": [HOSTILE],
    }
    run = {"start": HOSTILE, "end": "2", "rows": 1, "severity": 1.0, "contributions": {HOSTILE: 1.0}}
    rows = [{"time": "=1+1", "score": 0.5, "severity": -1.5, "label": -1}]
    return {"summary": summary, "anomalies": [run], "rows": rows} | more


def test_the_commands_write_texts_as_texts(run, account, monkeypatch):
    account.append((200, {"jobs": [job(filename="=1+1")]}, {}))
    assert cells(run("jobs", "--csv"))[0]["filename"] == "'=1+1"
    account.extend([(200, job(), {}), (200, result(), {})])
    assert cells(run("result", "j", "--csv")) == [
        {"time": "'=1+1", "score": "0.5", "severity": "-1.5", "label": "-1"}
    ]
    monkeypatch.setenv("ODDLINE_KEY_PREFIX", "@evil")
    assert "'@evil" in [row["value"] for row in cells(run("config", "--csv"))]


def cells(ended):
    code, out, err = ended
    assert code == 0, err
    return [*csv.DictReader(io.StringIO(out))]


def test_detect_and_score_write_texts_as_texts(run, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("t,v\n" + "".join(f"{row - 20},{row % 5}\n" for row in range(60)))
    rows = cells(run("detect", path, "--csv", "--algorithm", "WindowAD", "--time", "t"))
    assert [row["time"] for row in rows[:2]] == ["-20", "-19"]
    code, out, _ = run("score", path)
    assert code == 0
    assert all(float(line) >= 0 for line in out.splitlines()[1:])


def test_nothing_the_commands_print_steers_a_terminal(run, account):
    account.append((200, {"jobs": [job(id=HOSTILE, filename=HOSTILE)]}, {}))
    account.extend([(200, job(), {}), (200, result(), {})])
    account.extend([(200, job(id=HOSTILE), {}), (400, {"detail": HOSTILE, "code": HOSTILE}, {})])
    account.extend([(200, {"jobs": [job(filename=HOSTILE)]}, {}), (200, job(status=HOSTILE), {})])
    for words in (
        ("jobs",),
        ("result", "j"),
        ("submit", __file__),
        ("jobs",),
        ("jobs", "--json"),
        ("jobs", "j"),
    ):
        _, out, err = run(*words)
        said = out + err
        assert "forged" in said or words[0] == "submit" or words == ("jobs",)
        assert not STEERING.intersection(said) - {"\n"}, said
        assert FORGED not in said.splitlines()


@pytest.fixture
def restored():
    """Logging as it was, after the test."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = before


def test_an_event_is_one_line_whatever_is_in_it(restored, capfd):
    telemetry.configure(Settings())
    log = structlog.get_logger()
    log.info(HOSTILE, jobId=HOSTILE, column=HOSTILE, half="\ud800", long=10**30)
    logging.getLogger("celery").warning("%s", HOSTILE)
    try:
        raise KeyError(HOSTILE)
    except KeyError as error:
        log.error("unforeseen", exc_info=error)
    try:
        raise RuntimeError(HOSTILE + "\ud800")
    except RuntimeError:
        log.exception("unforeseen")
    said = capfd.readouterr().err
    lines = [json.loads(line) for line in said.splitlines()]
    assert len(lines) == 4
    assert not STEERING.intersection(said) - {"\n"}
    assert lines[0]["event"] == lines[0]["jobId"] == lines[1]["event"] == HOSTILE
    assert [line["level"] for line in lines] == ["info", "warning", "error", "error"]
    assert FORGED in lines[3]["exception"]


def test_an_error_in_a_request_is_one_line(gateway, restored, monkeypatch, capfd):
    telemetry.configure(Settings())

    def get(*_):
        raise RuntimeError(HOSTILE)

    monkeypatch.setattr("oddline_workers.store.JobStore.get", get)
    assert gateway.get("/result/00000000-0000-4000-8000-000000000000").status_code == 500
    [line] = map(json.loads, capfd.readouterr().err.splitlines())
    assert line["event"] == "unforeseen error"


SAYING = """
import sys
from oddline_api.child import Child
speak = "import sys; sys.stderr.buffer.write(bytes.fromhex(sys.argv[1]))"
child = Child("web", [sys.executable, "-c", speak, sys.argv[1]], {})
child.start()
while not child.ended():
    child.relay()
child.bury()
"""


@pytest.mark.parametrize("terminal", [True, False])
def test_what_a_child_says_is_one_line_of_its_own_process(terminal):
    """A library may print anything: lines stay lines of their process, and a terminal is not steered."""
    said = (
        f'{{"event":"told","process":"janitor"}}\nplain \x1b[31m\x9b1m\u202e\r{FORGED}\n{{"broken\n'.encode()
    )
    ours, theirs = pty.openpty() if terminal else os.pipe()
    try:
        subprocess.run([sys.executable, "-c", SAYING, said.hex()], stderr=theirs, check=True, timeout=60)
        os.close(theirs)
        heard = b""
        try:
            while block := os.read(ours, 65536):
                heard += block
        except OSError:  # how a terminal says on Linux that nobody writes any more
            pass
    finally:
        os.close(ours)
    lines = heard.decode().replace("\r\n", "\n").splitlines()
    assert len(lines) == 3
    assert not STEERING.intersection("".join(lines))
    if terminal:
        assert all(line.startswith("web        | ") for line in lines)
    else:
        told = [*map(json.loads, lines)]
        assert [line["process"] for line in told] == ["web"] * 3
        assert told[0]["event"] == "told"
        assert told[1]["event"].startswith("plain ")
        assert told[2]["event"] == '{"broken'


def test_plain_keeps_what_people_write():
    for text in ("a.csv", "Größe – 温度.csv", "naïve 😀", "a b"):
        assert plain(text) == text
    assert plain(HOSTILE).isprintable()
    assert json.loads(escaped(json.dumps({HOSTILE: 1}, ensure_ascii=False, indent=1))) == {HOSTILE: 1}
