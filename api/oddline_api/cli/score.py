"""``oddline score``: one number for each row, for programs and benchmarks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from oddline.catalog import Spec, check
from oddline.errors import ParameterError, did_you_mean
from oddline_api.cli.detect import READABLE, judge, model_option, read
from oddline_api.cli.options import given, score_options
from oddline_api.cli.output import OutputFile, bar, opened, tell

if TYPE_CHECKING:
    from oddline.result import Detection
    from oddline.table import Table

__all__ = ["score"]

ANSWERS = frozenset({"label", "labels", "is_anomaly", "anomaly"})


@click.command()
@click.argument("file", type=READABLE)
@click.option("-o", "--output", type=OutputFile(), help="Write to this file instead of stdout.")
@click.option(
    "--ignore", multiple=True, metavar="COLUMN", help="A column to leave out. Repeat it for several."
)
@model_option
@score_options
def score(
    file: str, output: str | None, ignore: tuple[str, ...], model: str | None, **parameters: Any
) -> None:
    """Write one score for each row of FILE: larger is odder, never negative, never missing.

    Every numeric column but the time is judged, unless --target names some or --ignore leaves some
    out: a column with the answers, such as Label, should be left out. No time column is needed. The
    output has a header line, `score`, and then as many lines as FILE has rows, in its order.
    """
    if model:
        detection = judge(file, model, given(parameters))
    else:
        detection = _detection(file, check(given(parameters)), ignore)
    bar(1.0, "done", last=True)
    for note in detection.notes:
        tell(note)
    with opened(output) as target:
        target.write("score\n")
        target.writelines(f"{value!r}\n" for value in detection.score.tolist())


def _detection(file: str, spec: Spec, ignore: tuple[str, ...]) -> Detection:
    table = _without(read(file, spec), ignore)
    if spec.train_rows is not None and spec.train_rows >= len(table.values):
        raise ParameterError(
            f"--train is {spec.train_rows:,}, but the file has {len(table.values):,} rows. "
            "Give fewer than it has, or leave --train out to learn from all.",
            parameter="train_rows",
        )
    for name in table.columns:
        if name.casefold() in ANSWERS and spec.target_columns is None:
            tell(f"Column {name!r} is judged like any other; --ignore {name} leaves it out.")
    from oddline.workflow import detect

    return detect(table, spec, bar)


def _without(table: Table, ignore: tuple[str, ...]) -> Table:
    for name in ignore:
        if name not in table.columns:
            raise ParameterError(
                f"--ignore {name}: there is no such value column; the file has {', '.join(table.columns)}."
                + did_you_mean(name, table.columns),
                parameter="ignore",
            )
    kept = [i for i, name in enumerate(table.columns) if name not in ignore]
    if not kept:
        raise ParameterError("--ignore leaves no column to judge.", parameter="ignore")
    return replace(table, values=table.values[:, kept], columns=tuple(table.columns[i] for i in kept))
