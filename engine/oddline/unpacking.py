"""Uploads as text: unpacked, in UTF-8, and without what no text holds."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from oddline.errors import DataError, LimitError

__all__ = ["GZIP", "as_utf8", "check_lines", "unpacked", "unpacking"]

GZIP = b"\x1f\x8b"
"""What a gzip file begins with."""

_PIECE = 1 << 18
_LONGEST_LINE = 4 << 20


def unpacked(raw: bytes, max_bytes: int) -> bytes:
    """What a gzip file holds; :func:`unpacking` says what it raises."""
    text = io.BytesIO()
    text.writelines(unpacking(io.BytesIO(raw), max_bytes))
    return text.getvalue()


def unpacking(file: BinaryIO, max_bytes: int, advice: str = ". Send a smaller part.") -> Iterator[bytes]:
    """What a gzip file holds, in pieces of at most 256 KiB.

    Parameters
    ----------
    file : binary file
        At its beginning.
    max_bytes : int
        So much may come out.
    advice : str
        How the refusal of more ends.

    Raises
    ------
    DataError
        It is damaged, or holds another gzip file.
    LimitError
        It unpacks to more than ``max_bytes``.
    """
    size = 0
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as packed:
            while piece := packed.read(_PIECE):
                if not size and piece.startswith(GZIP):
                    raise DataError(
                        "The gzip file holds another gzip file; pack the table once.", code="not_a_csv"
                    )
                size += len(piece)
                if size > max_bytes:
                    raise LimitError(
                        f"The gzip file unpacks to more than {max_bytes:,} bytes{advice}", code="too_large"
                    )
                yield piece
    except (OSError, EOFError, zlib.error):
        raise DataError("The gzip file is damaged or cut off; pack it again.", code="damaged_gzip") from None


def as_utf8(raw: bytes, encoding: str) -> bytes:
    """The bytes as UTF-8 without BOM; what the head promised may end further down.

    Parameters
    ----------
    raw : bytes
    encoding : str
        As :func:`oddline.sniff.sniff` found it in the head.

    Raises
    ------
    DataError
        The text breaks off its encoding, or holds a zero byte.
    """
    text = raw.removeprefix(codecs.BOM_UTF8)
    if encoding in ("utf-8", "utf-8-sig"):
        if not text.isascii() and not _is_utf8(text):
            text = _in_utf8(text, "latin-1")
    else:
        try:
            text = _in_utf8(raw, encoding).removeprefix(codecs.BOM_UTF8)
        except UnicodeDecodeError as error:
            message = f"The file starts as {encoding.upper()} but breaks at byte {error.start:,}."
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
    return text


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


def check_lines(text: bytes) -> None:
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
