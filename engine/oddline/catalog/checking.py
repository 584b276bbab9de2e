"""Values, however they arrived, held against the catalogue."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from oddline.catalog.algorithms import ALGORITHMS, estimators_of, least_columns_of
from oddline.catalog.parameters import PARAMETERS, Parameter, Spec
from oddline.errors import LONGEST_NAME, ParameterError, did_you_mean, is_text

__all__ = ["check", "named"]

_SHORT = {p.short: p.name for p in PARAMETERS.values() if p.short}


def named(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values under the full names of their parameters.

    Raises
    ------
    ParameterError
        One is given under both of its names.

    Examples
    --------
    >>> named({"target": ["load"], "time": "at"})
    {'target_columns': ['load'], 'time_column': 'at'}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        full = _SHORT.get(name, name)
        if full in found:
            said = f"is given twice, as {full} and as {name if name != full else _short(full)}"
            raise ParameterError(f"{full}: {said}", problems={full: said})
        found[full] = value
    return found


def _short(name: str) -> str:
    return PARAMETERS[name].short


def check(values: Mapping[str, Any]) -> Spec:
    """Check values, however they arrived (text or typed), against :data:`PARAMETERS`.

    Parameters
    ----------
    values : mapping
        Parameter name, or its short one, to value. Missing names and ``None`` take the default. Choices match
        without regard to case.

    Returns
    -------
    Spec

    Raises
    ------
    ParameterError
        Naming every wrong parameter at once, in ``problems``.

    Examples
    --------
    >>> check({"algorithm_type": "windowad", "lookback_window": "12"}).lookback_window
    12
    >>> check({"anomaly_estimator": "IsolationForest"}).algorithm_type
    'WindowAD'
    """
    problems: dict[str, str] = {}
    good: dict[str, Any] = {}
    for name, value in named(values).items():
        if name not in PARAMETERS:
            written = name if is_text(name) else ascii(name)
            problems[written] = f"unknown parameter.{did_you_mean(name, PARAMETERS)}"
        elif value is not None:
            try:
                good[name] = _value(PARAMETERS[name], value)
            except ValueError as error:
                problems[name] = str(error)
    if not problems:
        try:
            good["algorithm_type"], good["anomaly_estimator"] = _pair(
                good.get("algorithm_type", "auto"), good.get("anomaly_estimator", "Default")
            )
        except ValueError as error:
            problems["anomaly_estimator"] = str(error)
        else:
            chosen, targets = good["algorithm_type"], good.get("target_columns")
            least = least_columns_of(chosen)
            if targets is not None and len(targets) < least:
                problems["target_columns"] = (
                    f"{chosen} needs at least {least} target columns, got {len(targets)}"
                )
    if problems:
        raise ParameterError(
            "; ".join(f"{name}: {text.rstrip('.')}" for name, text in problems.items()), problems=problems
        )
    return Spec(**good)


def _pair(algorithm: str, estimator: str) -> tuple[str, str]:
    """Algorithm and estimator as used: an estimator alone names its algorithm, ``Default`` is the first."""
    legal = estimators_of(algorithm)
    if estimator == "Default":
        return algorithm, legal[0]
    if estimator in legal:
        return algorithm, estimator
    home = next(a.name for a in ALGORITHMS if estimator in estimators_of(a.name))
    if algorithm == "auto":
        return home, estimator
    takes = ", ".join(name for name in legal if name != "Default") or "Default alone"
    raise ValueError(f"got {estimator!r}, which belongs to {home}; {algorithm} takes {takes}")


def _value(parameter: Parameter, value: Any) -> Any:
    """One value in its legal form; ValueError with a sentence where it has none."""
    wrong = f"got {_shown(value)}; expected {parameter.range}"
    if parameter.kind == "text":
        if not isinstance(value, str) or not value or not is_text(value):
            raise ValueError(wrong)
        if len(value) > LONGEST_NAME:
            raise ValueError(_long(value))
        return value
    if parameter.kind == "columns":
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ValueError(wrong)
        names = tuple(value)
        if not names or not all(isinstance(n, str) and n and is_text(n) for n in names):
            raise ValueError(wrong)
        if len(longest := max(names, key=len)) > LONGEST_NAME:
            raise ValueError(_long(longest))
        if len(set(names)) < len(names):
            raise ValueError(f"names a column twice: {_shown(value)}")
        return names
    if parameter.kind == "choice":
        known = {c.casefold(): c for c in parameter.choices}
        known |= {alias.casefold(): name for alias, name in parameter.aliases.items()}
        if not isinstance(value, str) or value.strip().casefold() not in known:
            raise ValueError(wrong + "." + did_you_mean(str(value), known.values()))
        return known[value.strip().casefold()]
    if parameter.kind == "flag":
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        flag = value if isinstance(value, bool) else words.get(str(value).strip().casefold())
        if flag is None:
            raise ValueError(wrong)
        return flag
    if parameter.kind == "int_or_auto" and isinstance(value, str) and value.strip().casefold() == "auto":
        return "auto"
    return _number(parameter, value, wrong)


def _number(parameter: Parameter, value: Any, wrong: str) -> int | float:
    if isinstance(value, bool):
        raise ValueError(wrong)
    try:
        number = float(value.strip() if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(wrong) from None
    if not math.isfinite(number):
        raise ValueError(wrong)
    if parameter.kind != "float" and number != int(number):
        raise ValueError(wrong)
    if parameter.minimum is not None and number < parameter.minimum:
        raise ValueError(wrong)
    if parameter.maximum is not None and number > parameter.maximum:
        raise ValueError(wrong)
    return number if parameter.kind == "float" else int(number)


def _long(text: str) -> str:
    return f"got {_shown(text)} of {len(text):,} characters; at most {LONGEST_NAME:,} are taken"


def _shown(value: Any) -> str:
    text = repr(value[:60] if isinstance(value, str) else value)
    return text if len(text) <= 60 else text[:57] + "..."
