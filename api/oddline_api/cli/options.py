"""The options of a detection, made from the catalogue: names, ranges and defaults are written once there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from oddline.catalog import PARAMETERS, Parameter

__all__ = ["detection_options", "given", "score_options"]

NO_PART_IN_SCORES = frozenset(
    {"prediction_type", "recent_data", "observation_window", "labeling_method", "labeling_threshold"}
)
"""What decides on labels and on which rows get one: every row gets the same score whatever it says."""

Command = TypeVar("Command", bound=Callable[..., Any])


def detection_options(command: Command) -> Command:
    """Add an option for each parameter of the catalogue; absent ones are None."""
    return _options(command, PARAMETERS.values())


def score_options(command: Command) -> Command:
    """Add an option for each parameter that has a part in the scores; absent ones are None."""
    return _options(command, (p for p in PARAMETERS.values() if p.name not in NO_PART_IN_SCORES))


def given(values: dict[str, Any]) -> dict[str, Any]:
    """The parameters that were given, in the catalogue's names."""
    return {n: value for n, value in values.items() if n in PARAMETERS and value not in (None, ())}


def _options(command: Command, parameters: Iterable[Parameter]) -> Command:
    for parameter in reversed([*parameters]):
        command = _option(parameter)(command)
    return command


def _option(parameter: Parameter) -> Callable[[Command], Command]:
    long = "--" + parameter.name.replace("_", "-")
    names = [f"--{parameter.short}", long] if parameter.short else [long]
    text = parameter.help
    if parameter.kind == "flag":
        return click.option(*names, parameter.name, is_flag=True, default=None, help=text)
    if parameter.kind == "columns":
        text += " Repeat it for several."
    elif parameter.kind != "text":
        text += f" {parameter.range[0].upper()}{parameter.range[1:]}"
        text += f"; default {parameter.default}." if parameter.default is not None else "."
    return click.option(
        *names,
        parameter.name,
        multiple=parameter.kind == "columns",
        metavar={"choice": "NAME", "text": "TEXT", "columns": "COLUMN"}.get(parameter.kind, "N"),
        help=text,
    )
