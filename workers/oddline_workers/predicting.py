"""What a desk predicts: rows scored by a kept model, see :data:`oddline_workers.answering.OPS`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import redis
from numpy.typing import NDArray

from oddline import persist
from oddline.errors import ModelError, ParameterError
from oddline.rows import RowModel
from oddline_workers.datasets import columnar
from oddline_workers.datasets.arrays import as_objects, format_numbers
from oddline_workers.datasets.cells import Cells, typed
from oddline_workers.datasets.metadata import match
from oddline_workers.datasets.parsing import read_upload
from oddline_workers.models import Model, Models
from oddline_workers.sessions.features import SCORE, warned
from oddline_workers.sessions.tables import truths
from oddline_workers.settings import Settings

__all__ = ["Cache", "predict"]

_NUMBERS = ("numeric", "numericMeasure", "logical")


class Cache:
    """The models that were asked for last, ready to score: they never change, so an id is enough.

    Parameters
    ----------
    most : int
        How many are kept.
    most_bytes : int
        How large their files may be together.
    """

    def __init__(self, most: int = 32, most_bytes: int = 64 << 20) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: OrderedDict[str, tuple[RowModel, int]] = OrderedDict()

    def get(self, models: Models, model: Model) -> RowModel:
        """The model of a record, read from its file if it is not here.

        Raises
        ------
        OddlineError
            It was deleted meanwhile (404), is damaged, or is of a release that this one cannot read.
        """
        if model.id not in self._kept:
            data = models.blob(model)
            learnt = persist.load(data)
            if not isinstance(learnt, RowModel):
                raise ModelError("the model is of a kind that judges no single rows", code="not_a_model")
            self._kept[model.id] = learnt, len(data)
            while len(self._kept) > 1 and (len(self._kept) > self._most or self._size() > self._most_bytes):
                self._kept.popitem(last=False)
        self._kept.move_to_end(model.id)
        return self._kept[model.id][0]

    def _size(self) -> int:
        return sum(size for _, size in self._kept.values())


_cache = Cache()


def predict(
    client: redis.Redis, settings: Settings, arguments: dict[str, Any], data: bytes
) -> tuple[dict[str, Any], bytes]:
    """Score rows by a model.

    Parameters
    ----------
    client : redis.Redis
    settings : Settings
    arguments : dict
        ``owner``, ``modelId``, ``kind`` and ``accept``, each of these two ``json`` or ``csv``.
    data : bytes
        The body, as :func:`oddline_workers.datasets.parsing.read_upload` takes it.

    Returns
    -------
    head : dict
        ``rows``, and ``messages`` on columns that the model does not know or misses.
    body : bytes
        A JSON array of the rows as they came, every value a text, or CSV; each with its score.

    Raises
    ------
    OddlineError
        The client has no such model (404).
    ParameterError
        There is no row.
    DataError, LimitError
        Of the body.
    """
    models = Models(client, settings)
    model = models.get(arguments["owner"], arguments["modelId"])
    upload = read_upload(data, arguments["kind"], settings)
    if not upload.rows:
        raise ParameterError(
            "data: there are no rows; expected at least one to score.",
            code="no_rows",
            problems={"data": "there are no rows; expected at least one to score."},
        )
    learnt = _cache.get(models, model)
    columns: dict[str, Mapping[str, str]] = {**{name: {} for name in learnt.columns}, **model.columns}
    known = match(columns)
    spelled = {known.get(name.casefold(), name): name for name in upload.cells}
    shown = {
        own: _shown(upload.cells[own], columns.get(name, {}).get("dataType", ""))
        for name, own in spelled.items()
        if name.casefold() != SCORE
    }
    upload.forget(model.missing)
    cells = {name: upload.cells[own] for name, own in spelled.items()}
    features, unread = _features(learnt, columns, cells)
    scores = learnt.score(features)
    models.touch(model.id)
    shown[SCORE] = format_numbers(scores)
    written = (
        columnar.csv_block([[name, *values] for name, values in shown.items()])
        if arguments["accept"] == "csv"
        else _json(shown)
    )
    return {"rows": upload.rows, "messages": _messages(learnt, columns, spelled, unread)}, written


def _features(
    learnt: RowModel, columns: Mapping[str, Mapping[str, str]], cells: Mapping[str, Cells]
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """The columns that the model learnt from, as it wants them; and those with cells that it cannot read."""
    features: dict[str, NDArray[Any]] = {}
    unread: list[str] = []
    for name, kind in learnt.kinds.items():
        if name not in cells:
            continue
        if kind == "category":
            features[name] = as_objects([text or None for text in cells[name].texts()])
            continue
        if columns[name].get("dataType") == "logical":
            texts = cells[name].texts()
            features[name] = truths(texts)
            bad = np.isnan(features[name]) & np.array([text != "" for text in texts])
        else:
            parts = [*cells[name].numbers()]
            features[name] = np.concatenate([numbers for numbers, _, _ in parts])
            bad = np.concatenate([neither for _, neither, _ in parts])
        if bad.any():
            unread.append(name)
    return features, unread


def _shown(cells: Cells, data_type: str) -> Sequence[str | None]:
    """The cells as the answer has them: numbers in their usual form, other texts as they came."""
    if data_type in _NUMBERS:
        return typed(cells, "numericMeasure", "").at(slice(None))[0]
    return [text or None for text in cells.texts()]


def _messages(
    learnt: RowModel, columns: Mapping[str, Mapping[str, str]], spelled: Iterable[str], unread: Sequence[str]
) -> list[dict[str, str]]:
    """A warning for each column without a part in the score, but for the key; on those missing or unread."""
    given = [*spelled]
    said = [
        warned(f"Column {name[:60]!r} has no part in the score: the model did not learn from it.")
        for name in given
        if not (
            name in learnt.columns or columns.get(name, {}).get("role") == "key" or name.casefold() == SCORE
        )
    ]
    missing = [name for name in learnt.columns if name not in given]
    if missing:
        said.append(
            warned(f"The data does not have {_named(missing)}; what was usual in training is taken instead.")
        )
    if unread:
        said.append(
            warned(
                f"Some of the values in {_named(unread)} are no numbers (or neither true nor false); "
                "what was usual in training is taken instead."
            )
        )
    return said


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(repr(name[:60]) for name in names[:5]) + more


def _json(columns: Mapping[str, Sequence[str | None]]) -> bytes:
    return orjson.dumps(
        [
            {name: value for name, value in zip(columns, row, strict=True) if value is not None}
            for row in zip(*columns.values(), strict=True)
        ]
    )
