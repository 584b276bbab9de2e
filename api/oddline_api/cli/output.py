"""What the commands print: JSON, CSV or a plain table, and progress for people only."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import IO, Any

import click

from oddline_workers.plaintext import escaped, plain

__all__ = [
    "PICTURES",
    "OutputFile",
    "bar",
    "format_options",
    "opened",
    "print_csv",
    "print_json",
    "print_table",
    "table_of",
    "tell",
]

WIDTH = 30
PICTURES = (".png", ".svg", ".pdf")
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula."""


def format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` and ``--csv`` as the value of ``form``; a table for people without them."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
    @wraps(command)
    def formed(*, as_json: bool, as_csv: bool, **more: Any) -> Any:
        if as_json and as_csv:
            raise click.UsageError("--json and --csv exclude each other.", click.get_current_context())
        return command(form="json" if as_json else "csv" if as_csv else None, **more)

    return formed


class OutputFile(click.ParamType):
    """A file to write, refused before the work begins where it could not be written after it.

    Parameters
    ----------
    endings : tuple of str
        The endings that a name may have; any without them.
    """

    name = "file"

    def __init__(self, endings: tuple[str, ...] = ()) -> None:
        self.endings = endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        path = Path(value)
        if self.endings and path.suffix.lower() not in self.endings:
            self.fail(f"{value!r} should end in one of {', '.join(self.endings)}.", param, ctx)
        if value != "-" and (reason := _obstacle(path)):
            self.fail(f"Cannot write {value}: {reason}.", param, ctx)
        return str(value)


def _obstacle(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    place = path if path.exists() else path.parent
    return "" if os.access(place, os.W_OK) else f"{place} is not open to you for writing"


@contextmanager
def opened(path: str | None) -> Any:
    """The file to write to, or stdout without one."""
    if path is None or path == "-":
        yield sys.stdout
    else:
        try:
            with open(path, "w", encoding="utf-8", newline="") as file:
                yield file
        except OSError as error:
            raise click.UsageError(f"Cannot write {path}: {error.strerror}.") from error


def tell(words: str) -> None:
    """One line for people, on stderr and under the command's name."""
    click.echo(f"oddline: {plain(words)}", err=True)


def print_json(data: Any, file: IO[str] | None = None) -> None:
    """JSON with a line end; readable on a terminal."""
    file = file or sys.stdout
    text = json.dumps(data, indent=2 if file.isatty() else None, ensure_ascii=False)
    file.write(escaped(text) + "\n")


def print_csv(header: Sequence[str], rows: Iterable[Sequence[Any]], file: IO[str] | None = None) -> None:
    """CSV with a header; a text that a spreadsheet would take for a formula gets an apostrophe in front."""
    file = file or sys.stdout
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    if file.isatty():
        rows = ([plain(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    writer.writerows([_no_formula(cell) for cell in row] for row in rows)


def _no_formula(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    if cell.startswith(FORMULAS) and not _is_number(cell):
        cell = "'" + cell
    # The writer quotes a line feed; a carriage return alone would begin a line, and a cell, unquoted.
    return cell.replace("\r\n", "\n").replace("\r", "\n") if "\r" in cell else cell


def print_table(header: Sequence[str], rows: Iterable[Sequence[Any]], file: IO[str] | None = None) -> None:
    """Columns with aligned texts; numbers to the right."""
    table = [[plain(str(cell)) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(header, *table, strict=True)]
    numeric = [bool(table) and all(_is_number(row[i]) for row in table) for i in range(len(header))]
    for cells in (header, ["-" * width for width in widths], *table):
        line = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        )
        click.echo("  ".join(line).rstrip(), file)


def bar(fraction: float, stage: str, *, last: bool = False) -> None:
    """Redraw the progress bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        return
    full = round(min(1.0, max(0.0, fraction)) * WIDTH)
    line = f"[{'#' * full}{'.' * (WIDTH - full)}] {fraction:4.0%} {plain(stage)}"
    click.echo(f"\r\x1b[K{line}" + ("\n" if last else ""), nl=False, err=True)


def table_of(mapping: Mapping[str, Any]) -> str:
    """``name  value`` lines with the values aligned."""
    width = max(map(len, mapping))
    text = io.StringIO()
    for name, value in mapping.items():
        text.write(f"{name.ljust(width)}  {plain(str(value))}\n")
    return text.getvalue().rstrip("\n")


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "").rstrip("%"))
    except ValueError:
        return False
    return True
