"""Series, arrays and lists of numbers as the frames that the reader takes."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddline.errors import DataError

__all__ = ["as_source"]

_READ = (pd.DataFrame, str, os.PathLike, bytes, bytearray, memoryview)


def as_source(source: Any) -> tuple[Any, tuple[str, ...] | None]:
    """What :func:`oddline.table.read_table` reads, and its columns where all hold values.

    Parameters
    ----------
    source : DataFrame, path, bytes, Series, array or list of numbers
        A Series keeps its name and its times; an array (n,) becomes ``value``, one (n, d)
        becomes ``value_0``, ``value_1``, …

    Returns
    -------
    source, columns
        The columns are None for what may hold a time column too.

    Raises
    ------
    DataError
        It is none of these.

    Examples
    --------
    >>> frame, columns = as_source([[1, 2], [3, 4]])
    >>> columns, frame.shape
    (('value_0', 'value_1'), (2, 2))
    """
    if isinstance(source, _READ):
        return source, None
    if isinstance(source, pd.Series):
        name = str("value" if source.name is None else source.name)
        return source.to_frame(name), (name,)
    values = _numbers(source)
    columns = ("value",) if values.ndim == 1 else tuple(f"value_{i}" for i in range(values.shape[1]))
    return pd.DataFrame(values.reshape(len(values), len(columns)), columns=list(columns)), columns


def _numbers(source: Any) -> NDArray[np.float64]:
    kind = f"{type(source).__module__}.{type(source).__qualname__}".removeprefix("builtins.")
    if not isinstance(source, list | tuple | range) and not hasattr(source, "__array__"):
        raise _unread(f"an object of type {kind}")
    try:
        array = np.asarray(source)
        if array.dtype.kind == "O":  # None among numbers is a missing value, text is none
            if any(isinstance(cell, str | bytes) for cell in array.flat):
                raise TypeError
        elif array.dtype.kind not in "iufb":
            raise TypeError
        values = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise _unread(
            f"an object of type {kind} that holds other than numbers or rows of unlike length"
        ) from None
    if values.ndim not in (1, 2):
        raise _unread(f"an object of type {kind} with {values.ndim} dimensions")
    return values


def _unread(seen: str) -> DataError:
    return DataError(
        f"The table is {seen}; expected a DataFrame, a Series, an array or list of numbers (rows, or rows "
        "by columns), a path, or the bytes of a CSV.",
        code="unreadable_type",
    )
