"""One session's work: a dataset in, what its rows are like learnt, every row's score and a model stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import redis

from oddline import persist
from oddline.errors import DataError
from oddline.progress import Progress, part
from oddline.rows import fit_rows
from oddline_workers import blobs
from oddline_workers.datasets.catalogue import Dataset, Datasets
from oddline_workers.datasets.metadata import read_columns, session_columns
from oddline_workers.jobs import Job
from oddline_workers.models import Model, Models, model_id
from oddline_workers.sessions import tables
from oddline_workers.sessions.features import NO_TARGET, choose, ignored_target, informed
from oddline_workers.settings import Settings

__all__ = ["LEAST_ROWS", "work"]

LEAST_ROWS = 10
"""Of fewer, one in ten is none."""

_FOREST = {
    "name": "Isolation Forest",
    "description": "Isolation Forest Outlier Detection",
    "key": "isolation_forest_anomalies",
}
_DISTANCE = {
    "name": "Mahalanobis Distance",
    "description": "Mahalanobis Distance Outlier Detection",
    "key": "mahalanobis_distance_anomalies",
}


def work(
    job: Job, client: redis.Redis, settings: Settings, progress: Progress, data: bytes
) -> tuple[dict[str, Any], Any]:
    """Learn from the dataset that ``job.spec`` names, as it is now, and score its rows.

    Returns
    -------
    manifest : dict
        Of the result, a blob with the pieces of two tables: ``all`` rows with their scores and distances,
        and the ``anomalous`` ones. Beside them ``columns``, ``algorithm``, ``modelId``, ``observations``,
        ``percentAnomalies`` (a share from 0 to 1) and ``messages``.
    pipe : pipeline
        The result's last pieces, to be sent together with the finishing move.

    Raises
    ------
    DataError
        The dataset is not there (``no_dataset``), has too few rows (``too_few_rows``), no column to
        learn from (``no_features``), or not the columns that the session names (``invalid_columns``).
    LimitError
        ``store_full``.
    """
    spec = job.spec
    progress(0.0, "reading")
    dataset = _found(Datasets(client, settings).find(job.owner, spec["dataSourceName"]), job)
    overrides = read_columns(spec.get("overrides"))
    columns = session_columns(dataset.columns, overrides, completed=True)
    features = choose(columns)
    warned_before = any(note["message"].startswith(NO_TARGET) for note in spec.get("messages") or ())
    said = [] if warned_before else ignored_target(dataset.columns, overrides)
    clean = (spec.get("extraParameters") or {}).get("containsAnomalies") is False
    missing = {*dataset.missing_values, *(spec.get("missingValues") or ())}
    root, table = settings.key_prefix, dataset.table

    values = tables.read(client, root, table, features, missing, part(progress, 0.0, 0.25))
    learnt = fit_rows(
        values,
        kinds=features.kinds,
        imputation=features.imputation,
        contains_anomalies=not clean,
        progress=part(progress, 0.25, 0.6),
    )
    distances = learnt.mahalanobis(values, part(progress, 0.6, 0.75))
    del values
    scores = learnt.training_scores
    assert scores is not None  # only a model from a file has none
    with blobs.Writer(client, f"{root}result:{job.id}:{job.attempt}") as writer:
        every, odd = tables.write(
            client, root, table, features.shown, scores, distances, writer, part(progress, 0.75, 0.98)
        )
        model = Model(
            id=model_id(job.id),
            owner=job.owner,
            session=job.id,
            source=dataset.name,
            name=spec.get("name") or f"Anomalies on {dataset.name}",
            columns=columns,
            algorithm=_DISTANCE if clean else _FOREST,
            metrics={"percentAnomalies": float(np.mean(scores <= 0))},
            missing=sorted(missing),
        )
        progress(0.98, "writing")
        Models(client, settings).add(model, job.attempt, persist.dumps(learnt))
    said += [*features.messages, informed(f"The model was trained on {dataset.rows} observations.")]
    return writer.manifest(
        columns=columns,
        algorithm=model.algorithm,
        modelId=model.id,
        observations=dataset.rows,
        messages=said,
        all=every.to_json(),
        anomalous=odd.to_json(),
        **model.metrics,
    ), writer.pipe


def _found(dataset: Dataset | None, job: Job) -> Dataset:
    """The dataset, when there is one and it has enough rows."""
    name = job.spec["dataSourceName"][:60]
    if dataset is None:
        raise DataError(
            f"There is no dataset {name!r}. Send or import its rows, then start another session.",
            code="no_dataset",
        )
    if dataset.rows < LEAST_ROWS:
        raise DataError(
            f"Dataset {name!r} has {dataset.rows} rows; expected at least {LEAST_ROWS} to learn from. Send "
            "more, then start another session.",
            code="too_few_rows",
        )
    return dataset
