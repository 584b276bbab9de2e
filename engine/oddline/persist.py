"""Models as files: JSON for structure, npz for arrays, a checksum over both. Nothing executable.

A file is one line of JSON (``format``, ``version``, ``oddline``, ``length``, ``sha256``) and an
uncompressed npz archive. In the archive ``structure`` is JSON too: the fields of the model and the
state of the estimators, with ``{"array": "7"}`` where the array named ``7`` belongs. Classes are
named; only those of ``oddline.operators`` and ``oddline.pipelines`` are known, and their
constructors do not run. A model that was read has scored some rows before it is handed out.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import os
import re
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Any, BinaryIO, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

import oddline
from oddline.catalog import Spec, check
from oddline.errors import ModelError
from oddline.model import FREE, Model

__all__ = ["VERSION", "load", "save"]

VERSION = 1
"""Of the format; a file of another version is refused."""

_FORMAT = "oddline-model"
_MOST_HEADER = 4_096
_HOME = re.compile(r"(oddline\.(?:operators|pipelines)(?:\.[a-z_0-9]+)*)\.([A-Za-z_][A-Za-z_0-9]*)")
_MOST_DEPTH = 64
_MOST_UNIT = 1_024  # no float is beyond 2^1024
_PROBE = 3
_COUNTS = ("lookback_", "warm_up_", "context_", "delay_", "overlap_", "num_pipelines_explored_")


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
    written = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with open(written, "xb") as file:  # the permissions are those that the umask leaves
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(written, target)
    except BaseException as error:
        written.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise ModelError(f"the model cannot be written to {str(path)!r}: {error.strerror}") from None
        raise


def load(path: str | os.PathLike[str] | bytes) -> Model:
    """Read a model back; it gives the same scores as the one that was saved.

    Parameters
    ----------
    path : str, path or bytes
        The file, or what is in it.

    Raises
    ------
    ModelError
        It is not a model, is damaged, or was written by a version whose models are not read.
    """
    if isinstance(path, bytes):
        return _unpack(io.BytesIO(path))
    try:
        with open(path, "rb") as file:
            return _unpack(file)
    except OSError as error:
        raise ModelError(f"the model {str(path)!r} cannot be read: {error.strerror}") from None


def _pack(model: Model) -> bytes:
    writer = _Writer()
    structure = {
        field.name: writer.write(_plain(getattr(model, field.name)), field.name) for field in fields(Model)
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


def _plain(value: Any) -> Any:
    return asdict(value) if isinstance(value, Spec) else value


def _unpack(file: BinaryIO) -> Model:
    line = file.readline(_MOST_HEADER)
    try:
        header = json.loads(line) if line.endswith(b"\n") else None
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
    if file.seek(0, os.SEEK_END) - len(line) != header.get("length"):
        raise ModelError("the model is damaged: its length does not match", code="damaged")
    file.seek(len(line))
    payload = file.read()
    if hashlib.sha256(payload).hexdigest() != header.get("sha256"):
        raise ModelError("the model is damaged: its checksum does not match", code="damaged")
    try:
        model = _model(*_contents(payload))
        _probe(model)
    except Exception as error:  # whatever another release or a forger made of the state
        told = getattr(error, "message", None) or repr(error)
        if header.get("oddline") != oddline.__version__:
            raise ModelError(
                f"the model was written by oddline {header.get('oddline')!r} and cannot be read by oddline "
                f"{oddline.__version__} ({told}). Fit the model anew.",
                code="other_version",
            ) from None
        raise ModelError(f"the model cannot be read: {told}", code="not_a_model") from None
    return model


def _contents(payload: bytes) -> tuple[Any, dict[str, NDArray[Any]]]:
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
            raise ModelError("the model holds a compressed part; oddline writes none", code="not_a_model")
    with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return json.loads(arrays.pop("structure").tobytes()), arrays


def _model(structure: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Model:
    reader = _Reader(arrays)
    values = {name: reader.read(value) for name, value in structure.items()}
    values["spec"] = check(values["spec"])
    _agree(Model, values)
    return Model(**values)


def _probe(model: Model) -> None:
    """Raise where the parts of a model do not belong together, or it cannot score three rows."""
    pipeline, columns = model.pipeline, len(model.columns)
    counts = [getattr(pipeline, name) for name in _COUNTS]
    if not (
        len(model.units) == columns == pipeline.n_features_in_
        and all(0 <= unit < _MOST_UNIT for unit in model.units)
        and model.past.ndim == 1
        and np.isfinite(model.past).all()
        and all(_is(count, int) and count >= 0 for count in counts)
        and 1 <= pipeline.lookback_ <= max(1, len(model.past))
    ):
        raise ModelError("its parts do not belong together")
    rows, usual = np.zeros((_PROBE, columns)), Spec()
    scores = model.score(rows, **{name: getattr(usual, name) for name in FREE}).score
    shares = pipeline.column_shares(rows)
    if not np.isfinite(scores).all() or shares.shape != rows.shape or not np.isfinite(shares).all():
        raise ModelError("its scores are not finite")


def _agree(kind: type, state: Mapping[str, Any]) -> None:
    """Raise where a state is not that of a dataclass: other names, or values of other types."""
    hints = get_type_hints(kind)
    names = {field.name for field in fields(kind)}
    odd = [*(names ^ set(state)), *(name for name in names & set(state) if not _is(state[name], hints[name]))]
    if odd:
        raise ModelError(f"{kind.__name__} is not laid out as it is here: {', '.join(sorted(odd))}")


def _is(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type, as far as this can be told at once."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_is(value, one) for one in inner)
    if origin is np.ndarray:
        wanted = get_args(inner[1])[0]
        return isinstance(value, np.ndarray) and (
            not isinstance(wanted, type) or np.issubdtype(value.dtype, wanted)
        )
    if origin is tuple and inner[1:] == (...,):
        return isinstance(value, tuple) and all(_is(item, inner[0]) for item in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    known = hint if origin is None else origin
    return isinstance(value, known) if isinstance(known, type) else True


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
    taken = [key for key in state if key.startswith("__") or _belongs_to(kind, key)]
    if taken:
        raise ModelError(f"{name} is not laid out as it is here: {', '.join(taken)}")
    if is_dataclass(kind):
        _agree(kind, state)
    made: Any = object.__new__(kind)
    for key, item in state.items():
        object.__setattr__(made, key, item)
    return made


def _belongs_to(kind: type, key: str) -> bool:
    """Whether a class has a method, a property or the like of this name, which no state may hide."""
    own = inspect.getattr_static(kind, key, None)
    return callable(own) or hasattr(own, "__get__")
