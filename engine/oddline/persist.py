"""Models as files: JSON for structure, npz for arrays, a checksum over both. Nothing executable.

A file is one line of JSON (``format``, ``version``, ``oddline``, ``length``, ``sha256``) and an
uncompressed npz archive. In the archive ``structure`` is JSON too: the state of the estimators, with
``{"array": "7"}`` where the array named ``7`` belongs. Classes are named; only those of
``oddline.operators`` and ``oddline.pipelines`` are known, and their constructors do not run.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import oddline
from oddline.catalog import check
from oddline.errors import ModelError, ParameterError
from oddline.model import Model
from oddline.pipelines import Pipeline

__all__ = ["VERSION", "load", "save"]

VERSION = 1
"""Of the format; a file of another version is refused."""

_FORMAT = "oddline-model"
_MOST_HEADER = 4_096
_HOME = re.compile(r"(oddline\.(?:operators|pipelines)(?:\.[a-z_0-9]+)*)\.([A-Za-z_][A-Za-z_0-9]*)")
_MOST_DEPTH = 64


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model to one file, whole or not at all.

    Parameters
    ----------
    model : Model
        From :func:`oddline.fit`.
    path : str or path
        Replaced if there.

    Raises
    ------
    ModelError
        Something in the model is neither a plain value nor an array, or the file cannot be written.
    """
    target = Path(path)
    data = _pack(model)
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, target)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise ModelError(f"the model cannot be written to {str(path)!r}: {error.strerror}") from None


def load(path: str | os.PathLike[str] | bytes) -> Model:
    """Read a model back; it gives the same scores as the one that was saved.

    Parameters
    ----------
    path : str, path or bytes
        The file, or what is in it.

    Raises
    ------
    ModelError
        It is not a model, is damaged, or was written by another version of the format.
    """
    if isinstance(path, bytes):
        return _unpack(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"the model {str(path)!r} cannot be read: {error.strerror}") from None
    return _unpack(data)


def _pack(model: Model) -> bytes:
    writer = _Writer()
    structure = {
        "spec": writer.write(asdict(model.spec), "spec"),
        "columns": list(model.columns),
        "units": list(model.units),
        "past": writer.write(model.past, "past"),
        "pipeline": writer.write(model.pipeline, "pipeline"),
    }
    text = json.dumps(structure, allow_nan=False, separators=(",", ":")).encode()
    archive = io.BytesIO()
    np.savez(archive, structure=np.frombuffer(text, dtype=np.uint8), **writer.arrays)  # type: ignore[arg-type]
    payload = archive.getvalue()
    header = {
        "format": _FORMAT,
        "version": VERSION,
        "oddline": oddline.__version__,
        "length": len(payload),
        "sha256": hashlib.sha256(payload).hexdigest(),
    }
    return json.dumps(header).encode() + b"\n" + payload


def _unpack(data: bytes) -> Model:
    line, found, payload = data[:_MOST_HEADER].partition(b"\n")
    try:
        header = json.loads(line) if found else None
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise ModelError(
            "this is not an oddline model: its first line is not that of one", code="not_a_model"
        )
    if header.get("version") != VERSION:
        raise ModelError(
            f"the model has format {header.get('version')!r} (written by oddline {header.get('oddline')!r}); "
            f"this is oddline {oddline.__version__}, which reads format {VERSION}. Fit the model anew.",
            code="other_version",
        )
    payload = data[len(line) + 1 :]
    if len(payload) != header.get("length") or hashlib.sha256(payload).hexdigest() != header.get("sha256"):
        raise ModelError("the model is damaged: its checksum does not match", code="damaged")
    try:
        return _model(*_contents(payload))
    except ModelError:
        raise
    except Exception as error:  # whatever a forged file makes of the state: it is no model of ours
        raise ModelError(f"the model cannot be read: {error}", code="not_a_model") from None


def _contents(payload: bytes) -> tuple[Any, dict[str, NDArray[Any]]]:
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
            raise ModelError("the model holds a compressed part; oddline writes none", code="not_a_model")
    with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return json.loads(arrays.pop("structure").tobytes()), arrays


def _model(structure: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Model:
    reader = _Reader(arrays)
    pipeline = reader.read(structure["pipeline"])
    past = reader.read(structure["past"])
    columns, units = tuple(structure["columns"]), tuple(structure["units"])
    try:
        spec = check(reader.read(structure["spec"]))
    except ParameterError as error:
        raise ModelError(f"the model names parameters that are not known here: {error.message}") from None
    if not isinstance(pipeline, Pipeline) or not isinstance(past, np.ndarray) or len(columns) != len(units):
        raise ModelError("the model is incomplete", code="not_a_model")
    return Model(pipeline, spec, columns, units, past)


class _Writer:
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


class _Reader:
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
    methods = [key for key in state if callable(getattr(kind, key, None))]
    if methods or (is_dataclass(kind) and {f.name for f in fields(kind)} != set(state)):
        raise ModelError(f"the model's {name} is not laid out as it is here. Fit the model anew.")
    made: Any = object.__new__(kind)
    for key, item in state.items():
        object.__setattr__(made, key, item)
    return made
