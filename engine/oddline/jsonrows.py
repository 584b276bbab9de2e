"""JSON rows, taken piece by piece: never the whole array as Python objects at once."""

from __future__ import annotations

import codecs
import json
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddline.errors import DataError, LimitError
from oddline.stamps import place

__all__ = ["JsonRows", "Pieces", "row_objects"]

Cells = NDArray[np.object_]

_PIECE = 1 << 20
_LONGEST = 4 << 20
_SHOWN = 60
_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class JsonRows:
    """A table of row objects: ``[{…}, …]``, or an object that holds such an array as ``data``.

    Each column keeps the cells that are there and the rows they stand in, so that rows with
    other keys cost nothing. Reading stops one row after ``max_rows``.

    Parameters
    ----------
    text : bytes
        UTF-8.
    max_rows, max_columns, max_cells : int

    Raises
    ------
    DataError
        The text is no JSON, or no array of objects.
    LimitError
        Rows name more than ``max_columns`` columns.
    """

    decimal, padded = ".", False

    def __init__(self, text: bytes, max_rows: int, max_columns: int, max_cells: int) -> None:
        self._columns: dict[str, tuple[array[int], list[Any]]] = {}
        self._rows, self._max_cells = 0, max_cells
        for number, row in enumerate(islice(_rows(text), max_rows + 1)):
            self._rows = number + 1
            for key, cell in row.items():
                column = self._columns.get(key)
                if column is None:
                    if len(self._columns) == max_columns:
                        raise LimitError(
                            f"The rows have more than {max_columns:,} columns; send fewer.", code="too_large"
                        )
                    column = self._columns[key] = (array("L"), [])
                column[0].append(number)
                # A cell that is no number only has to be shown.
                nested = isinstance(cell, list | dict)
                column[1].append(json.dumps(cell)[:_SHOWN] if nested else cell)
        self._keys = tuple(self._columns)
        self.columns = tuple(key.strip() for key in self._keys)

    def peek(self, rows: int) -> list[Cells]:
        """The first cells of every column."""
        return [self._cells(p, min(rows, self._rows)) for p in range(len(self._keys))]

    def cells(self, positions: Sequence[int]) -> list[Cells]:
        """Raw cells of some columns; None where a row lacks the key."""
        return [self._cells(p, self._rows) for p in positions]

    def read(self, time: int | None, targets: Sequence[int]) -> tuple[Cells | None, list[Any]]:
        """The cells of the time column and each target as floats; ValueError if one is not numeric."""
        if self._rows * len(targets) > self._max_cells:
            raise LimitError(
                f"The table has {self._rows:,} rows of {len(targets):,} columns; the limit is "
                f"{self._max_cells:,} cells. Send a smaller part.",
                code="too_large",
            )
        numbers = []
        for position in targets:
            cells = self._cells(position, self._rows)
            if any(isinstance(cell, bool) for cell in cells.tolist()):
                raise ValueError
            try:
                numbers.append(cells.astype(np.float64))
            except (TypeError, OverflowError):
                raise ValueError from None
        return None if time is None else self._cells(time, self._rows), numbers

    def _cells(self, position: int, rows: int) -> Cells:
        places, cells = self._columns[self._keys[position]]
        stop = bisect_left(places, rows)
        column = np.full(rows, None, dtype=object)
        if stop == rows:
            column[:] = cells[:stop]
        else:
            column[np.array(places[:stop], dtype=np.intp)] = cells[:stop]
        return column


class Pieces:
    """A JSON text and the place in it; only a piece of it is there as characters."""

    def __init__(self, text: bytes) -> None:
        self._rest = memoryview(text)
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._text, self._at, self._line = "", 0, 1

    def peek(self) -> str:
        """The next character that is not blank; none at the end."""
        while True:
            self._at = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]  # matches anything
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, sign: str) -> None:
        """Step over one sign."""
        if self.peek() != sign:
            raise self.broken()
        self._at += 1

    def value(self) -> Any:
        """The value that begins at the next character."""
        self.peek()
        while True:
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError:
                if not self._more():
                    raise self.broken() from None
            except RecursionError:
                raise self.broken() from None
            else:
                if end < len(self._text) or not self._more():  # the end may cut a number short
                    self._at = end
                    return found

    def broken(self) -> DataError:
        """What to say of text that is no JSON, with the line."""
        line = self._line + self._text.count("\n", 0, self._at)
        return DataError(f"The JSON is not valid (line {line:,}).", code="not_json_rows")

    def _more(self) -> bool:
        """Put the next piece behind what is unread; False at the end."""
        unread = len(self._text) - self._at
        if not self._rest:
            return False
        if unread > _LONGEST:
            raise DataError(
                f"The JSON is not valid, or holds a value of more than {_LONGEST:,} characters.",
                code="not_json_rows",
            )
        size = max(_PIECE, unread)
        self._line += self._text.count("\n", 0, self._at)
        piece, self._rest = self._rest[:size], self._rest[size:]
        self._text = self._text[self._at :] + self._decode(piece, not self._rest)
        self._at = 0
        return True


def _rows(text: bytes) -> Iterator[dict[str, Any]]:
    pieces = Pieces(text)
    if pieces.peek() == "[":
        yield from row_objects(pieces)
    else:
        pieces.take("{")
        found = False
        while pieces.peek() == '"':
            key = pieces.value()
            pieces.take(":")
            if key == "data" and pieces.peek() == "[" and not found:
                found = True
                yield from row_objects(pieces)
            else:
                pieces.value()
            if pieces.peek() == "}":
                break
            pieces.take(",")
        pieces.take("}")
        if not found:
            raise DataError("The JSON holds no array of row objects.", code="not_json_rows")
    if pieces.peek():
        raise pieces.broken()


def row_objects(pieces: Pieces) -> Iterator[dict[str, Any]]:
    """The objects of the array that begins at the next character, one at a time.

    Raises
    ------
    DataError
        It is no JSON, or no array of objects.
    """
    pieces.take("[")
    position, sign = 0, pieces.peek()
    while sign != "]":
        if sign != "{":
            if sign == "":
                raise pieces.broken()
            message = f"In the JSON array {place(position)} is no object."
            raise DataError(message, code="not_json_rows", row=position + 1)
        yield pieces.value()
        position += 1
        if pieces.peek() == "]":
            break
        pieces.take(",")
        sign = pieces.peek()
        if sign == "]":
            raise pieces.broken()
    pieces.take("]")
