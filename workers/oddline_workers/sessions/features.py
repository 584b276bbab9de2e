"""What a session learns from: which columns, as numbers or as categories, and what is said about the others.

Standard library only: the gateway says the same of a request as the worker of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oddline.errors import DataError
from oddline_workers.datasets.metadata import Column, match

__all__ = ["DISTANCE", "NO_TARGET", "SCORE", "Features", "choose", "ignored_target", "informed", "warned"]

SCORE, DISTANCE = "anomaly", "mahalanobis_distance"
"""The columns that a session adds to the rows."""

NO_TARGET = "Anomalies have no target"
"""What the warning of a target begins with."""

_KINDS = {"numeric": "number", "numericMeasure": "number", "logical": "number", "string": "category"}
_SHOWN = 5


@dataclass(frozen=True)
class Features:
    """What the columns of a session are to the engine.

    Attributes
    ----------
    kinds : dict of str to str
        ``"number"`` or ``"category"`` for each column that is learnt from.
    imputation : dict of str to str
        What replaces a missing value there, where the metadata says it.
    logical : frozenset of str
        Those of them whose numbers may be written as ``true`` and ``false``.
    shown : tuple of str
        The columns of the result's rows, beside the scores.
    messages : list of dict
        What was left out, and why.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    imputation: dict[str, str] = field(default_factory=dict)
    logical: frozenset[str] = frozenset()
    shown: tuple[str, ...] = ()
    messages: list[dict[str, str]] = field(default_factory=list)


def choose(columns: Mapping[str, Mapping[str, str]]) -> Features:
    """The features among the columns of a session.

    Parameters
    ----------
    columns : mapping
        Names to metadata, as :func:`oddline_workers.datasets.metadata.session_columns` gives them.

    Raises
    ------
    DataError
        There is none (code ``"no_features"``).
    """
    kinds, imputation = {}, {}
    shown, logical, untaught, taken = [], [], [], []
    for name, metadata in columns.items():
        role, data_type = metadata.get("role", "feature"), metadata["dataType"]
        if role not in ("key", "timestamp", "feature"):
            continue
        if name.strip().casefold() in (SCORE, DISTANCE):
            taken.append(name)
            continue
        shown.append(name)
        if role != "feature":
            continue
        if data_type not in _KINDS:
            untaught.append(name)
            continue
        kinds[name] = _KINDS[data_type]
        if data_type == "logical":
            logical.append(name)
        if "imputation" in metadata:
            imputation[name] = metadata["imputation"]
    if not kinds:
        raise DataError(
            f"None of the {len(columns) - 1:,} columns can be learnt from: expected at least one with the "
            "role feature and the type numeric, numericMeasure, logical or string. " + _advice(columns),
            code="no_features",
        )
    said = []
    if untaught:
        said.append(warned(f"Nothing is learnt from columns of type text or date: {_named(untaught)}."))
    if taken:
        said.append(warned(f"Results have a column of this name, so it was left out: {_named(taken)}."))
    return Features(kinds, imputation, frozenset(logical), (*shown,), said)


def _advice(columns: Mapping[str, Mapping[str, str]]) -> str:
    """How to come by a feature: of a series of one column it is taken for the target."""
    for name, metadata in columns.items():
        if name != SCORE and metadata.get("role") == "none" and metadata["dataType"] in _KINDS:
            wanted = f'"columns": {{"{name[:60]}": {{"role": "feature"}}}}'
            return f"To learn from {name[:60]!r}, send {wanted} with the session."
    return "Change the columns of the dataset or of the session."


def ignored_target(
    columns: Mapping[str, Column], overrides: Mapping[str, Column], asked: str = ""
) -> list[dict[str, str]]:
    """The warning that a target has no part in it, where there is one; else nothing.

    Parameters
    ----------
    columns, overrides : mapping of Column
        Those of the dataset and those of the request.
    asked : str
        The request's ``targetColumn``.
    """
    sent = {name.strip().casefold(): column.role for name, column in overrides.items()}
    spelled = match(columns)
    roles = {name: sent.get(fold) or columns[name].role for fold, name in spelled.items()}
    asked = spelled.get(asked.strip().casefold(), asked)
    found = dict.fromkeys([asked] if asked else [])
    found.update(dict.fromkeys(name for name, role in roles.items() if role == "target"))
    names = [name for name in found if name.strip().casefold() != SCORE]
    if not names:
        return []
    return [warned(f"{NO_TARGET}: {_named(names)} is ignored, and the results are in the column {SCORE!r}.")]


def warned(text: str) -> dict[str, str]:
    """A message of what a client may have meant otherwise."""
    return {"severity": "warning", "message": text}


def informed(text: str) -> dict[str, str]:
    """A message of what was found."""
    return {"severity": "informational", "message": text}


def _named(names: Sequence[Any]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(name[:60]) for name in names[:_SHOWN]) + more
