"""Every dependency is one line in docs/dependencies.md, and every pin exists."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=]", requirement)[0].lower()


def _required() -> set[str]:
    extras = PROJECT["optional-dependencies"].values()
    return {_name(r) for r in PROJECT["dependencies"]} | {_name(r) for e in extras for r in e}


def test_each_dependency_has_its_line_and_no_line_is_stale():
    cells = re.findall(r"^\| ([a-z0-9, -]+) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    listed = {name.strip() for cell in cells for name in cell.split(",")} - {"package", ""}
    assert {n for n in listed if not set(n) <= {"-"}} == _required()


def test_each_dependency_is_pinned():
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    names = {name.lower().replace("_", "-") for name in pins}
    assert _required() <= names
    assert pins["torch"] == "2.13.0"


def test_no_requirement_or_pin_names_an_address():
    for name in (
        "constraints.txt",
        "bench/constraints.txt",
        "bench/audit-constraints.txt",
        "pyproject.toml",
        "Makefile",
        ".ci/run",
    ):
        assert not re.search(r"https?://", (ROOT / name).read_text()), name


def test_the_peers_of_the_benches_are_pinned_apart():
    lines = (ROOT / "bench/constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {"aeon", "pyod", "stumpy", "scikit-learn"} <= set(pins)
    assert "-c $< aeon pyod stumpy scikit-learn" in (ROOT / "Makefile").read_text()
    assert not {"aeon", "pyod", "stumpy"} & _required()
