"""Models as files: JSON for structure, npz for arrays, a checksum over both. Nothing executable.

A file is one line of JSON (``format``, ``version``, ``oddline``, ``length``, ``sha256``) and an
uncompressed npz archive. In the archive ``structure`` is JSON too: the fields of the model and the
state of the estimators, with ``{"array": "7"}`` where the array named ``7`` belongs. Classes are
named; only those of ``oddline.operators``, ``oddline.pipelines`` and ``oddline.rows`` are known, and
their constructors do not run. A model that was read has scored some rows before it is handed out.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import zipfile
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

import oddline
from oddline.catalog import Spec, check
from oddline.errors import ModelError
from oddline.model import FREE, Model
from oddline.rows import RowModel
from oddline.rows.probing import probe
from oddline.state import StateReader, StateWriter, agree, is_a

__all__ = ["VERSION", "dumps", "load", "save"]

VERSION = 1
"""Of the format; a file of another version is refused."""

_FORMAT = "oddline-model"
_KIND, _ROWS = "kind", "rows"  # beside the fields of a model of rows; one of series names no kind
_MOST_HEADER = 4_096
_MOST_UNIT = 1_024  # no float is beyond 2^1024
_PROBE = 3
_COUNTS = ("lookback_", "warm_up_", "context_", "delay_", "overlap_", "num_pipelines_explored_")


def dumps(model: Model | RowModel) -> bytes:
    """A model as what is in its file.

    Parameters
    ----------
    model : Model or RowModel
        From :func:`oddline.fit` or :func:`oddline.rows.fit_rows`, whose ``training_scores`` are left out.

    Raises
    ------
    ModelError
        Something in the model is neither a plain value nor an array.
    """
    return _pack(replace(model, training_scores=None) if isinstance(model, RowModel) else model)


def save(model: Model | RowModel, path: str | os.PathLike[str]) -> None:
    """Write a model to one file, whole or not at all.

    Parameters
    ----------
    model : Model or RowModel
        As for :func:`dumps`.
    path : str or path
        Replaced if there.

    Raises
    ------
    ModelError
        Something in the model is neither a plain value nor an array, or the file cannot be written.
    """
    target = Path(path)
    data = dumps(model)
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


def load(path: str | os.PathLike[str] | bytes) -> Model | RowModel:
    """Read a model back; it gives the same scores as the one that was saved.

    Parameters
    ----------
    path : str, path or bytes
        The file, or what is in it.

    Returns
    -------
    Model or RowModel
        What was saved.

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


def _pack(model: Model | RowModel) -> bytes:
    writer = StateWriter()
    structure = {
        field.name: writer.write(_plain(getattr(model, field.name)), field.name) for field in fields(model)
    }
    if isinstance(model, RowModel):
        structure[_KIND] = _ROWS
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


def _unpack(file: BinaryIO) -> Model | RowModel:
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


def _model(structure: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Model | RowModel:
    reader, kind = StateReader(arrays), structure.pop(_KIND, None)
    values = {name: reader.read(value) for name, value in structure.items()}
    if kind == _ROWS:
        agree(RowModel, values)
        rows = RowModel(**values)
        probe(rows)
        return rows
    if kind is not None:
        raise ModelError(f"the model is a {kind!r}, which is not known here")
    values["spec"] = check(values["spec"])
    agree(Model, values)
    model = Model(**values)
    _probe(model)
    return model


def _probe(model: Model) -> None:
    """Raise where the parts of a model do not belong together, or it cannot score three rows."""
    pipeline, columns = model.pipeline, len(model.columns)
    counts = [getattr(pipeline, name) for name in _COUNTS]
    if not (
        len(model.units) == columns == pipeline.n_features_in_
        and all(0 <= unit < _MOST_UNIT for unit in model.units)
        and model.past.ndim == 1
        and np.isfinite(model.past).all()
        and all(is_a(count, int) and count >= 0 for count in counts)
        and 1 <= pipeline.lookback_ <= max(1, len(model.past))
    ):
        raise ModelError("its parts do not belong together")
    rows, usual = np.zeros((_PROBE, columns)), Spec()
    scores = model.score(rows, **{name: getattr(usual, name) for name in FREE}).score
    shares = pipeline.column_shares(rows)
    if not np.isfinite(scores).all() or shares.shape != rows.shape or not np.isfinite(shares).all():
        raise ModelError("its scores are not finite")
