"""What an upload is, from its first piece: CSV or JSON rows, encoding, delimiter, columns.

Standard library only: the gateway looks at the head of a file and can refuse, before
anything is queued, what no worker could read.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from oddline.errors import LONGEST_NAME, DataError, did_you_mean, is_text

__all__ = ["HEAD_BYTES", "Sniffed", "encoding_of", "require_columns", "sniff"]

HEAD_BYTES = 256 * 1024
"""A head of this size holds the header line of every table within the limits."""

_ROWS = 50
_DELIMITERS = ";\t|,"  # at a tie the comma comes last: it may be a decimal sign
_MISSING = {"", "na", "n/a", "nan", "null", "none", "nil", "-", "inf", "-inf", "infinity"}
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_MAGIC = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\xff\xfe\x00\x00": "text in UTF-32",
    b"\x00\x00\xfe\xff": "text in UTF-32",
}


@dataclass(frozen=True)
class Sniffed:
    """What the head of a file shows.

    Attributes
    ----------
    kind : str
        ``"csv"`` or ``"json"``.
    gzip : bool
        Whether the bytes are gzip-compressed.
    encoding : str
        A Python codec: ``utf-8``, ``utf-8-sig``, ``utf-16``, ``utf-16-le``, ``utf-16-be`` or ``latin-1``.
    delimiter, decimal : str
        Of a CSV.
    columns : tuple of str
        The column names without surrounding blanks, in order; of JSON rows the keys met in the
        head. A name may occur twice.
    rows_per_byte : float
        Of the unpacked file: its size times this is about the number of its rows.
    """

    kind: str
    gzip: bool
    encoding: str
    delimiter: str
    decimal: str
    columns: tuple[str, ...]
    rows_per_byte: float = field(default=0.0, compare=False)


def sniff(head: bytes, *, complete: bool = False) -> Sniffed:
    """Look at the first piece of an upload.

    Parameters
    ----------
    head : bytes
        The first bytes of the file, :data:`HEAD_BYTES` of them or the whole file if it is shorter.
    complete : bool
        Whether ``head`` is the whole file.

    Returns
    -------
    Sniffed

    Raises
    ------
    DataError
        The file is empty, binary, neither CSV nor JSON rows, or a pointer to object storage.
        A header without rows passes: that is seen when the table is read.

    Examples
    --------
    >>> found = sniff(b"Time;Value\\n2017-01-01;3,5\\n", complete=True)
    >>> found.delimiter, found.decimal, found.columns
    (';', ',', ('Time', 'Value'))
    """
    gzipped = head[:2] == b"\x1f\x8b"
    if gzipped:
        head, complete = _inflate(head, complete)
    encoding = encoding_of(head, complete=complete)
    text = _decode(head, encoding, complete)
    start = text.lstrip()
    if not start:
        raise _empty()
    if start[0] in "[{":
        columns = _json_columns(start, complete)
        return Sniffed("json", gzipped, encoding, ",", ".", columns, text.count("}") / len(head))
    if start[0] == "<":
        raise _not_csv("The file is an HTML or XML document")
    lines = _lines(text, complete)
    delimiter = _delimiter(lines)
    columns, cells = _header(lines, delimiter)
    decimal = "."
    if delimiter != ",":
        commas = sum(bool(_COMMA.fullmatch(cell)) for cell in cells)
        decimal = "," if commas > sum(bool(_POINT.fullmatch(cell)) for cell in cells) else "."
    ends = max(text.count("\n"), text.count("\r"))
    return Sniffed("csv", gzipped, encoding, delimiter, decimal, columns, ends / len(head))


def require_columns(
    columns: Iterable[str],
    *,
    time_column: str | None = None,
    target_columns: Iterable[str] | None = None,
) -> None:
    """Check that a table with these columns has the ones asked for, each once.

    Raises
    ------
    DataError
        A column is unknown (with the nearest name), there twice, or is both time and target; or
        a name is no text that could be written in an answer, or longer than any name.
    """
    columns = tuple(columns)
    for name in columns:
        if not is_text(name):
            raise DataError(
                f"The column name {_short(name)} holds half a character (a lone surrogate), which "
                "UTF-8 cannot write. Rename the column.",
                code="bad_text",
            )
        if len(name) > LONGEST_NAME:
            raise DataError(
                f"The column name {_short(name)} has {len(name):,} characters; at most {LONGEST_NAME:,} are "
                "taken. Is the first line a header?",
                code="long_name",
            )
    known = Counter(name.strip() for name in columns)
    targets = tuple(target_columns or ())
    for name in (*((time_column,) if time_column is not None else ()), *targets):
        count = known[name.strip()]
        if count == 0:
            raise DataError(
                f"There is no column {_short(name)}.{did_you_mean(name, known)} "
                f"The columns are {_listed(tuple(known))}.",
                code="unknown_column",
                column=name,
            )
        if count > 1:
            raise DataError(
                f"The header names column {_short(name)} {count} times; give each column a name of its own.",
                code="duplicate_column",
                column=name,
            )
    if time_column is not None and time_column.strip() in (name.strip() for name in targets):
        raise DataError(
            f"Column {_short(time_column)} is the time column; choose other columns to judge.",
            code="time_is_target",
            column=time_column,
        )


def _empty() -> DataError:
    return DataError(
        "The file is empty. Expected a CSV with a header row, or a JSON array of row objects.",
        code="empty_file",
    )


def _not_csv(seen: str) -> DataError:
    return DataError(
        f"{seen}. Expected a CSV with a header row (delimiter , ; | or tab, plain or gzip), "
        "or a JSON array of row objects.",
        code="not_a_csv",
    )


def _inflate(head: bytes, complete: bool) -> tuple[bytes, bool]:
    unpack = zlib.decompressobj(31)
    try:
        text = unpack.decompress(head, HEAD_BYTES)
    except zlib.error:
        raise DataError("The gzip file is damaged; pack it again.", code="damaged_gzip") from None
    return text, complete and unpack.eof and not unpack.unused_data


def encoding_of(head: bytes, *, complete: bool = False) -> str:
    """The encoding of a text, as in :class:`Sniffed`, from its first bytes.

    Parameters
    ----------
    head : bytes
        Not compressed.
    complete : bool
        Whether ``head`` is the whole text.

    Raises
    ------
    DataError
        It is empty, or no text.
    """
    if not head:
        raise _empty()
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            raise _not_csv(f"The file is {name}")
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if even or odd:
        # ASCII in UTF-16 has every second byte zero, and no other.
        if odd > len(head) * 0.3 and even < len(head) * 0.01:
            return "utf-16-le"
        if even > len(head) * 0.3 and odd < len(head) * 0.01:
            return "utf-16-be"
        raise _not_csv("The file is binary: it holds zero bytes")
    control = sum(head.count(byte) for byte in range(1, 32) if byte not in b"\t\n\r\f\x1a\x1b")
    if control > len(head) * 0.01:
        raise _not_csv("The file is binary: it holds control characters")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=complete)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _decode(head: bytes, encoding: str, complete: bool) -> str:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=complete)
    except UnicodeDecodeError:
        raise _not_csv(f"The file starts like {encoding.upper()} text but is none") from None
    if "\0" in text:
        raise _not_csv("The file is binary: it holds zero bytes")
    return text


def _lines(text: str, complete: bool) -> list[str]:
    """The first lines with their ends; a cut last line is left off."""
    lines = list(io.StringIO(text, newline=""))
    if not complete:
        lines.pop()
    if not lines:
        raise _not_csv(f"The file has no end of line in its first {len(text):,} characters")
    return lines


def _parsed(lines: list[str], delimiter: str) -> list[list[str]]:
    """The header and the first rows under this delimiter, as far as they parse."""
    rows: list[list[str]] = []
    source = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    with suppress(csv.Error):
        rows.extend(islice((row for row in source if row), 1 + _ROWS))
    return rows


def _delimiter(lines: list[str]) -> str:
    """The delimiter that gives most rows the header's width; ``;`` for a table of one column."""
    best, winner = (0.0, 1), ""
    for delimiter in _DELIMITERS:
        rows = _parsed(lines, delimiter)
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        fit = sum(len(row) == width or (len(row) == width + 1 and not row[-1]) for row in rows[1:])
        share = fit / (len(rows) - 1) if len(rows) > 1 else 1.0
        if (share, width) > best:
            best, winner = (share, width), delimiter
    return winner if best[0] >= 0.5 else ";"


def _header(lines: list[str], delimiter: str) -> tuple[tuple[str, ...], list[str]]:
    """The column names and the cells of the first rows; DataError where that is no table."""
    rows = _parsed(lines, delimiter)
    if not rows:
        raise _not_csv("The file has no line that names columns")
    columns = tuple(name.strip() for name in rows[0])
    cells = [cell.strip() for row in rows[1:] for cell in row]
    filled = [cell for cell in cells if cell.casefold() not in _MISSING]
    if len(columns) == 1 and not _is_number(filled[0] if filled else ""):
        raise _not_csv("The file has no columns: its first line and those below agree on no delimiter")
    if filled and not any(map(str.isdigit, "".join(filled))):
        raise _not_csv("The file holds no numbers")
    if all(map(_is_number, columns)) and columns != tuple(map(str, range(len(columns)))):
        raise DataError(
            f"The first line holds numbers ({_listed(columns)}), not column names; "
            "put a header row with a name for each column on top.",
            code="no_header",
        )
    return columns, filled


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _json_columns(text: str, complete: bool) -> tuple[str, ...]:
    """The keys of the first row objects; refuses pointers without repeating what they hold."""
    if text[0] == "{":
        if re.match(r'\{\s*"(connection|location)"\s*:', text) or (
            '"connection"' in text and '"location"' in text and '"data"' not in text
        ):
            raise DataError(
                "The file points to an object store (connection and location) instead of holding rows. "
                "Reading from object stores is switched off here; upload the rows themselves.",
                code="pointer_refused",
            )
        opening = re.search(r'"data"\s*:\s*(?=\[)', text)
        if opening is None:
            raise _not_rows("The JSON is a single object")
        text = text[opening.end() :]
    names: dict[str, None] = {}
    for row in _json_rows(text, complete):
        if not isinstance(row, dict):
            raise _not_rows("The JSON array holds something else than objects")
        names.update(dict.fromkeys(row))
    return tuple(names)


def _json_rows(text: str, complete: bool) -> Iterator[Any]:
    decoder, position, blank = json.JSONDecoder(), 1, re.compile(r"[\s,]*")
    for number in range(_ROWS):
        position = blank.match(text, position).end()  # type: ignore[union-attr]  # matches anything
        if text[position : position + 1] in ("]", ""):
            return
        try:
            row, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            if complete or number == 0:
                raise _not_rows("The file starts like JSON but is not valid JSON") from None
            return
        yield row


def _not_rows(seen: str) -> DataError:
    return DataError(
        f"{seen}. Expected an array of row objects, such as "
        '[{"Time": "2017-01-01 00:00:00", "Value": 3.0}, …].',
        code="not_json_rows",
    )


def _short(name: str) -> str:
    return repr(name if len(name) <= 60 else name[:57] + "...")


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(map(_short, names[:12]))
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")
