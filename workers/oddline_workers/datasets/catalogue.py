"""The datasets of a client: their records, found by name, changed in one step or not at all.

A record says which segments hold the rows. Who changes a dataset writes new segments first and then
commits a record that names them, if nobody was quicker. Segments that are named no longer stay for
ten minutes, for those who read them.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from importlib.resources import files
from typing import Any

import redis
from redis.exceptions import OutOfMemoryError

from oddline.errors import LONGEST_NAME, CancelledError, DataError, OddlineError, RunError, is_text
from oddline_workers.datasets import columnar, quota
from oddline_workers.datasets.columnar import Segment, Table
from oddline_workers.datasets.metadata import Column
from oddline_workers.records import Records
from oddline_workers.settings import Settings
from oddline_workers.store import store_full

__all__ = [
    "READING_SECONDS",
    "Dataset",
    "Datasets",
    "between",
    "require_name",
    "unknown_dataset",
]

READING_SECONDS = 600
"""So long what was replaced stays for those who have begun to read it."""

SORTS = ("dataSetName", "dataSetSize", "rowCount", "dateCreated", "lastModified")

_FIELDS = ("name", "columns", "rows", "size", "created", "modified", "missing", "version")

# Inside the class the name `list` is the method's.
_Found = tuple[list["Dataset"], int]
_Words = list[Any]


@dataclass(frozen=True)
class Dataset:
    """One dataset as its record says it."""

    owner: str
    name: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    """In order and as first written."""
    table: Table = field(default_factory=Table)
    """Of :meth:`Datasets.list` it is empty."""
    missing_values: tuple[str, ...] = ()
    """Texts that count as missing."""
    bounds: tuple[tuple[str, str], ...] = ()
    """Of a time series the first and the last time of each segment."""
    rows: int = 0
    size: int = 0
    """Bytes as stored."""
    created: int = 0
    modified: int = 0
    """Microseconds since 1970, by the store's clock."""
    version: str = ""
    """Another one after each change; empty of a dataset that is not stored yet."""

    @property
    def key_column(self) -> str | None:
        """The column with the role ``key``."""
        return self._with_role("key")

    @property
    def timestamp_column(self) -> str | None:
        """The column with the role ``timestamp``."""
        return self._with_role("timestamp")

    @property
    def is_time_series(self) -> bool:
        """Whether it has a timestamp; then its rows are in the order of time."""
        return self.timestamp_column is not None

    def _with_role(self, role: str) -> str | None:
        return next((name for name, column in self.columns.items() if column.role == role), None)


class Datasets:
    """The datasets in a store.

    Parameters
    ----------
    client : redis.Redis
    settings : Settings
    """

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self.client, self.settings = client, settings
        self.root = settings.key_prefix
        self.records = Records(client, settings)
        self._commit, self._delete = (client.register_script(source) for source in _SOURCES)

    def find(self, owner: str, name: str) -> Dataset | None:
        """The dataset, or None. One round trip."""
        return _read(owner, self.client.hgetall(self._key(owner, name)))

    def get(self, owner: str, name: str) -> Dataset:
        """The dataset. One round trip.

        Raises
        ------
        OddlineError
            The client has none of this name: code ``"not_found"``, 404.
        """
        found = self.find(owner, name)
        if found is None:
            raise unknown_dataset(name)
        return found

    def list(
        self,
        owner: str,
        *,
        partial: str = "",
        sort: str = "dataSetName",
        descending: bool = False,
        offset: int = 0,
        limit: int = 50,
    ) -> _Found:
        """Some of the client's datasets without their tables, and how many there are. Two round trips.

        Parameters
        ----------
        owner : str
        partial : str
            What the names hold, in any case.
        sort : str
            One of :data:`SORTS`.
        descending : bool
        offset, limit : int
        """
        index: Any = self.client.hgetall(f"{self.root}datasets:{owner}")
        entries = []
        for digest, entry in index.items():
            created, modified, rows, size, name = entry.decode().split(" ", 4)
            if partial.casefold() in name.casefold():
                values = (name.casefold(), int(size), int(rows), int(created), int(modified))
                entries.append((values[SORTS.index(sort)], name.casefold(), digest.decode()))
        entries.sort(reverse=descending)
        pipe = self.client.pipeline(transaction=False)
        for _, _, digest in entries[offset : offset + limit]:
            pipe.hmget(f"{self.root}dataset:{owner}:{digest}", _FIELDS)
        found = [dict(zip(_FIELDS, values, strict=True)) for values in pipe.execute()]
        records = [{key.encode(): value for key, value in one.items() if value is not None} for one in found]
        return [one for record in records if (one := _read(owner, record))], len(entries)

    def count(self, owner: str) -> int:
        """How many datasets the client has."""
        return int(self.client.hlen(f"{self.root}datasets:{owner}"))

    def commit(
        self,
        old: Dataset | None,
        new: Dataset,
        fresh: Sequence[Segment] = (),
        *,
        attempt: tuple[str, int] | None = None,
    ) -> Dataset | None:
        """Make ``new`` the record, if ``old`` still is; None where somebody was quicker.

        Returns when the journal has it.

        Parameters
        ----------
        old : Dataset or None
            As :meth:`find` gave it, when ``new`` was made of it.
        new : Dataset
        fresh : sequence of Segment
            Those of ``new`` that were written for it. With None or an error they are gone.
        attempt : (str, int), optional
            The job that does it, and which attempt it is: one attempt of a job commits, and once.

        Raises
        ------
        CancelledError
            The job was cancelled, is another attempt's by now, or has committed before.
        LimitError
            ``store_full``; ``over_quota``, 429, the client has as many datasets as it may, or 413, this one
            would be larger than it may.
        RunError
            Pieces of the fresh segments are missing.
        """
        require_name(new.name)
        new = replace(new, version=str(uuid.uuid4()), rows=new.table.rows, size=new.table.size)
        try:
            quota.require_room(
                self.settings, old.size if old else None, new.size, lambda: self.count(new.owner)
            )
        except OddlineError:
            self.discard(fresh)
            raise
        segments = dict.fromkeys(segment.key for segment in new.table.segments)
        record = {
            "name": new.name,
            "columns": json.dumps([[name, *astuple(column)] for name, column in new.columns.items()]),
            "table": json.dumps(new.table.to_json(), separators=(",", ":")),
            "rows": str(new.rows),
            "size": str(new.size),
            "missing": json.dumps(new.missing_values),
            "bounds": json.dumps(new.bounds, separators=(",", ":")),
        }
        words: _Words = [
            new.owner, _digest(new.name), old.version if old else "", new.version, READING_SECONDS * 1000,
            f"{new.rows} {new.size} {new.name}", " ".join(segments),
            " ".join(f"{one.key} {len(one.pieces)}" for one in fresh), *(attempt or ("", 0)),
            *(word for item in record.items() for word in item),
        ]  # fmt: skip
        try:
            answer, *stamps = self._commit(keys=[self.root], args=words)
        except OutOfMemoryError as error:
            self.discard(fresh)
            raise store_full() from error
        if answer != b"done":
            self.discard(fresh)
            if answer == b"incomplete":
                raise RunError("The rows could not be stored completely. Send them again.", code="damaged")
            if answer == b"overtaken":
                raise CancelledError("The job was cancelled, or another attempt has done its work.")
            return None
        self.records.await_journal()
        created, modified = map(int, stamps)
        return replace(new, created=created, modified=modified)

    def discard(self, fresh: Sequence[Segment]) -> None:
        """Take back segments that no record names."""
        if fresh:
            self.client.unlink(*(self.root + segment.key for segment in fresh))

    def delete(self, owner: str, name: str) -> bool:
        """Delete a dataset; False where there is none. Returns when the journal has it."""
        words: _Words = [owner, _digest(name), READING_SECONDS * 1000]
        if not self._delete(keys=[self.root], args=words):
            return False
        self.records.await_journal()
        return True

    def _key(self, owner: str, name: str) -> str:
        return f"{self.root}dataset:{owner}:{_digest(name)}"


def between(
    client: redis.Redis, root: str, dataset: Dataset, start: str | None = None, end: str | None = None
) -> tuple[int, int]:
    """The rows of a time series from ``start`` to ``end``, both included: where they begin and end.

    At most two round trips, each for one piece.

    Parameters
    ----------
    client : redis.Redis
    root : str
        The prefix of all keys.
    dataset : Dataset
    start, end : str, optional
        As :func:`~oddline_workers.datasets.dates.read_date` gives them.

    Returns
    -------
    start, stop : int
        For :func:`~oddline_workers.datasets.columnar.page`; all rows where it is no time series.

    Raises
    ------
    JobError, RunError
        As of :func:`~oddline_workers.datasets.columnar.fetch`.
    """
    if dataset.timestamp_column is None:
        return 0, dataset.rows
    first = 0 if start is None else _count(client, root, dataset, start, inclusive=False)
    last = dataset.rows if end is None else _count(client, root, dataset, end, inclusive=True)
    return first, max(first, last)


def require_name(name: str) -> None:
    """Refuse what no dataset can be called.

    Raises
    ------
    DataError
        The name is blank, too long, no text, or none that a path can hold as one of its steps: with a
        slash, or one or two dots alone (code ``"bad_name"``).
    """
    leads_on = "/" in name or name.strip() in (".", "..")
    if not name.strip() or leads_on or len(name) > LONGEST_NAME or not is_text(name) or "\0" in name:
        raise DataError(
            f"A dataset cannot be called {name[:60]!r}; expected 1 to {LONGEST_NAME:,} characters that UTF-8 "
            "can write, not blank or dots alone, without a slash.".encode("utf-8", "replace").decode(),
            code="bad_name", parameter="dataSetName",
        )  # fmt: skip


def unknown_dataset(name: str) -> OddlineError:
    """The error of a name that the client has no dataset of."""
    name = name[:LONGEST_NAME].encode("utf-8", "replace").decode()
    return DataError(
        f"Item of type dataSet with identifier {name} was not found",
        code="not_found", status=404, itemType="dataSet", itemId=name,
    )  # fmt: skip


def _count(client: redis.Redis, root: str, dataset: Dataset, time: str, *, inclusive: bool) -> int:
    """How many rows are before a time, or at it."""
    before = 0
    for segment, (first, last) in zip(dataset.table.segments, dataset.bounds, strict=True):
        if time < first or (time == first and not inclusive):
            break
        if time > last or (time == last and inclusive):
            before += segment.rows
            continue
        [piece] = columnar.fetch(client, root, segment, [str(dataset.timestamp_column)])
        times = columnar.unpack(piece or b"")
        return before + sum(1 for one in times if one and (one < time or (inclusive and one == time)))
    return before


def _read(owner: str, record: Any) -> Dataset | None:
    found = {key.decode(): value.decode() for key, value in record.items()}
    if not found.get("version"):
        return None
    return Dataset(
        owner=owner,
        name=found["name"],
        columns={name: Column(*words) for name, *words in json.loads(found["columns"])},
        table=Table.from_json(json.loads(found["table"])) if "table" in found else Table(),
        missing_values=(*json.loads(found["missing"]),),
        bounds=tuple((first, last) for first, last in json.loads(found.get("bounds", "[]"))),
        rows=int(found["rows"]),
        size=int(found["size"]),
        created=int(found["created"]),
        modified=int(found["modified"]),
        version=found["version"],
    )


def _digest(name: str) -> str:
    """What of a name becomes part of a key; names compare without case."""
    return hashlib.sha256(name.casefold().encode("utf-8", "surrogatepass")).hexdigest()


_SOURCES = [
    (files("oddline_workers") / "lua" / f"dataset_{name}.lua").read_text("utf-8")
    for name in ("commit", "delete")
]
