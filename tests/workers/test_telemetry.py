"""Logs are JSON lines on standard error, each with the job it belongs to."""

import json
import logging
from dataclasses import replace

import pytest
import structlog

from oddline_workers import telemetry
from oddline_workers.settings import Settings


@pytest.fixture(autouse=True)
def restored():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = before


def test_lines_are_json_with_the_job_bound(capsys):
    telemetry.configure(Settings())
    log = structlog.get_logger()
    with structlog.contextvars.bound_contextvars(jobId="j1"):
        log.info("job done", seconds=0.5)
        logging.getLogger("celery").warning("a library's %s", "warning")
        logging.getLogger("celery").info("chatter")
    log.debug("detail")
    try:
        raise KeyError("x")
    except KeyError:
        log.exception("engine failed")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"], line.get("jobId")) for line in lines] == [
        ("job done", "info", "j1"),
        ("a library's warning", "warning", "j1"),
        ("engine failed", "error", None),
    ]
    assert "KeyError" in lines[2]["exception"]


def test_level_is_a_setting(capsys):
    telemetry.configure(replace(Settings(), log_level="error"))
    structlog.get_logger().warning("quiet")
    assert capsys.readouterr().err == ""
