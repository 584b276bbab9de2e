"""The audit of dependencies: what it found, and never "nothing" where it could not look."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import audit

TOOL = Path(__file__).parents[2] / ".venv-audit" / "bin" / "pip-audit"
PINS = [line.split("==") for line in audit.PINS.read_text().split()]
GOOD = [{"name": name, "version": version, "vulns": []} for name, version in PINS]
UNKNOWN = [
    {"name": name, "skip_reason": f"{name} ({version}) could not be audited"} for name, version in PINS
]
HOLE = {"id": "PYSEC-1", "fix_versions": ["9.9"], "aliases": [], "description": ""}


@pytest.fixture
def told(tmp_path, capsys):
    """Run the audit with a pip-audit that answers so: (exit code, what was printed)."""

    def run(answer, code=0, errors=""):
        tool = tmp_path / "pip-audit"
        out = answer if isinstance(answer, str) else json.dumps({"dependencies": answer, "fixes": []})
        (tmp_path / "out").write_text(out)
        tool.write_text(
            f"#!{sys.executable}\nimport sys\n"
            f"sys.stderr.write({errors!r})\nprint(open({str(tmp_path / 'out')!r}).read())\nsys.exit({code})\n"
        )
        tool.chmod(0o700)
        return audit.main(str(tool)), capsys.readouterr().out

    return run


def test_every_pin_looked_up_and_none_vulnerable(told):
    assert told(GOOD) == (0, f"{len(PINS)} pins looked up, none known to be vulnerable\n")


def test_a_vulnerable_pin_is_named_with_what_mends_it(told):
    code, said = told([{**GOOD[0], "vulns": [HOLE]}, *GOOD[1:]], code=1)
    assert code == audit.VULNERABLE
    assert f"{PINS[0][0]} {PINS[0][1]}: PYSEC-1, mended in 9.9" in said


def test_a_database_that_knows_no_package_is_no_answer(told):
    """pip-audit itself says then that there are no known vulnerabilities, and ends with 0."""
    code, said = told(UNKNOWN, errors="No known vulnerabilities found")
    assert code == audit.NOT_RUN
    assert said.startswith(f"not run: {len(PINS)} of {len(PINS)} pins are not in the database")


def test_a_database_that_knows_not_all_of_them_is_no_answer_for_the_rest(told):
    code, said = told([*GOOD[:-1], UNKNOWN[-1]])
    assert code == audit.NOT_RUN
    assert PINS[-1][0] in said
    assert "none" not in said
    assert told([*GOOD[:-1]])[0] == audit.NOT_RUN


def test_no_database_is_no_answer(told):
    code, said = told("", code=1, errors="Traceback ...\nConnectionError: refused")
    assert code == audit.NOT_RUN
    assert said == "not run: the vulnerability database gave no answer (ConnectionError: refused)\n"
    assert told("[]")[0] == told('"x"')[0] == audit.NOT_RUN


def test_without_the_tool_it_is_not_run(capsys, tmp_path):
    assert audit.main(str(tmp_path / "none")) == audit.NOT_RUN
    assert capsys.readouterr().out.startswith("not run: ")


@pytest.mark.skipif(not TOOL.exists(), reason="make audit makes .venv-audit, which has not been called here")
def test_the_tool_itself_with_an_address_where_no_database_is(capsys):
    code = audit.main(str(TOOL), "--vulnerability-service", "osv", "--osv-url", "http://127.0.0.1:9/")
    assert code == audit.NOT_RUN
    assert capsys.readouterr().out.startswith("not run: the vulnerability database gave no answer")
