"""Bodies of the dialect: rows as JSON or CSV, and the metadata beside them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from oddline.errors import DataError, LimitError, is_text
from oddline.jsonrows import Pieces, row_objects
from oddline.sniff import HEAD_BYTES, encoding_of
from oddline.sources import Behind, header_end
from oddline.stamps import looks_like_time, place
from oddline.unpacking import GZIP, as_utf8, check_lines, unpacked
from oddline_workers.datasets.arrays import as_objects, format_numbers, numbers_of
from oddline_workers.datasets.cells import Cells
from oddline_workers.datasets.metadata import Column, ColumnsError, name_problem, read_columns
from oddline_workers.settings import Settings

__all__ = ["Upload", "check_size", "read_upload"]

_CELLS = 200_000
"""So many are taken from the text at a time."""
_ROWS = 10_000
_DELIMITERS = (",", ";", "\t", "|")
_LARGEST = 10**15
_MOST_WORDS = 1_000


@dataclass(frozen=True)
class Upload:
    """What a body holds.

    Attributes
    ----------
    rows : int
    cells : mapping of Cells
        By the names of the columns, each of ``rows`` cells.
    columns : mapping of Column
        The metadata that came along.
    missing_values : tuple of str, optional
        None where the body says nothing about them.
    """

    rows: int
    cells: Mapping[str, Cells]
    columns: Mapping[str, Column] = field(default_factory=dict)
    missing_values: tuple[str, ...] | None = None

    def forget(self, missing: Iterable[str]) -> None:
        """Take these texts as missing values, in every column."""
        for cells in self.cells.values():
            cells.forget(missing)


def read_upload(data: bytes, kind: str, settings: Settings) -> Upload:
    """Read a body.

    Parameters
    ----------
    data : bytes
        Plain or gzip.
    kind : {"json", "csv"}
        ``json``: an object with ``data``, an array of flat objects, and perhaps ``columns`` and
        ``missingValues``, in any case; or the array alone. ``csv``: with or without a header.
    settings : Settings
        ``max_unpacked_bytes``, ``max_rows``, ``max_columns`` and ``max_cells`` hold.

    Raises
    ------
    DataError
        It is no JSON or CSV, or a cell is no flat value (with ``row`` and ``column``).
    ColumnsError
        Of the metadata, or of the names of the columns.
    LimitError
        It is too large.
    """
    if data[:2] == GZIP:
        data = unpacked(data, settings.max_unpacked_bytes)
    if not data.strip():
        return Upload(0, {})
    text = as_utf8(data, encoding_of(data[:HEAD_BYTES], complete=len(data) <= HEAD_BYTES))
    del data
    if not text.strip():
        return Upload(0, {})
    return _Json(settings).read(text) if kind == "json" else _read_csv(text, settings)


def check_size(settings: Settings, rows: int, columns: int) -> None:
    """Refuse what is too long, too wide or both.

    Raises
    ------
    LimitError
        Code ``"too_large"``.
    """
    for seen, limit, what in (
        (rows, settings.max_rows, "rows"),
        (columns, settings.max_columns, "columns"),
        (rows * columns, settings.max_cells, "cells"),
    ):
        if seen > limit:
            raise LimitError(f"There are more than {limit:,} {what}. Send fewer.", code="too_large")


class _Json:
    """Collects the rows of a JSON body, some thousand at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rows = 0
        self._keys: dict[str, str] = {}  # as written, to the column's name
        self._names: dict[str, str] = {}  # as compared, to the column's name
        self._cells: dict[str, Cells] = {}

    def read(self, text: bytes) -> Upload:
        pieces, columns, missing = Pieces(text), None, None
        if pieces.peek() == "[":
            self._take(row_objects(pieces))
        else:
            pieces.take("{")
            while pieces.peek() == '"':
                key = pieces.value().strip().casefold()
                pieces.take(":")
                if key == "data" and pieces.peek() == "[":
                    self._take(row_objects(pieces))
                elif key == "data" and pieces.value() is not None:
                    raise DataError(
                        "data is no array; expected an array of row objects.", code="not_json_rows"
                    )
                elif key == "columns":
                    columns = pieces.value()
                elif key == "missingvalues":
                    missing = pieces.value()
                elif key != "data":
                    pieces.value()
                if pieces.peek() == "}":
                    break
                pieces.take(",")
            pieces.take("}")
        if pieces.peek():
            raise pieces.broken()
        for name in self._names.values():
            self._cells.setdefault(name, Cells()).pad(self._rows)
        rows = self._rows if self._cells else 0  # objects without fields are no rows
        return Upload(rows, self._cells, read_columns(columns), _words(missing))

    def _take(self, rows: Iterator[dict[str, Any]]) -> None:
        waiting: list[dict[str, Any]] = []
        cells = 0
        for row in rows:
            if row.keys() - self._keys.keys():
                self._meet(row)
            waiting.append(row)
            cells += len(row) + 1
            if cells > _CELLS or len(waiting) == _ROWS:
                self._put(waiting)
                waiting, cells = [], 0
        self._put(waiting)

    def _meet(self, row: dict[str, Any]) -> None:
        for key in row:
            if key not in self._keys:
                name = key.strip()
                if problem := name_problem(name):
                    raise ColumnsError({name[:60].encode("utf-8", "replace").decode(): [problem]})
                self._keys[key] = self._names.setdefault(name.casefold(), name)
                check_size(self._settings, self._rows, len(self._keys))

    def _put(self, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        check_size(self._settings, self._rows + len(rows), len(self._names))
        spelled: dict[str, list[str]] = {}
        for key, name in self._keys.items():
            spelled.setdefault(name, []).append(key)
        for name, (key, *others) in spelled.items():
            values = [row.get(key) for row in rows]
            for other in others:  # the same column in another case
                for at, row in enumerate(rows):
                    if other in row:
                        if values[at] is not None:
                            reason = f"Row {self._rows + at + 1:,} has it twice, also as {other[:60]!r}."
                            raise ColumnsError({name: [reason]})
                        values[at] = row[other]
            column = self._cells.setdefault(name, Cells())
            column.pad(self._rows)
            column.add(_flat(values, name, self._rows))
        self._rows += len(rows)


def _flat(values: list[Any], name: str, start: int) -> Any:
    """JSON values as numbers, where all are, or else as texts."""
    kinds = set(map(type, values))
    if kinds <= {float, int, type(None)} and not (int in kinds and _has_large(values)):
        numbers = np.array(values, dtype=np.float64)
        numbers[np.isinf(numbers)] = np.nan  # no value, as in texts
        return numbers
    for kind in kinds & {dict, list}:
        at = next(at for at, value in enumerate(values) if type(value) is kind)
        raise DataError(
            f"Column {name[:60]!r} holds an {'object' if kind is dict else 'array'} in {place(start + at)}; "
            "expected a number, a text, true, false or null.",
            code="nested", column=name, row=start + at + 1,
        )  # fmt: skip
    texts = [value if type(value) is str else _text(value) for value in values]
    joined = "".join(texts)
    if "\0" in joined or not is_text(joined):
        at = next(at for at, text in enumerate(texts) if "\0" in text or not is_text(text))
        raise DataError(
            f"Column {name[:60]!r} holds a zero byte or half a character (a lone surrogate) in "
            f"{place(start + at)}, which text does not. Correct it.",
            code="bad_text", column=name, row=start + at + 1,
        )  # fmt: skip
    return texts


def _has_large(values: list[Any]) -> bool:
    return any(type(value) is int and not -_LARGEST < value < _LARGEST for value in values)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_numbers(np.array([value]))[0] or "" if math.isfinite(value) else ""
    return str(value)


def _words(missing: Any) -> tuple[str, ...] | None:
    """The list of what counts as missing."""
    if missing is None:
        return None
    words = missing if isinstance(missing, list) else [missing]
    kept = tuple(dict.fromkeys(_text(word) for word in words if isinstance(word, str | int | float)))
    long = len(kept) > _MOST_WORDS or any(len(word) > _MOST_WORDS for word in kept)
    if long or len([word for word in words if isinstance(word, list | dict)]) or not is_text("".join(kept)):
        raise DataError(
            f"missingValues is no list of texts; expected {_MOST_WORDS:,} of as many characters at most.",
            code="bad_missing_values",
        )
    return kept


def _read_csv(text: bytes, settings: Settings) -> Upload:
    check_lines(text)
    delimiter, names, body = _head(text, settings)
    _check_names(names)
    cells = {name: Cells() for name in names}
    rows = 0
    for block in _blocks(body, delimiter, len(names)):
        check_size(settings, rows + len(block), len(names))
        _refuse_long(block.iloc[:, -1], len(names), rows)
        for position, name in enumerate(names):
            values = block.iloc[:, position].tolist()
            cells[name].add(["" if value != value else value for value in values])
        rows += len(block)
    return Upload(rows, cells)


def _head(text: bytes, settings: Settings) -> tuple[str, list[str], memoryview]:
    """The delimiter, the names of the columns, and the text below the header."""
    head = text[: 4 * HEAD_BYTES].decode("utf-8", "ignore")
    line = head.lstrip("\r\n").partition("\n")[0]
    delimiter = next((sign for sign in _DELIMITERS if sign in line), ",")
    try:
        source = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter, skipinitialspace=True)
        first, *below = islice((row for row in source if row), 50)
        check_size(settings, 0, len(first))  # before each is looked at
        if len(text) > 4 * HEAD_BYTES and below:
            below.pop()  # it may be cut
        if _is_header(first, below):
            names = [name.strip() or f"column{number}" for number, name in enumerate(first, 1)]
            return delimiter, names, memoryview(text)[header_end(text, delimiter) :]
    except (csv.Error, ValueError) as error:
        raise DataError(f"The CSV cannot be read: {error}.", code="not_a_csv") from None
    return delimiter, [f"column{number}" for number in range(1, len(first) + 1)], memoryview(text)


def _is_header(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a line names columns: not where it holds numbers or dates as all that is below does."""
    kinds = [_kind([cell]) for cell in first]
    if not below:
        return not any(kinds)
    columns = [[row[at] for row in below if at < len(row)] for at in range(len(first))]
    same = [kind == _kind(cells) for kind, cells in zip(kinds, columns, strict=True) if _kind(cells)]
    return not (same and all(same))


def _kind(cells: Sequence[str]) -> str:
    """``number``, ``date`` or nothing."""
    known = [cell for cell in cells if cell.strip()]
    if not known:
        return ""
    if not numbers_of(known)[1].any():
        return "number"
    return "date" if looks_like_time(as_objects(known)) else ""


def _blocks(body: memoryview, delimiter: str, width: int) -> Iterator[pd.DataFrame]:
    # A header of our own, one column wider than the file's: whatever lands in the last column belongs to a
    # row that is longer than the header.
    header = delimiter.join(map(str, range(width + 1))) + "\n"
    try:
        yield from pd.read_csv(
            io.BufferedReader(Behind(header.encode(), body), 1 << 18),
            sep=delimiter,
            usecols=range(width + 1),
            dtype=object,
            na_filter=False,
            skip_blank_lines=width > 1,
            skipinitialspace=True,
            index_col=False,
            engine="c",
            chunksize=max(1, min(_ROWS, _CELLS // width)),
        )
    except pd.errors.ParserError as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ")
        raise DataError(f"The CSV cannot be read: {reason}.", code="not_a_csv") from None


def _refuse_long(last: Any, width: int, start: int) -> None:
    """Refuse rows with a field beyond the header."""
    for at, value in enumerate(last.tolist()):
        if value == value and value != "":
            raise DataError(
                f"{place(start + at).capitalize()} has more fields than the header, which names {width}. "
                "Quote fields that hold the delimiter, or name every column.",
                code="ragged_row", row=start + at + 1,
            )  # fmt: skip


def _check_names(names: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if problem := name_problem(name):
            raise ColumnsError({name[:60]: [problem]})
        if (first := seen.get(name.casefold())) is not None:
            reason = f"The header names it twice, also as {first[:60]!r}; case does not count."
            raise ColumnsError({name: [reason]})
        seen[name.casefold()] = name
