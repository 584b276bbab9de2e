"""The state of models as plain values and arrays, and models from it. Nothing executable.

A class is named; only those of the packages below are known, and their constructors do not run.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from oddline.errors import ModelError

__all__ = ["StateReader", "StateWriter", "agree", "is_a"]

_HOME = re.compile(r"(oddline\.(?:operators|pipelines|rows)(?:\.[a-z_0-9]+)*)\.([A-Za-z_][A-Za-z_0-9]*)")
_MOST_DEPTH = 64


def agree(kind: type, state: Mapping[str, Any]) -> None:
    """Raise where a state is not that of a dataclass: other names, or values of other types."""
    hints = get_type_hints(kind)
    names = {field.name for field in fields(kind)}
    odd = [
        *(names ^ set(state)),
        *(name for name in names & set(state) if not is_a(state[name], hints[name])),
    ]
    if odd:
        raise ModelError(f"{kind.__name__} is not laid out as it is here: {', '.join(sorted(odd))}")


def is_a(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type, as far as this can be told at once."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(is_a(value, one) for one in inner)
    if origin is np.ndarray:
        wanted = get_args(inner[1])[0]
        return isinstance(value, np.ndarray) and (
            not isinstance(wanted, type) or np.issubdtype(value.dtype, wanted)
        )
    if origin is tuple and inner[1:] == (...,):
        return isinstance(value, tuple) and all(is_a(item, inner[0]) for item in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    known = hint if origin is None else origin
    return isinstance(value, known) if isinstance(known, type) else True


class StateWriter:
    """State to JSON; arrays are put aside under numbers."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}

    def write(self, value: Any, path: str) -> Any:
        if value is None or isinstance(value, str | bool | int):
            return value
        if isinstance(value, float):
            return float(value) if np.isfinite(value) else {"float": repr(float(value))}
        if isinstance(value, np.generic):
            return self.write(value.item(), path)
        if isinstance(value, np.ndarray):
            return self._array(value, path)
        if isinstance(value, list):
            return [self.write(item, f"{path}[{i}]") for i, item in enumerate(value)]
        if isinstance(value, tuple):
            return {"tuple": self.write(list(value), path)}
        if isinstance(value, Mapping):
            pairs = [[self.write(k, path), self.write(v, f"{path}[{k!r}]")] for k, v in value.items()]
            return {"dict": pairs}
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        if _HOME.fullmatch(name):
            state = {k: self.write(v, f"{path}.{k}") for k, v in vars(value).items()}
            return {"object": name, "state": state}
        raise ModelError(f"the model cannot be stored: {path} is a {name}")

    def _array(self, value: NDArray[Any], path: str) -> dict[str, Any]:
        if value.dtype == object:
            if not all(isinstance(item, str) for item in value.ravel()) or value.ndim != 1:
                raise ModelError(f"the model cannot be stored: {path} is an array of objects")
            return {"texts": value.tolist()}
        name = str(len(self.arrays))
        self.arrays[name] = value
        return {"array": name}


class StateReader:
    """JSON to state; the classes are found by name, their constructors do not run."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = arrays

    def read(self, value: Any, depth: int = 0) -> Any:
        if depth > _MOST_DEPTH:
            raise ModelError("the model is nested too deep", code="not_a_model")
        if isinstance(value, list):
            return [self.read(item, depth + 1) for item in value]
        if not isinstance(value, dict):
            return value
        kind = next(iter(value), "")
        inner: Any = value.get(kind)
        if kind == "float":
            return float(inner)
        if kind == "array":
            return self._arrays[inner]
        if kind == "texts":
            return np.array(inner, dtype=object)
        if kind == "tuple":
            return tuple(self.read(inner, depth + 1))
        if kind == "dict":
            return {self.read(k, depth + 1): self.read(v, depth + 1) for k, v in inner}
        if kind == "object":
            state = {str(k): self.read(v, depth + 1) for k, v in value["state"].items()}
            return _made(inner, state)
        raise ModelError(f"the model holds a {kind!r}, which is not known here", code="not_a_model")


def _made(name: str, state: dict[str, Any]) -> Any:
    known = _HOME.fullmatch(str(name))
    kind = None
    if known:
        try:
            kind = vars(import_module(known[1])).get(known[2])
        except ImportError:
            kind = None
    if not isinstance(kind, type) or kind.__module__ != known[1]:  # type: ignore[index]
        raise ModelError(f"the model names {name!r}, which is not known here", code="not_a_model")
    taken = [key for key in state if key.startswith("__") or _belongs_to(kind, key)]
    if taken:
        raise ModelError(f"{name} is not laid out as it is here: {', '.join(taken)}")
    if is_dataclass(kind):
        agree(kind, state)
    made: Any = object.__new__(kind)
    for key, item in state.items():
        object.__setattr__(made, key, item)
    return made


def _belongs_to(kind: type, key: str) -> bool:
    """Whether a class has a method, a property or the like of this name, which no state may hide."""
    own = inspect.getattr_static(kind, key, None)
    return callable(own) or hasattr(own, "__get__")
