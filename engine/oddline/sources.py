"""Where cells come from: CSV bytes, JSON rows or a DataFrame, all asked the same way.

A source knows its column names, shows its first rows, and hands over whole columns: as raw
cells, or as floats in one fast pass that simply fails where a cell is no number.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddline.errors import DataError
from oddline.jsonrows import JsonRows
from oddline.sniff import HEAD_BYTES, Sniffed, sniff
from oddline.stamps import place, stamp_texts
from oddline.unpacking import GZIP, as_utf8, check_lines, unpacked

__all__ = ["Behind", "Cells", "Source", "header_end", "open_source"]

Cells = NDArray[np.object_]


class Source(Protocol):
    """A table not yet read. Columns are asked for by position, as names may repeat."""

    columns: tuple[str, ...]
    decimal: str
    padded: bool  # whether empty rows at the end may be no rows

    def peek(self, rows: int) -> list[Cells]:
        """The first cells of every column."""

    def read(self, time: int | None, targets: Sequence[int]) -> tuple[Cells | None, list[Any]]:
        """The cells of the time column and each target as floats; ValueError if one is not numeric."""

    def cells(self, positions: Sequence[int]) -> list[Cells]:
        """Raw cells of some columns."""


def open_source(data: Any, max_rows: int, max_columns: int, max_cells: int, max_bytes: int) -> Source:
    """The source behind bytes, a path or a DataFrame.

    Raises
    ------
    DataError
        The file is missing, empty or neither CSV nor JSON rows.
    LimitError
        It unpacks to more than ``max_bytes``, a line is longer than any row, or rows have more than
        ``max_columns`` keys.
        Of more than ``max_rows`` rows one more is read, to be refused by the reader.
    """
    if isinstance(data, pd.DataFrame):
        return _Frame(data)
    if isinstance(data, str | os.PathLike):
        try:
            with open(data, "rb") as file:
                raw = file.read()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise DataError(f"Cannot read the file {os.fspath(data)!r}: {reason}.", code="no_file") from None
    else:
        raw = bytes(data)
    if raw[:2] == GZIP:
        sniff(raw[:HEAD_BYTES])  # what is no table need not be unpacked
        raw = unpacked(raw, max_bytes)
    found = sniff(raw[:HEAD_BYTES], complete=len(raw) <= HEAD_BYTES)
    text = as_utf8(raw, found.encoding)
    del raw
    if found.kind == "json":
        return JsonRows(text, max_rows, max_columns, max_cells)
    check_lines(text)
    return _Csv(text, found, max_rows, max_cells)


class Behind(io.RawIOBase):
    """A file of one line and then the rest of a buffer, without copying the buffer."""

    def __init__(self, line: bytes, rest: memoryview) -> None:
        self._parts = [memoryview(line), rest]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._parts and not self._parts[0]:
            self._parts.pop(0)
        if not self._parts:
            return 0
        size = min(len(buffer), len(self._parts[0]))
        buffer[:size] = self._parts[0][:size]
        self._parts[0] = self._parts[0][size:]
        return size


class _Csv:
    padded = True

    def __init__(self, text: bytes, found: Sniffed, max_rows: int, max_cells: int) -> None:
        self.columns, self.decimal = found.columns, found.decimal
        self._delimiter, self._max_rows, self._max_cells = found.delimiter, max_rows, max_cells
        self._body = memoryview(text)[header_end(text, found.delimiter) :]

    def peek(self, rows: int) -> list[Cells]:
        return self._objects(range(len(self.columns)), rows)

    def read(self, time: int | None, targets: Sequence[int]) -> tuple[Cells | None, list[Any]]:
        wanted = [*(() if time is None else (time,)), *targets]
        kinds: dict[str, Any] = {str(p): np.float64 for p in targets}
        if time is not None:
            kinds[str(time)] = object
        try:
            frame = self._parse(wanted, kinds, self._most(len(targets)))
        except OverflowError:  # an integer beyond every float
            raise ValueError from None
        cells = None if time is None else frame[str(time)].to_numpy()
        return cells, [frame[str(p)].to_numpy() for p in targets]

    def cells(self, positions: Sequence[int]) -> list[Cells]:
        return self._objects(positions, self._most(1))

    def _most(self, columns: int) -> int:
        """Rows to read: one more than the limits allow, so that too many are noticed, not held."""
        return min(self._max_rows, self._max_cells // max(1, columns)) + 1

    def _objects(self, positions: Sequence[int], rows: int) -> list[Cells]:
        frame = self._parse(positions, {str(p): object for p in positions}, rows)
        return [frame[str(p)].to_numpy() for p in positions]

    def _parse(self, positions: Sequence[int], kinds: dict[str, Any], rows: int) -> pd.DataFrame:
        # A header of our own, one column wider than the file's: whatever lands in the last
        # column belongs to a row that is longer than the header.
        width = len(self.columns)
        header = self._delimiter.join(map(str, range(width + 1))) + "\n"
        try:
            frame = pd.read_csv(
                io.BufferedReader(Behind(header.encode(), self._body), 1 << 18),
                sep=self._delimiter,
                decimal=self.decimal,
                usecols=[*map(str, positions), str(width)],
                dtype={**kinds, str(width): object},
                nrows=rows,
                skip_blank_lines=width > 1,
                skipinitialspace=True,
                index_col=False,
                engine="c",
            )
        except pd.errors.ParserError as error:
            reason = str(error).removeprefix("Error tokenizing data. C error: ")
            raise DataError(f"The CSV cannot be read: {reason}.", code="not_a_csv") from None
        long = frame[str(width)].notna().to_numpy()
        if long.any():
            row = int(long.argmax())
            raise DataError(
                f"{place(row).capitalize()} has more fields than the header, which names {width}. "
                "Quote fields that hold the delimiter, or name every column.",
                code="ragged_row",
                row=row + 1,
            )
        return frame


def header_end(text: bytes, delimiter: str) -> int:
    """Where the first data line begins; as bytes, hence read as Latin-1, one byte a character."""
    size = 0

    def lines() -> Iterator[str]:
        nonlocal size
        for line in io.StringIO(text[: 8 * HEAD_BYTES].decode("latin-1"), newline=""):
            size += len(line)
            yield line

    for row in csv.reader(lines(), delimiter=delimiter, skipinitialspace=True):
        if row:
            break
    return size


def _objects(cells: list[Any]) -> Cells:
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array


class _Frame:
    decimal, padded = ".", False

    def __init__(self, frame: pd.DataFrame) -> None:
        if isinstance(frame.index, pd.DatetimeIndex):
            names = (str(frame.index.name or "time"), "time", "index", "time of the index")
            frame = frame.reset_index(names=next(name for name in names if name not in frame.columns))
        self._frame = frame
        self.columns = tuple(str(name).strip() for name in frame.columns)

    def peek(self, rows: int) -> list[Cells]:
        return [_series_cells(column) for _, column in self._frame.head(rows).items()]

    def cells(self, positions: Sequence[int]) -> list[Cells]:
        return [_series_cells(self._frame.iloc[:, p]) for p in positions]

    def read(self, time: int | None, targets: Sequence[int]) -> tuple[Cells | None, list[Any]]:
        wanted = self._frame.iloc[:, list(targets)]
        if any(dtype.kind not in "iuf" for dtype in wanted.dtypes):
            raise ValueError
        numbers = list(wanted.to_numpy(dtype=np.float64, na_value=np.nan).T)
        return None if time is None else self.cells([time])[0], numbers


def _series_cells(column: pd.Series[Any]) -> Cells:
    """Raw cells; dates become text, in one style for the whole column."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return _objects([None if pd.isna(stamp) else str(stamp) for stamp in column])
    if column.dtype.kind == "M":
        stamps = column.to_numpy().astype("M8[ns]")
        texts = _objects(stamp_texts(stamps.astype(np.int64)))
        texts[np.isnat(stamps)] = None
        return texts
    if column.dtype.kind in "cm":
        return _objects(column.astype(str).tolist())
    return np.asarray(column.to_numpy(dtype=object))
