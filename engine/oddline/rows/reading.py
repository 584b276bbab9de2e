"""Columns that people hand in, and what they say of them, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddline.errors import DataError, ParameterError, did_you_mean

__all__ = ["check_choices", "read_columns"]


def read_columns(columns: Mapping[str, Any], kinds: Mapping[str, str]) -> tuple[dict[str, NDArray[Any]], int]:
    """The columns of those kinds as float64 and object arrays, and the number of rows.

    Raises
    ------
    DataError
        A column is not one of numbers or texts, or they are of unlike length.
    """
    read = {name: _read(name, columns[name], kind) for name, kind in kinds.items() if name in columns}
    lengths = {name: len(values) for name, values in read.items()} or {
        name: len(values) for name, values in columns.items()
    }
    rows = next(iter(lengths.values()), 0)
    for name, length in lengths.items():
        if length != rows:
            raise DataError(
                f"Column {name!r} has {length:,} rows and {next(iter(lengths))!r} has {rows:,}; all columns "
                "of a table have as many.",
                column=name,
            )
    return read, rows


def _read(name: str, values: Any, kind: str) -> NDArray[Any]:
    try:
        array = np.asarray(values, dtype=np.float64 if kind == "number" else object)
    except (TypeError, ValueError, OverflowError):
        raise DataError(
            f"Column {name!r} is to be one of numbers and holds others; make it a category or leave it out.",
            code="not_numeric",
            column=name,
        ) from None
    if array.ndim != 1:
        raise DataError(f"Column {name!r} has {array.ndim} dimensions; expected one.", column=name)
    if kind == "number":
        return array
    odd = _strange(array)
    if odd and all(issubclass(kind, float) for kind in odd):  # NaN stands for a missing text in many tables
        array = np.array([None if value != value else value for value in array], dtype=object)
        odd = _strange(array)
    if odd:
        raise DataError(
            f"Column {name!r} is to be one of categories and holds a value of type {odd[0].__name__}; "
            "expected texts, and None where one is missing.",
            column=name,
        )
    return array


def _strange(array: NDArray[Any]) -> list[type]:
    """The types in an array that are no texts and not None."""
    kinds = {type(value) for value in array} - {str, type(None)}
    return sorted((kind for kind in kinds if not issubclass(kind, str)), key=lambda kind: kind.__name__)


def check_choices(
    words: Mapping[str, str], known: Sequence[str], columns: Mapping[str, Any], what: str
) -> None:
    """Raise where a column is not there, or its word is none of the known ones."""
    for name, word in words.items():
        if name not in columns:
            raise ParameterError(
                f"{what} names the column {name!r}, which is not there.{did_you_mean(name, columns)}",
                code="unknown_column",
                parameter=what,
                column=name,
            )
        if word not in known:
            raise ParameterError(
                f"{what} of {name!r} is {word!r}; expected one of {', '.join(known)}."
                f"{did_you_mean(str(word), known)}",
                parameter=what,
                column=name,
            )
