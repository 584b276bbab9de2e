"""Receiving a file: limits before reading, spooled to a temporary file, looked at before it is a job."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, BinaryIO, TypeVar

import flask
from flask import current_app, g
from werkzeug.datastructures import FileStorage
from werkzeug.formparser import FormDataParser
from werkzeug.utils import cached_property

from oddline.errors import DataError, LimitError, OddlineError
from oddline.sniff import HEAD_BYTES, Sniffed, sniff
from oddline_api.bodies import MAX_BLOCK_BYTES, CountedStream
from oddline_workers.plaintext import plain
from oddline_workers.settings import Settings

__all__ = ["Request", "Upload", "count_rows", "inspect", "takes"]

View = TypeVar("View", bound=Callable[..., Any])

MAX_FIELD_BYTES = 1 << 18
MAX_PARTS = 20
MAX_FIELDS_BYTES = 1 << 20
"""Text fields and boundaries a form may hold beside its file."""
SPOOL_BYTES = 1 << 19
"""Up to here an upload stays in memory, beyond it goes to a file."""


class _Parser(FormDataParser):
    """Werkzeug's form parser, loud: a malformed form is an error and not an empty form."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{**more, "silent": False})


class Request(flask.Request):
    """A request whose body is checked for size before, and for completeness while, it is read."""

    form_data_parser_class = _Parser
    max_form_parts = MAX_PARTS
    max_form_memory_size = MAX_FIELD_BYTES

    @cached_property
    def stream(self) -> Any:
        """The counted body. Raises LimitError with 411 or 413 before anything is read."""
        behind = current_app.extensions["oddline"]
        settings: Settings = behind.settings
        length = self.content_length
        if length is None:
            if self.environ.get("HTTP_TRANSFER_ENCODING") or self.method in ("POST", "PUT", "PATCH"):
                raise LimitError(
                    "The request has no Content-Length; send one, as a body in chunks of unknown"
                    " length is not accepted.",
                    code="length_required",
                    status=411,
                )
            length = 0
        form = self.mimetype == "application/x-www-form-urlencoded"
        most = MAX_FIELDS_BYTES if form else settings.max_upload_bytes + MAX_FIELDS_BYTES
        if length > most:
            raise too_large(most if form else settings.max_upload_bytes)
        return CountedStream(
            self.environ["wsgi.input"],
            length,
            settings.upload_timeout,
            behind.upload_slots,
            g.get("client", ""),
            partial(behind.stalls.waiting, self.remote_addr or ""),
        )

    def _load_form_data(self) -> None:
        try:
            super()._load_form_data()
        except ValueError as error:
            raise DataError(
                f"The multipart form cannot be read ({error}); check its boundary and that it is complete.",
                code="bad_form",
            ) from None

    def _get_file_stream(self, *args: Any, **more: Any) -> IO[bytes]:
        spool = new_spool()
        self.__dict__.setdefault("_spools", []).append(spool)
        return spool

    def close(self) -> None:
        """Close the temporary files too, also those of a form that was never read to its end."""
        super().close()
        if isinstance(stream := self.__dict__.get("stream"), CountedStream):
            stream.close()
        for spool in self.__dict__.get("_spools", ()):
            spool.close()


def new_spool() -> IO[bytes]:
    """A temporary file that starts in memory and vanishes when closed."""
    return tempfile.SpooledTemporaryFile(SPOOL_BYTES, mode="w+b")


def too_large(most: int) -> LimitError:
    """The refusal of a body beyond ``most`` bytes."""
    return LimitError(
        f"The upload is larger than {most} bytes; split it, compress it with gzip, or raise"
        " ODDLINE_MAX_UPLOAD_BYTES.",
        code="too_large",
        status=413,
    )


@dataclass(frozen=True)
class Upload:
    """A file that arrived whole, at its beginning."""

    data: BinaryIO
    filename: str

    @classmethod
    def of_part(cls, part: FileStorage) -> Upload:
        """The upload of a multipart file part."""
        return cls(part.stream, _clean(part.filename or ""))  # type: ignore[arg-type]

    @classmethod
    def of_body(cls, request: Request, filename: str) -> Upload:
        """The upload whose file is the request's body as it is."""
        spool = request._get_file_stream()
        while block := request.stream.read(MAX_BLOCK_BYTES):
            spool.write(block)
        spool.seek(0)
        return cls(spool, _clean(filename))  # type: ignore[arg-type]


def inspect(upload: Upload, settings: Settings) -> Sniffed:
    """Look at the head of an upload: is it a table, and which columns has it?

    Raises
    ------
    DataError
        It is empty or no table.
    LimitError
        413, too large or too wide.
    """
    size = upload.data.seek(0, 2)
    upload.data.seek(0)
    if size > settings.max_upload_bytes:
        raise too_large(settings.max_upload_bytes)
    head = upload.data.read(HEAD_BYTES)
    upload.data.seek(0)
    found = sniff(head, complete=size <= HEAD_BYTES)
    if len(found.columns) > settings.max_columns:
        raise LimitError(
            f"The file has {len(found.columns)} columns; at most {settings.max_columns} are taken.",
            code="too_many_columns",
            status=413,
        )
    return found


def _clean(filename: str) -> str:
    """The name as sent, without what steers a terminal, and not beyond 255 characters."""
    return plain(filename, "")[:255] or "data"


def takes(kind: str) -> Callable[[View], View]:
    """Let a view take bodies of one content type only; others are refused (415) unread."""

    def wrap(view: View) -> View:
        @functools.wraps(view)
        def checked(*args: Any, **more: Any) -> Any:
            if flask.request.mimetype != kind:
                raise OddlineError(
                    f"The content type is {flask.request.mimetype[:100] or 'missing'}; expected {kind}.",
                    code="unsupported_media_type",
                    status=415,
                )
            return view(*args, **more)

        return checked  # type: ignore[return-value]

    return wrap


def count_rows(upload: Upload, found: Sniffed, settings: Settings) -> int:
    """About how many rows an upload has, for what depends on its size; never more than are taken.

    Line ends are counted; of a packed file they are guessed from its head and from the size that its end
    gives of what is packed.
    """
    if found.gzip:
        packed = upload.data.seek(-4, os.SEEK_END) + 4
        unpacked = max(packed, int.from_bytes(upload.data.read(4), "little"))
        rows = round(min(unpacked, settings.max_unpacked_bytes) * found.rows_per_byte)
    else:
        upload.data.seek(0)
        mark = b"}" if found.kind == "json" else b"\n"
        rows = sum(block.count(mark) for block in iter(lambda: upload.data.read(1 << 20), b""))
        rows = rows or round(upload.data.tell() * found.rows_per_byte)  # line ends of old, or none
    upload.data.seek(0)
    return min(rows, settings.max_rows)
