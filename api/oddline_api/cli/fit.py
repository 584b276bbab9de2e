"""``oddline fit``: learn from a file once, to score others later."""

from __future__ import annotations

from typing import Any

import click

from oddline.catalog import check
from oddline_api.cli.detect import READABLE, read
from oddline_api.cli.options import detection_options, given
from oddline_api.cli.output import OutputFile, bar, tell

__all__ = ["fit"]


@click.command()
@click.argument("file", type=READABLE)
@detection_options
@click.option("-o", "--output", type=OutputFile(), required=True, help="The model goes to this file.")
def fit(file: str, output: str, **parameters: Any) -> None:
    """Learn what is normal from FILE and keep it, to score others with `--model`.

    The model is one file of numbers and text: nothing in it is ever run. Label options given here
    are the defaults of `oddline detect --model`, which may give others.
    """
    spec = check(given(parameters))
    table = read(file, spec)
    from oddline.workflow import fit as learn

    model = learn(table, spec, bar)
    bar(1.0, "done", last=True)
    model.save(output)
    for note in table.notes:
        tell(note)
    click.echo(f"{model} is in {output}")
