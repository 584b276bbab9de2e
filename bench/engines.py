"""The Celery app of the load measurements: the real tasks, with no engine in them, and a bare task beside.

celery --app engines worker ...
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from oddline.progress import Progress
from oddline.result import Detection
from oddline_workers.app import make_app
from oddline_workers.jobs import Job
from oddline_workers.settings import Settings, from_environment

__all__ = ["MILLION", "detection"]

MILLION = "million.csv"
"""A job of this file name gets a result of a million rows."""


@cache
def detection(rows: int) -> Detection:
    """An answer without a question."""
    score = np.random.default_rng(0).gamma(2.0, size=rows)
    stamps = np.datetime64("2020-01-01T00:00:00") + np.arange(rows) * np.timedelta64(60, "s")
    return Detection(
        index=[str(stamp).replace("T", " ") for stamp in stamps],
        values=score[:, None],
        columns=("Value",),
        score=score,
        threshold=np.full(rows, 20.0),
        severity=score / 20.0,
        label=np.ones(rows, dtype=np.int8),
        judged=np.arange(rows) >= 10,
        anomalies=(),
        lookback_window=10,
        model_summary="none",
        num_pipelines_explored=0,
        spec={"labeling_method": "Chi-Square"},
    )


def no_engine(data: bytes, job: Job, settings: Settings, progress: Progress) -> Detection:
    """Everything of a job but the computation."""
    return detection(1_000_000 if job.filename == MILLION else data.count(b"\n") - 1)


def nothing(text: str) -> None:
    """The bare task: what a message alone costs."""


@cache
def _app() -> Any:
    made = make_app(from_environment(), engine=no_engine)
    made.task(nothing, name="bench.nothing", ignore_result=True, shared=False)
    return made


def __getattr__(name: str) -> Any:
    if name == "app":
        return _app()
    raise AttributeError(name)
