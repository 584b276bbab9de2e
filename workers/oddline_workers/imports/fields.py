"""The fields of a request's body: names in any case, nulls as absent, and every problem told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from oddline.errors import LONGEST_NAME, ParameterError, is_text

__all__ = ["Fields"]


class Fields:
    """A JSON object as a client sent it, read field by field.

    Parameters
    ----------
    body : mapping
        Unknown fields are passed over. Of one that comes in two spellings the last counts.
    within : str
        What the names of its fields begin with in messages.
    """

    def __init__(self, body: Mapping[str, Any], within: str = "") -> None:
        self._values = {name.casefold(): value for name, value in body.items() if value is not None}
        self._within = within
        self.problems: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._values

    def get(self, name: str) -> Any:
        """A value as it is; None where it is absent."""
        return self._values.get(name.casefold())

    def text(
        self,
        name: str,
        expected: str = "a text",
        *,
        needed: bool = True,
        pattern: str = "",
        longest: int = LONGEST_NAME,
    ) -> str:
        """A text that is not empty; "" where it is absent, or is a problem."""
        value = self.get(name)
        if value is None or value == "":
            if needed:
                self.refuse(name, f"It is missing; expected {expected}.")
            return ""
        if not isinstance(value, str) or not is_text(value):
            self.refuse(name, f"It is no text; expected {expected}.")
        elif len(value) > longest:
            self.refuse(name, f"It has {len(value):,} characters; at most {longest:,} are taken.")
        elif pattern and not re.fullmatch(pattern, value):
            self.refuse(name, f"It is not well formed; expected {expected}.")
        else:
            return value
        return ""

    def path(self, name: str, expected: str) -> str:
        """A path that leads down only."""
        value = self.text(name, expected)
        if value and not value.strip("/"):
            self.refuse(name, f"It is empty; expected {expected}.")
        if {".", ".."} & set(value.split("/")):
            self.refuse(name, "It has '.' or '..' as a step; expected a path that leads down only.")
        return value

    def object(self, name: str) -> Mapping[str, Any]:
        """An object; an empty one where it is absent, or is a problem."""
        value = self.get(name)
        if isinstance(value, Mapping):
            return value
        if value is not None:
            self.refuse(name, "It is no object.")
        return {}

    def refuse(self, name: str, why: str) -> None:
        """Note what is wrong with a field; the value is not repeated, it may be a secret."""
        self.problems.setdefault(self._within + name, why)

    def check(self) -> None:
        """Raise what is wrong, if anything is.

        Raises
        ------
        ParameterError
            With ``problems`` by field.
        """
        if self.problems:
            told = " ".join(f"{name}: {why}" for name, why in self.problems.items())
            raise ParameterError(f"The import cannot be made. {told}", problems=dict(self.problems))
