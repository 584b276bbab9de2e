"""Where cells come from: CSV bytes, JSON rows or a DataFrame, all asked the same way.

A source knows its column names, shows its first rows, and hands over whole columns: as raw
cells, or as floats in one fast pass that simply fails where a cell is no number.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import os
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddline.errors import DataError, LimitError
from oddline.jsonrows import JsonRows
from oddline.sniff import HEAD_BYTES, Sniffed, sniff
from oddline.stamps import place, stamp_texts

__all__ = ["Cells", "Source", "open_source"]

Cells = NDArray[np.object_]

_PIECE = 1 << 18
_LONGEST_LINE = 4 << 20


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
    if raw[:2] == b"\x1f\x8b":
        sniff(raw[:HEAD_BYTES])  # what is no table need not be unpacked
        raw = _unpacked(raw, max_bytes)
        if raw[:2] == b"\x1f\x8b":
            raise DataError("The gzip file holds another gzip file; pack the table once.", code="not_a_csv")
    found = sniff(raw[:HEAD_BYTES], complete=len(raw) <= HEAD_BYTES)
    text, found = _utf8(raw, found)
    del raw
    if found.kind == "json":
        return JsonRows(text, max_rows, max_columns, max_cells)
    _check_lines(text)
    return _Csv(text, found, max_rows, max_cells)


def _unpacked(raw: bytes, max_bytes: int) -> bytes:
    unpacked = io.BytesIO()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            while piece := file.read(_PIECE):
                unpacked.write(piece)
                if unpacked.tell() > max_bytes:
                    raise LimitError(
                        f"The gzip file unpacks to more than {max_bytes:,} bytes. Send a smaller part.",
                        code="too_large",
                    )
    except (OSError, EOFError, zlib.error):
        raise DataError("The gzip file is damaged or cut off; pack it again.", code="damaged_gzip") from None
    return unpacked.getvalue()


def _utf8(raw: bytes, found: Sniffed) -> tuple[bytes, Sniffed]:
    """The bytes as UTF-8 without BOM; what the head promised may end further down."""
    text = raw.removeprefix(codecs.BOM_UTF8)
    if found.encoding in ("utf-8", "utf-8-sig"):
        if not text.isascii() and not _is_utf8(text):
            text = _in_utf8(text, "latin-1")
    else:
        try:
            text = _in_utf8(raw, found.encoding).removeprefix(codecs.BOM_UTF8)
        except UnicodeDecodeError as error:
            message = f"The file starts as {found.encoding.upper()} but breaks at byte {error.start:,}."
            raise DataError(message + " Save it as UTF-8.", code="bad_encoding") from None
    zero = text.find(b"\0")
    if zero >= 0:
        line = text.count(b"\n", 0, zero) + 1
        raise DataError(
            f"Line {line:,} of the file holds a zero byte, which text does not; "
            "the file is damaged or binary. Export it again.",
            code="zero_byte",
            row=max(1, line - 1),
        )
    return text, found


def _decoded(raw: bytes, encoding: str) -> Iterator[str]:
    """The text in pieces: the whole of it would take four bytes a character for the sake of one."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for start in range(0, len(raw), _PIECE):
        waiting = len(decoder.getstate()[0])
        try:
            piece = decoder.decode(raw[start : start + _PIECE], start + _PIECE >= len(raw))
        except UnicodeDecodeError as error:
            error.start += start - waiting
            raise
        yield piece


def _is_utf8(raw: bytes) -> bool:
    try:
        return all(True for _ in _decoded(raw, "utf-8"))
    except UnicodeDecodeError:
        return False


def _in_utf8(raw: bytes, encoding: str) -> bytes:
    text = io.BytesIO()
    text.writelines(piece.encode() for piece in _decoded(raw, encoding))
    return text.getvalue()


def _check_lines(text: bytes) -> None:
    """Raise LimitError for a line longer than any row: its fields would be taken apart all at once."""
    start = 0
    while len(text) - start > _LONGEST_LINE:
        end = max(text.rfind(sign, start, start + _LONGEST_LINE) for sign in (b"\n", b"\r"))
        if end < 0:
            line = text.count(b"\n", 0, start) + 1
            raise LimitError(
                f"Line {line:,} of the file is longer than {_LONGEST_LINE:,} bytes. Give each row a line "
                "of its own.",
                code="too_large",
                row=max(1, line - 1),
            )
        start = end + 1


class _Behind(io.RawIOBase):
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
        self._body = memoryview(text)[_header_end(text, found.delimiter) :]

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
                io.BufferedReader(_Behind(header.encode(), self._body), 1 << 18),
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


def _header_end(text: bytes, delimiter: str) -> int:
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
