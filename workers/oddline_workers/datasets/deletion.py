"""Rows taken out of a dataset: by time, by key, or one by one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import redis
from numpy.typing import NDArray

from oddline.errors import ParameterError
from oddline_workers.datasets import columnar
from oddline_workers.datasets.arrays import exact, numbers_of
from oddline_workers.datasets.catalogue import Dataset, Datasets, between
from oddline_workers.datasets.cells import Cells, typed
from oddline_workers.datasets.columnar import unpack
from oddline_workers.datasets.dates import read_date
from oddline_workers.datasets.ingest import ATTEMPTS, busy, commit_parts
from oddline_workers.datasets.placing import known_keys
from oddline_workers.datasets.weaving import Part, Weaver, parts_of
from oddline_workers.settings import Settings

__all__ = ["delete_rows"]

Mask = NDArray[np.bool_]

_NONE = np.empty(0, dtype=np.intp)
_NUMBERS = ("numeric", "numericMeasure")


def delete_rows(
    client: redis.Redis,
    settings: Settings,
    owner: str,
    name: str,
    *,
    start: str | None = None,
    end: str | None = None,
    start_key: str | None = None,
    end_key: str | None = None,
    keys: Sequence[str] | None = None,
) -> Dataset:
    """Delete rows; the dataset and its columns stay, even without rows.

    A row goes where everything that is given holds.

    Parameters
    ----------
    client : redis.Redis
    settings : Settings
    owner, name : str
    start, end : str, optional
        Dates as clients write them, both included: of a time series.
    start_key, end_key : str, optional
        Keys, both included, compared as numbers where the key is one: of a dataset with a key.
    keys : sequence of str, optional
        The keys of rows.

    Returns
    -------
    Dataset
        As it is now.

    Raises
    ------
    OddlineError
        ``not_found``.
    ParameterError
        A date is none, the start is after the end (``bad_range``), the dataset has no timestamp or no
        key to go by, or nothing is given (``bad_filter``).
    LimitError
        ``store_full``, ``busy``.
    """
    datasets = Datasets(client, settings)
    times = [
        None if text is None else read_date(text, what)
        for text, what in ((start, "startDate"), (end, "endDate"))
    ]
    if times[0] and times[1] and times[0] > times[1]:
        raise ParameterError(
            f"startDate {start} is after endDate {end}.", code="bad_range", startDate=start, endDate=end
        )
    by_key = any(one is not None for one in (start_key, end_key, keys))
    if not (by_key or any(times)):
        raise ParameterError("Nothing says which rows to delete.", code="bad_filter")
    for _ in range(ATTEMPTS):
        old = datasets.get(owner, name)
        key, stamp = old.key_column, old.timestamp_column
        if any(times) and stamp is None:
            raise _unknown(old, "timestamp", "startDate")
        if by_key and key is None:
            raise _unknown(old, "key", "keys")
        parts = parts_of(old)
        gone = [np.ones(part.rows, dtype=bool) for part in parts]
        if any(times):
            first, last = between(client, datasets.root, old, *times)
            _narrow(gone, parts, first, last)
        if key is not None and keys is not None:
            _keep_known(datasets, gone, parts, key, _as_kept(old, key, keys))
        if key is not None and (start_key is not None or end_key is not None):
            _keep_range(datasets, old, gone, parts, key, start_key, end_key)
        if not any(mask.any() for mask in gone):
            return old
        with Weaver(datasets, (*old.columns,), {}, key=key, timestamp=stamp) as weaver:
            left: list[Part] = []
            for part, mask in zip(parts, gone, strict=True):
                if not mask.any():
                    left.append(part)
                elif not mask.all():
                    left += weaver.weave([part.segment], _NONE, np.flatnonzero(~mask))
            if (stored := commit_parts(datasets, old, old, left, weaver)) is not None:
                return stored
    raise busy(name)


def _narrow(gone: Sequence[Mask], parts: Sequence[Part], first: int, last: int) -> None:
    begin = 0
    for mask, part in zip(gone, parts, strict=True):
        places = np.arange(begin, begin + part.rows)
        mask &= (places >= first) & (places < last)
        begin += part.rows


def _keep_known(
    datasets: Datasets, gone: Sequence[Mask], parts: Sequence[Part], key: str, texts: Sequence[str]
) -> None:
    found = known_keys(datasets.client, datasets.root, parts, key, texts)
    for at, mask in enumerate(gone):
        there = np.zeros(mask.size, dtype=bool)
        there[[*found.get(at, ())]] = True
        mask &= there


def _keep_range(
    datasets: Datasets,
    dataset: Dataset,
    gone: Sequence[Mask],
    parts: Sequence[Part],
    key: str,
    start: str | None,
    end: str | None,
) -> None:
    numbers = dataset.columns[key].data_type in _NUMBERS
    limits: list[Any] = [start, end]
    if numbers:
        limits = [
            None if text is None else _number(text, what)
            for text, what in zip(limits, ("startKey", "endKey"), strict=True)
        ]
    pieces = columnar.fetch_each(datasets.client, datasets.root, [part.segment for part in parts], key)
    for mask, piece in zip(gone, pieces, strict=True):
        texts = [text or "" for text in unpack(piece or b"")]
        if numbers:
            mask &= _between(texts, *limits)
        else:
            mask &= np.array(
                [(start is None or text >= start) and (end is None or text <= end) for text in texts],
                dtype=bool,
            )


def _number(text: str, what: str) -> Decimal:
    value = float(numbers_of([text])[0][0])
    if np.isnan(value):
        raise ParameterError(f"{what} is {text[:60]!r}; the key is a number.", code="bad_key", parameter=what)
    return Decimal(text if abs(value) >= 1e15 else value)


def _between(texts: Sequence[str], start: Decimal | None, end: Decimal | None) -> Mask:
    """Which texts are numbers from ``start`` to ``end``, both included; of long ones every digit counts."""
    values = numbers_of(texts)[0]
    # Whoever rounds to a limit may be on either side of it, and is looked at by all digits.
    low, high = (None if one is None else float(one) for one in (start, end))
    mask = ~np.isnan(values)
    if low is not None:
        mask &= values >= low
    if high is not None:
        mask &= values <= high
    for place, text in exact(texts, values).items():
        if mask[place] and values[place] in (low, high):
            mask[place] = (start is None or Decimal(text) >= start) and (end is None or Decimal(text) <= end)
    return mask


def _as_kept(dataset: Dataset, key: str, keys: Sequence[str]) -> list[str]:
    """Keys as the dataset writes them."""
    cells = Cells()
    cells.add([str(one) for one in keys if "\0" not in str(one)])
    texts = typed(cells, dataset.columns[key].data_type, key).at(slice(None))[0]
    return [text for text in texts if text is not None]


def _unknown(dataset: Dataset, role: str, parameter: str) -> ParameterError:
    return ParameterError(
        f"The dataset {dataset.name[:60]!r} has no {role}; its rows cannot be told by one.",
        code="bad_filter", parameter=parameter,
    )  # fmt: skip
