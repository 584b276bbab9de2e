"""The work of an import: fetch what the client named, unpack it, put its rows into the dataset."""

from __future__ import annotations

from typing import Any

import orjson
import redis

from oddline.errors import DataError
from oddline.progress import Progress, part
from oddline_workers import blobs, outbound
from oddline_workers.datasets.catalogue import Datasets
from oddline_workers.imports.request import KINDS, read
from oddline_workers.imports.unpacking import unpacked
from oddline_workers.jobs import Job
from oddline_workers.settings import Settings

__all__ = ["kind_of", "work"]

FETCHED, UNPACKED = 0.5, 0.6
"""How far the import is, when all is there and when it is unpacked."""


def work(
    job: Job, client: redis.Redis, settings: Settings, progress: Progress, data: bytes
) -> tuple[dict[str, Any], Any]:
    """Do a claimed import.

    Parameters
    ----------
    job : Job
        Of kind ``import``.
    client : redis.Redis
    settings : Settings
    progress : Progress
    data : bytes
        The payload: the request with its credentials.

    Returns
    -------
    manifest : dict
        Of an empty result, with ``messages`` and ``rows``: how many the dataset has then.
    pipe : pipeline
        To be sent together with the finishing move.

    Raises
    ------
    OddlineError
        Of the address, of the host that answers, or of the data.
    """
    from oddline_workers.datasets import ingest  # with what parses tables

    request = read(job.spec["type"], orjson.loads(data))
    writer = blobs.Writer(client, f"{settings.key_prefix}result:{job.id}:{job.attempt}")
    if client.hexists(f"{settings.key_prefix}job:{job.id}", "committed"):  # by a worker that was lost then
        known = Datasets(client, settings).find(job.owner, request.name)
        return writer.manifest(messages=[], rows=known.rows if known else 0), writer.pipe
    target = request.target(settings)
    fetched = outbound.fetch(
        target.url,
        settings,
        headers=target.headers,
        auth=target.auth,
        own=target.own,
        progress=part(progress, 0.0, FETCHED),
    )
    with (
        fetched.file as packed,
        unpacked(packed, settings.max_import_bytes, part(progress, FETCHED, UNPACKED)) as file,
    ):
        text = file.read()
    if not text.strip():
        raise DataError("The address gives an empty file; nothing was imported.", code="empty_file")
    progress(UNPACKED, "storing")
    kind = request.kind or kind_of(text, fetched.content_type, fetched.path)
    dataset, messages = ingest.put(
        client, settings, job.owner, request.name, text, kind, columns=request.columns or None,
        attempt=(job.id, job.attempt),
    )  # fmt: skip
    return writer.manifest(messages=messages, rows=dataset.rows), writer.pipe


def kind_of(text: bytes, content_type: str, path: str) -> str:
    """``"json"`` or ``"csv"``: by what the host says, else by the path, else by looking.

    Examples
    --------
    >>> kind_of(b"...", "application/json; charset=utf-8", "/a"), kind_of(b"...", "text/plain", "/a.CSV.gz")
    ('json', 'csv')
    """
    said = content_type.partition(";")[0].strip().lower()
    if found := KINDS.get(said):
        return found
    if said.endswith("+json"):
        return "json"
    ending = path.lower().removesuffix(".gz").rpartition(".")[2]
    if ending in ("json", "csv"):
        return ending
    return "json" if text[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else "csv"
