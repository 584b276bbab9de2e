"""``oddline detect``: the engine on a file, here, without a service."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from oddline.catalog import Spec, check
from oddline_api.cli.options import detection_options, given
from oddline_api.cli.output import PICTURES, OutputFile, bar, format_options, opened, tell

if TYPE_CHECKING:
    from oddline.result import Detection
    from oddline.table import Table

__all__ = ["detect", "judge", "model_option", "read"]

READABLE = click.Path(exists=True, dir_okay=False, allow_dash=True)

model_option = click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False),
    help="Score with what `oddline fit` learnt, and learn nothing.",
)


@click.command()
@click.argument("file", type=READABLE)
@detection_options
@click.option("-o", "--output", type=OutputFile(), help="Write to this file instead of stdout.")
@click.option(
    "--plot",
    "picture",
    type=OutputFile(PICTURES),
    metavar="FILE.png",
    help="Draw values, score and flagged rows (.png, .svg or .pdf).",
)
@model_option
@format_options
def detect(
    file: str,
    output: str | None,
    picture: str | None,
    model: str | None,
    form: str | None,
    **parameters: Any,
) -> None:
    """Find anomalies in FILE (CSV or JSON rows, plain or gzip; - for stdin), here, without a service.

    Prints the anomalies; with --csv a line for every row, with --json all of it, in the form a
    service answers.
    """
    if model:
        detection = judge(file, model, given(parameters))
    else:
        spec = check(given(parameters))
        table = read(file, spec)
        from oddline.workflow import detect as run

        detection = run(table, spec, bar)
    bar(1.0, "done", last=True)
    from oddline_api.cli.report import print_result
    from oddline_workers.plaintext import escaped
    from oddline_workers.render import render

    if picture:
        from oddline.plot import plot

        plot(detection, picture)
    if form:
        for note in detection.notes:
            tell(note)
    with opened(output) as target:
        if form == "json":
            target.writelines(escaped(piece.decode()) for piece in render(detection, "plain"))
            target.write("\n")
        else:
            import json

            print_result(json.loads(b"".join(render(detection, "plain"))), form, target)


def read(file: str, spec: Spec) -> Table:
    """The table in a file, or on stdin."""
    from oddline.reading import read as read_as_asked

    return read_as_asked(_source(file), spec)


def judge(file: str, model: str, asked: Mapping[str, Any]) -> Detection:
    """What a kept model says of a file, or of stdin."""
    from oddline.errors import ModelError
    from oddline.model import Model
    from oddline.persist import load

    kept = load(model)
    if not isinstance(kept, Model):
        raise ModelError(
            f"{model!r} is a model of rows that have no order; expected one that `oddline fit` made of a "
            "series. Use it from Python: oddline.load(path).score(columns)."
        )
    return kept.score(_source(file), bar, **asked)


def _source(file: str) -> str | bytes:
    return sys.stdin.buffer.read() if file == "-" else file
