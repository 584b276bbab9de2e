"""Forms built from the catalogue: names, ranges, defaults and help texts are written there, once."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from oddline.catalog import PARAMETERS, Parameter, check
from oddline.errors import LONGEST_NAME, ParameterError

__all__ = ["NOT_A_FILE", "ColumnsField", "ParameterField", "parse_columns", "problems_of"]

NOT_A_FILE = "is a file part; send it as a text field."

MAX_LIST_CHARACTERS = 250_000

_TEXT = r"""'(?:[^'\\\n]|\\[^\n])*'|"(?:[^"\\\n]|\\[^\n])*\""""
_ITEM = re.compile(rf"\s*(?:(?:np|numpy)\.str_\(\s*(?P<numpy>{_TEXT})\s*\)|(?P<text>{_TEXT}))\s*")


class ParameterField(fields.Field[Any]):
    """The form field of one catalogue parameter; the catalogue judges its value."""

    def __init__(self, name: str, *, help: str = "", **more: Any) -> None:
        parameter = PARAMETERS[name]
        about = describe(parameter)
        about["description"] = help or about["description"]
        if "load_default" in more:
            about["default"] = more["load_default"]
        if more.get("required"):
            about.pop("default", None)
            more["error_messages"] = {"required": f"is missing; expected {parameter.range}."}
        super().__init__(metadata=about, **more)

    default_error_messages = {"file": NOT_A_FILE}  # noqa: RUF012 - marshmallow's own way

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        if not isinstance(value, str):
            raise self.make_error("file")
        return value


class ColumnsField(ParameterField):
    """A list of column names as text, as JSON or as Python writes it."""

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        try:
            return parse_columns(super()._deserialize(value))
        except ValueError as error:
            raise self.make_error("list", problem=str(error)) from None

    default_error_messages = {"list": "{problem}"}  # noqa: RUF012 - marshmallow's own way


def describe(parameter: Parameter) -> dict[str, Any]:
    """One parameter in JSON Schema."""
    bounds = {
        word: int(bound) if parameter.kind != "float" else bound
        for word, bound in (("minimum", parameter.minimum), ("maximum", parameter.maximum))
        if bound is not None
    }
    shapes: dict[str, dict[str, Any]] = {
        "int": {"type": "integer", **bounds},
        "float": {"type": "number", **bounds},
        "int_or_auto": {"oneOf": [{"type": "string", "enum": ["auto"]}, {"type": "integer", **bounds}]},
        "text": {"type": "string", "maxLength": LONGEST_NAME},
        "columns": {"type": "string", "maxLength": MAX_LIST_CHARACTERS, "example": '["a", "b"]'},
        "flag": {"type": "boolean"},
        "choice": {"type": "string", "enum": list(parameter.choices)},
    }
    shape = shapes[parameter.kind]
    shape["description"] = parameter.help
    if parameter.default is not None:
        shape["default"] = parameter.default
    return shape


def parse_columns(text: str) -> list[str]:
    """Read a list of column names from text.

    JSON is tried first, then a Python list or tuple of string literals, in which NumPy's
    ``np.str_('a')`` may stand for ``'a'``. Nothing is evaluated: each literal is matched on
    its own, so neither depth nor code can be smuggled in.

    Raises
    ------
    ValueError
        With a sentence: it is too long or no list of names.

    Examples
    --------
    >>> parse_columns("['Speed (kRPM)', np.str_('b')]")
    ['Speed (kRPM)', 'b']
    """
    shown = repr(text if len(text) <= 60 else text[:57] + "...")
    wrong = f'got {shown}; expected a list of column names such as ["a", "b"]'
    if len(text) > MAX_LIST_CHARACTERS:
        raise ValueError(f"is longer than {MAX_LIST_CHARACTERS} characters")
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = _python_list(text.strip())
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(wrong)
    return names


def _python_list(text: str) -> list[str] | None:
    if len(text) < 2 or text[0] + text[-1] not in ("[]", "()"):
        return None
    names, at, end = [], 1, len(text) - 1
    while at < end and text[at:end].strip():
        item = _ITEM.match(text, at, end)
        if item is None:
            return None
        try:
            names.append(ast.literal_eval(item["text"] or item["numpy"]))
        except (SyntaxError, ValueError):
            return None
        at = item.end()
        if at < end:
            if text[at] != ",":
                return None
            at += 1
    return names


def problems_of(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """What the catalogue says against the values, as marshmallow wants it; empty if nothing."""
    try:
        check(values)
    except ParameterError as error:
        return {name: [text] for name, text in error.problems.items()}
    return {}
