"""docs/limits.md names every limit that is a setting, and every code that a client may see."""

from __future__ import annotations

import ast
import re
from dataclasses import fields

from docs.tracked import ROOT
from oddline import errors
from oddline_workers.settings import Settings, variable

PAGE = (ROOT / "docs" / "limits.md").read_text()
LIMITS = re.compile(r"max_(?!attempts)|_timeout|_per_minute|_limit|^time_limit|job_memory|waiting_hours")
LOCAL = {
    *(
        "bad_backup",
        "bad_folder",
        "bad_server",
        "in_use",
        "job_over",
        "missing_extra",
        "no_file",
        "no_gateway",
    ),
    *(
        "no_server",
        "not_a_model",
        "not_allowed",
        "not_oddline",
        "not_written",
        "not_running",
        "not_renewed",
        "other_granian",
        "other_version",
        "port_in_use",
    ),
    *("server_failed", "still_running", "unknown_client", "unknown_user", "unreachable", "unreadable_type"),
    *("untrusted", "broken_off", "internal_error", "error", "bad_data", "bad_model", "limit", "run_failed"),
}
"""Of commands, models and the library: no client of a service meets them. Or of faults of ours."""


def codes() -> set[str]:
    """Every code that is written in the three floors, and those that error classes have."""
    found = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")}
    for floor in ("engine/oddline", "workers/oddline_workers", "api/oddline_api"):
        for path in (ROOT / floor).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    found |= {
                        word.value.value
                        for word in node.keywords
                        if word.arg == "code" and isinstance(word.value, ast.Constant)
                    }
                    if ast.unparse(node.func) == "notes.repaired":
                        found |= {one.value for one in node.args[1:2] if isinstance(one, ast.Constant)}
    return found


def test_every_setting_that_is_a_limit_is_listed():
    limits = {variable(item.name) for item in fields(Settings) if LIMITS.search(item.name)}
    assert len(limits) > 12
    assert not {name for name in limits if f"`{name}`" not in PAGE}


def test_every_setting_that_the_page_names_exists():
    assert set(re.findall(r"`(ODDLINE_\w+)`", PAGE)) <= {variable(item.name) for item in fields(Settings)}


def test_every_code_that_a_client_may_see_is_listed():
    named = set(re.findall(r"`([a-z_]+)`", PAGE))
    missing = codes() - LOCAL - named
    assert not missing, "docs/limits.md should say what they mean, or LOCAL that no client meets them"
    stale = LOCAL - codes()
    assert not stale


def test_every_code_of_the_page_exists():
    elsewhere = {"not_done", "error", "errors", "repair", "strict"}
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", PAGE.split("## Codes")[1]))
    assert not named - codes() - elsewhere
