"""One job's work: payload in, detection, result stored. Knows nothing of leases and moves."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import redis

from oddline.errors import RunError
from oddline.progress import Progress
from oddline_workers import blobs, results
from oddline_workers.jobs import Job
from oddline_workers.settings import Settings

if TYPE_CHECKING:
    from oddline.result import Detection

__all__ = ["Engine", "detect", "load", "run", "warm_up"]

Engine = Callable[[bytes, Job, Settings, Progress], "Detection"]
"""What turns a payload into a detection."""


def detect(data: bytes, job: Job, settings: Settings, progress: Progress) -> Detection:
    """The engine: read the table as the job's parameters say and detect."""
    from oddline import catalog
    from oddline.workflow import detect as detect_table
    from oddline.workflow import read

    spec = catalog.check(job.spec)
    table = read(
        data,
        spec,
        max_rows=settings.max_rows,
        max_columns=settings.max_columns,
        max_cells=settings.max_cells,
        max_bytes=settings.max_unpacked_bytes,
    )
    return detect_table(table, spec, progress)


WORK = {
    "session": "oddline_workers.sessions.run",
    "import": "oddline_workers.imports.run",
    "callback": "oddline_workers.callbacks",
}
"""Where the other kinds of jobs are worked on: ``work(job, client, settings, progress, data)`` there
returns what :func:`run` does. What it adds to the manifest is kept in the job's ``result``."""


def load() -> None:
    """Import the engine, with what it imports only when it is needed, so that no job waits for it."""
    import_module("oddline.workflow")
    import_module("sklearn.ensemble")
    import_module(WORK["session"])


def warm_up() -> None:
    """Let linear algebra take the memory it works in: where it gets none later, it waits for ever."""
    import numpy as np
    from scipy.linalg import eigh

    square = np.eye(64)
    eigh(square @ square)


def run(
    job: Job,
    client: redis.Redis,
    settings: Settings,
    progress: Progress,
    *,
    engine: Engine = detect,
    head: bytes | None = None,
) -> tuple[dict[str, Any], Any]:
    """Work on a claimed job up to its stored result.

    Parameters
    ----------
    job : Job
    client : redis.Redis
    settings : Settings
    progress : Progress
    engine : Engine
        Another one, for load measurements and fault trials.
    head : bytes, optional
        The first piece of the payload, where the claim has brought it along.

    Returns
    -------
    manifest : dict
        Of the result.
    pipe : pipeline
        The result's last pieces, to be sent together with the finishing move.

    Raises
    ------
    OddlineError
        Of the table, the parameters, the computation, or a damaged payload.
    """
    if job.payload is None:
        raise RunError("The job has no payload.", code="damaged")
    key = f"{settings.key_prefix}payload:{job.id}"
    data = b"".join(blobs.read(client, key, job.payload, head))
    if job.kind != "detect":
        done: tuple[dict[str, Any], Any] = import_module(WORK[job.kind]).work(
            job, client, settings, progress, data
        )
        return done
    detection = engine(data, job, settings, progress)
    writer = blobs.Writer(client, f"{settings.key_prefix}result:{job.id}:{job.attempt}")
    manifest = results.add(writer, results.render(detection, job.dialect))
    return manifest, writer.pipe
