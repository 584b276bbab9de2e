"""Gzip on its way from one file to another, with a limit to what comes out."""

from __future__ import annotations

import tempfile
from typing import BinaryIO, cast

from oddline.progress import Progress, silent
from oddline.unpacking import GZIP, unpacking

__all__ = ["unpacked"]

IN_MEMORY = 1 << 20


def unpacked(file: BinaryIO, most: int, progress: Progress = silent) -> BinaryIO:
    """The file itself, or what it holds where it is gzip, by its first bytes; at its beginning.

    Memory: some pieces of 256 KiB, whatever comes out.

    Parameters
    ----------
    file : binary file
        At its beginning, and seekable.
    most : int
        Bytes that may come out.
    progress : Progress
        Told after each piece; may end it.

    Raises
    ------
    DataError
        ``damaged_gzip``; ``not_a_csv``: it holds gzip again.
    LimitError
        ``too_large``.
    """
    head = file.read(len(GZIP))
    size = file.seek(0, 2)
    file.seek(0)
    if head != GZIP:
        return file
    out = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
    try:
        for piece in unpacking(file, most, " (ODDLINE_MAX_IMPORT_BYTES). Import it in parts."):
            out.write(piece)
            progress(file.tell() / size, "unpacking")
        out.seek(0)
    except BaseException:
        out.close()
        raise
    return cast(BinaryIO, out)
