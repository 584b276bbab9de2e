"""Models: what sessions have learnt, kept for predictions until their owners delete them.

A worker writes the record and the engine's file under names of its attempt, to expire soon; the step that
ends the session (``lua/finish.lua``) gives them their own and puts the model on its owner's list. So a
session that was cancelled, overtaken or deleted leaves none, and one that was begun twice leaves one.
Standard library only, like the gateway that lists them.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import redis

from oddline.errors import OddlineError, ParameterError, did_you_mean
from oddline_workers import blobs
from oddline_workers.records import Records, well_formed
from oddline_workers.settings import Settings

__all__ = ["SORTS", "Model", "Models", "model_id", "unknown_model"]

_CHUNK = 1000


@dataclass(frozen=True)
class Model:
    """A model as its record says it: a hash in the store, field for field."""

    id: str
    owner: str
    session: str
    """The id of the session that learnt it."""
    source: str
    """The name of the dataset it was learnt from."""
    name: str
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Those of the session: metadata by name, as answered."""
    algorithm: Mapping[str, str] = field(default_factory=dict)
    """``name``, ``description`` and ``key``."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    missing: Sequence[str] = ()
    """Texts that counted as missing values in the rows it was learnt from, and do in those to be scored."""
    learnt: Mapping[str, Any] = field(default_factory=dict)
    """The manifest of the engine's file, see ``blobs``."""
    created: int = 0
    """When its session was done: epoch microseconds by the store's clock."""
    used: int = 0
    """When it last predicted; 0 while it never has."""

    def to_record(self) -> dict[str, str]:
        """The fields as the store keeps them."""
        return {
            name: json.dumps(value, separators=(",", ":")) if name in _JSON else str(value)
            for name in _FIELDS
            for value in [getattr(self, name)]
        }

    @classmethod
    def from_record(cls, record: Mapping[str, str]) -> Model:
        """The model of a stored record; fields of newer versions are passed over."""
        values = {name: _READ[name](record[name]) for name in _FIELDS if name in record}
        return cls(**values)


_FIELDS = tuple(item.name for item in fields(Model))
_SMALL = ("id", "owner", "session", "source", "name", "created", "used")
_JSON = frozenset({"columns", "algorithm", "metrics", "missing", "learnt"})
_READ: Mapping[str, Callable[[str], Any]] = {
    name: json.loads if name in _JSON else int if name in ("created", "used") else str for name in _FIELDS
}

_ORDERS: Mapping[str, Callable[[Model], Any]] = {
    "id": lambda model: model.id,
    "modelName": lambda model: model.name.casefold(),
    "dataSourceName": lambda model: model.source.casefold(),
    "type": lambda model: "",
    "createdDate": lambda model: model.created,
    "lastUsedDate": lambda model: model.used,
}

SORTS = tuple(_ORDERS)
"""What models can be sorted by; all are of one type, and those that compare alike come newest first."""


def model_id(job_id: str) -> str:
    """The id of the model that a session learns: always the same, however often it is begun."""
    digest = hashlib.sha256(b"model:" + job_id.encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def unknown_model(identifier: str) -> OddlineError:
    """The error of an id that is malformed, unknown, deleted or another owner's: all alike."""
    shown = identifier[:64]
    return OddlineError(
        f"Item of type model with identifier {shown} was not found",
        code="not_found", status=404, itemType="model", itemId=shown,
    )  # fmt: skip


# Inside the class the name `list` is the method's.
Found = list[Model]
Page = tuple[Found, int]


class Models:
    """The models in a store."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self.client = client
        self._root = settings.key_prefix
        self._store = Records(client, settings)

    def add(self, model: Model, attempt: int, data: bytes) -> Model:
        """Write what one attempt of a session has learnt; with the session's end it becomes a model.

        Until then it has no name that leads to it, and is gone after ten minutes. A few round trips.

        Parameters
        ----------
        model : Model
            Its id that of :func:`model_id`.
        attempt : int
        data : bytes
            From :func:`oddline.persist.dumps`.

        Returns
        -------
        Model
            With the manifest of its file.

        Raises
        ------
        LimitError
            ``store_full``.
        """
        record = f"{self._key(model.id)}:{attempt}"
        with blobs.Writer(self.client, f"{self._learnt(model.id)}:{attempt}") as writer:
            for start in range(0, len(data), blobs.PIECE):
                writer.add(data[start : start + blobs.PIECE])
            model = replace(model, learnt=writer.manifest())
            writer.pipe.hset(record, mapping=model.to_record())  # type: ignore[arg-type]
            writer.pipe.pexpire(record, blobs.WRITING_SECONDS * 1000)
            writer.flush()
        return model

    def get(self, owner: str, identifier: str) -> Model:
        """The model; OddlineError (``not_found``, 404) where this owner has none of that id."""
        found = self._records([identifier.encode()]) if well_formed(identifier) else ()
        for model in found:
            if model.owner == owner:
                return model
        raise unknown_model(identifier)

    def list(
        self,
        owner: str,
        *,
        source: str = "",
        identifier: str = "",
        after: int | None = None,
        before: int | None = None,
        sort: str = "createdDate",
        descending: bool = True,
        offset: int = 0,
        limit: int = 50,
    ) -> Page:
        """The owner's models that fit, and how many these are.

        Two round trips; with another filter than the dates, or sorted by anything else, one more for each
        thousand models of the owner.

        Parameters
        ----------
        owner : str
        source : str
            Those learnt from the dataset of this name; names compare without case.
        identifier : str
            The one of this id.
        after, before : int, optional
            Created between these, epoch microseconds, bounds included.
        sort : str
            One of :data:`SORTS`.
        descending : bool
        offset, limit : int
            Which of them are returned.

        Raises
        ------
        ParameterError
            ``sort`` is none of them.
        """
        if sort not in _ORDERS:
            raise ParameterError(
                f"sort is {sort[:60]!r}; expected one of {', '.join(SORTS)}.{did_you_mean(sort, SORTS)}",
                parameter="sort",
            )
        if not (source or identifier) and sort == "createdDate":
            return self._by_date(owner, after, before, descending, offset, limit)
        found = self._fitting(owner, source, identifier, after, before)  # newest first
        found.sort(key=_ORDERS[sort], reverse=descending)  # of equals it stays the order
        page = [one.id.encode() for one in found[offset : offset + limit]]
        return [*self._records(page)], len(found)

    def delete(self, owner: str, identifier: str) -> bool:
        """Delete a model; False where there is none of this owner's. Returns when the journal has it."""
        try:
            model = self.get(owner, identifier)
        except OddlineError:
            return False
        self._remove(owner, [model])
        return True

    def delete_fitting(
        self,
        owner: str,
        *,
        source: str = "",
        identifier: str = "",
        after: int | None = None,
        before: int | None = None,
    ) -> int:
        """Delete the owner's models that fit, as :meth:`list` takes them; how many. Without a filter, all.

        Returns when the journal has it.
        """
        found = self._fitting(owner, source, identifier, after, before)
        self._remove(owner, found)
        return len(found)

    def count(self, owner: str) -> int:
        """How many models the owner has."""
        return int(self.client.zcard(self._index(owner)))

    def blob(self, model: Model) -> bytes:
        """The engine's file of a model, for :func:`oddline.persist.load`; each piece is verified.

        Raises
        ------
        OddlineError
            It was deleted meanwhile (``not_found``, 404).
        RunError
            A piece is missing or altered (``damaged``).
        """
        key = self._learnt(model.id)
        try:
            return b"".join(blobs.read(self.client, key, model.learnt))
        except OddlineError as error:
            raise unknown_model(model.id) if error.code == "expired" else error from None

    def touch(self, identifier: str) -> None:
        """Note that a model has just predicted; nothing happens to one that is gone."""
        key = self._key(identifier)

        def note(pipe: Any) -> None:
            seconds, micros = pipe.time()
            there = pipe.exists(key)
            pipe.multi()
            if there:
                pipe.hset(key, "used", int(seconds) * 1_000_000 + int(micros))

        if well_formed(identifier):
            self.client.transaction(note, key)

    def _by_date(
        self, owner: str, after: int | None, before: int | None, descending: bool, offset: int, limit: int
    ) -> Page:
        """A page straight from the index."""
        index, first, last = self._index(owner), *_range(after, before)
        pipe = self.client.pipeline(transaction=False)
        pipe.zcount(index, first, last)
        if descending:
            pipe.zrevrangebyscore(index, last, first, offset, limit)
        else:
            pipe.zrangebyscore(index, first, last, offset, limit)
        total, ids = pipe.execute()
        return [*self._records(ids)], total

    def _fitting(
        self, owner: str, source: str, identifier: str, after: int | None, before: int | None
    ) -> Found:
        """All that fit, newest first, with the few fields that decide about that."""
        first, last = _range(after, before)
        ids: Any = self.client.zrevrangebyscore(self._index(owner), last, first)
        if identifier:
            ids = [one for one in ids if one == identifier.encode("utf-8", "replace")]
        found = self._records(ids, _SMALL)
        return [model for model in found if not source or model.source.casefold() == source.casefold()]

    def _records(self, ids: Sequence[bytes], names: Sequence[str] = _FIELDS) -> Iterator[Model]:
        """The models of some ids, as far as they are still there."""
        for start in range(0, len(ids), _CHUNK):
            pipe = self.client.pipeline(transaction=False)
            for one in ids[start : start + _CHUNK]:
                pipe.hmget(self._key(one.decode()), names)
            for values in pipe.execute():
                record = {name: value.decode() for name, value in zip(names, values, strict=True) if value}
                if record:
                    yield Model.from_record(record)

    def _remove(self, owner: str, models: Found) -> None:
        for start in range(0, len(models), _CHUNK):
            pipe = self.client.pipeline()
            for model in models[start : start + _CHUNK]:
                pipe.zrem(self._index(owner), model.id)
                pipe.unlink(self._key(model.id), self._learnt(model.id))
            pipe.execute()
        if models:
            self._store.await_journal()

    def _key(self, identifier: str) -> str:
        return f"{self._root}model:{identifier}"

    def _learnt(self, identifier: str) -> str:
        return f"{self._root}learnt:{identifier}"

    def _index(self, owner: str) -> str:
        return f"{self._root}models:{owner}"


def _range(after: int | None, before: int | None) -> tuple[Any, Any]:
    return "-inf" if after is None else after, "+inf" if before is None else before
