"""Gzip on its way from one file to another, with a limit to what comes out."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from oddline.errors import DataError, LimitError
from oddline.progress import Progress, silent

__all__ = ["MAGIC", "unpacked"]

MAGIC = b"\x1f\x8b"
PIECE = 1 << 16
IN_MEMORY = 1 << 20


def unpacked(file: BinaryIO, most: int, progress: Progress = silent) -> BinaryIO:
    """The file itself, or what it holds where it is gzip, by its first bytes; at its beginning.

    Memory: some pieces of 64 KiB, whatever comes out.

    Parameters
    ----------
    file : binary file
        At its beginning, and seekable.
    most : int
        Bytes that may come out.
    progress : Progress
        Told after each piece of what goes in; may end it.

    Raises
    ------
    DataError
        ``damaged_gzip``; ``not_a_csv``: it holds gzip again.
    LimitError
        ``too_large``.
    """
    head = file.read(len(MAGIC))
    file.seek(0)
    if head != MAGIC:
        return file
    out = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
    size = 0
    try:
        for piece in _pieces(file, progress):
            if size == 0 and piece.startswith(MAGIC):
                raise DataError(
                    "The gzip file holds another gzip file; pack the data once.", code="not_a_csv"
                )
            size += len(piece)
            if size > most:
                raise LimitError(
                    f"The gzip file unpacks to more than {most:,} bytes (ODDLINE_MAX_IMPORT_BYTES). "
                    "Import it in parts.",
                    code="too_large",
                )
            out.write(piece)
        out.seek(0)
    except BaseException:
        out.close()
        raise
    return cast(BinaryIO, out)


def _pieces(file: BinaryIO, progress: Progress) -> Iterator[bytes]:
    """What the members of the file hold, none of it longer than a piece."""
    size = file.seek(0, 2) or 1
    file.seek(0)
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    begun = False
    try:
        while packed := file.read(PIECE):
            while packed:
                if not begun:  # between members there may be zeros
                    packed = packed.lstrip(b"\0")
                    begun = bool(packed)
                    continue
                if piece := member.decompress(packed, PIECE):
                    yield piece
                packed = member.unconsumed_tail
                if member.eof:
                    packed, begun = member.unused_data, False
                    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            progress(file.tell() / size, "unpacking")
    except zlib.error:
        begun = True
    if begun:
        raise DataError("The gzip file is damaged or cut off; pack it again.", code="damaged_gzip")
