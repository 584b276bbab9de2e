"""The catalogue: every algorithm, estimator, label method and parameter, as data.

Schemas, command line, documents and the engine itself are all read from here, so a
name, range or default is written once. Standard library only: the gateway imports it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from oddline.errors import ParameterError, did_you_mean, is_text

__all__ = [
    "ALGORITHMS",
    "LABELINGS",
    "PARAMETERS",
    "Algorithm",
    "Estimator",
    "Labeling",
    "Parameter",
    "Spec",
    "check",
    "estimators_of",
    "lane_of",
]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a detection: its kind, default and legal range.

    ``kind`` is ``"int"``, ``"float"``, ``"text"``, ``"choice"``, ``"columns"`` or ``"int_or_auto"``.
    """

    name: str
    kind: str
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def range(self) -> str:
        """The legal values in words, for messages, help texts and documents."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        words = {
            "int": "a whole number",
            "float": "a number",
            "int_or_auto": "'auto' or a whole number",
            "text": "a text",
            "columns": "a list of column names",
        }[self.kind]
        if self.minimum is not None and self.maximum is not None:
            words += f" from {_plain(self.minimum)} to {_plain(self.maximum)}"
        elif self.minimum is not None:
            words += f" of at least {_plain(self.minimum)}"
        return words


@dataclass(frozen=True)
class Estimator:
    """One way to score inside an algorithm."""

    name: str
    blurb: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Algorithm:
    """A pipeline: what it looks for, its estimators (the first is the default) and its lane."""

    name: str
    blurb: str
    estimators: tuple[Estimator, ...]
    aliases: tuple[str, ...] = ()
    lane: str = "cpu"


@dataclass(frozen=True)
class Labeling:
    """A label method: static (one line for all rows) or dynamic (a line that moves)."""

    name: str
    blurb: str
    dynamic: bool


_DEFAULT = Estimator("Default", "The best forecasters found on a held-out block of the series.")

ALGORITHMS: tuple[Algorithm, ...] = (
    Algorithm(
        "auto",
        "Chooses the strongest combination for the data at hand and says why.",
        (Estimator("Default", "For now: nearest neighbours on windows."),),
    ),
    Algorithm(
        "DeepAD",
        "An ensemble of forecasters: a row is odd when none of them saw it coming.",
        (_DEFAULT,),
    ),
    Algorithm(
        "PredAD",
        "One forecaster, the best on held-out rows: a row is odd when it was not predicted.",
        (_DEFAULT,),
    ),
    Algorithm(
        "WindowAD",
        "Windows of the series as points: a row is odd when its windows lie apart.",
        (
            Estimator("IsolationForest", "Windows that few random cuts isolate."),
            Estimator("NearestNeighbor", "Windows far from their nearest like."),
        ),
    ),
)

LABELINGS: tuple[Labeling, ...] = (
    Labeling("Chi-Square", "Flags a score too large for the variance of the scores before it.", True),
    Labeling("IID", "One line for all rows, from the bulk and the tail of the scores.", False),
    Labeling("Sliding-Window", "Flags a score far above the mean of the scores before it.", True),
)


def _names(items: Iterable[Any]) -> tuple[str, ...]:
    return tuple(item.name for item in items)


def _aliases(items: Iterable[Any]) -> dict[str, str]:
    return {alias: item.name for item in items for alias in getattr(item, "aliases", ())}


_ESTIMATORS = tuple(dict.fromkeys(e.name for a in ALGORITHMS for e in a.estimators))
_ESTIMATOR_ALIASES = _aliases(e for a in ALGORITHMS for e in a.estimators)

PARAMETERS: dict[str, Parameter] = {
    p.name: p
    for p in (
        Parameter("time_column", "text", None, "The column that holds the time of each row."),
        Parameter(
            "time_format",
            "text",
            None,
            "A strftime pattern for the time column; without one the format is inferred.",
        ),
        Parameter(
            "target_columns",
            "columns",
            None,
            "The columns to judge; without them every numeric column but the time.",
        ),
        Parameter(
            "prediction_type",
            "choice",
            "entire",
            "Judge every row, or only the most recent ones by what came before.",
            choices=("entire", "recent"),
        ),
        Parameter(
            "recent_data",
            "int",
            1,
            "How many of the last rows are judged when prediction_type is recent.",
            minimum=1,
            maximum=2_000_000,
        ),
        Parameter(
            "algorithm_type",
            "choice",
            "auto",
            "The pipeline.",
            choices=_names(ALGORITHMS),
            aliases=_aliases(ALGORITHMS),
        ),
        Parameter(
            "anomaly_estimator",
            "choice",
            "Default",
            "The estimator inside the pipeline; Default takes the pipeline's first.",
            choices=tuple(dict.fromkeys(("Default", *_ESTIMATORS))),
            aliases=_ESTIMATOR_ALIASES,
        ),
        Parameter(
            "lookback_window",
            "int_or_auto",
            "auto",
            "How many rows back a window or forecaster looks.",
            minimum=1,
            maximum=100_000,
        ),
        Parameter(
            "observation_window",
            "int",
            10,
            "How many rows before a row a dynamic label method compares it with.",
            minimum=1,
            maximum=1_000_000,
        ),
        Parameter(
            "labeling_method",
            "choice",
            "IID",
            "How scores become labels.",
            choices=_names(LABELINGS),
        ),
        Parameter(
            "labeling_threshold",
            "float",
            10.0,
            "The critical value of a dynamic label method; larger flags fewer rows.",
            minimum=0.0,
            maximum=1e12,
        ),
        Parameter(
            "train_rows",
            "int",
            None,
            "Learn only from the first so many rows; without it from all.",
            minimum=2,
            maximum=2_000_000,
        ),
        Parameter(
            "repair",
            "choice",
            "auto",
            "Repair gaps, duplicates and disorder on a working copy, or refuse them.",
            choices=("auto", "strict"),
        ),
        Parameter(
            "random_state",
            "int",
            0,
            "The seed: same data, parameters and seed give the same scores.",
            minimum=0,
            maximum=2**32 - 1,
        ),
    )
}


@dataclass(frozen=True)
class Spec:
    """What to detect and how: one checked value for each of :data:`PARAMETERS`."""

    time_column: str | None = None
    time_format: str | None = None
    target_columns: tuple[str, ...] | None = None
    prediction_type: str = "entire"
    recent_data: int = 1
    algorithm_type: str = "auto"
    anomaly_estimator: str = "Default"
    lookback_window: int | str = "auto"
    observation_window: int = 10
    labeling_method: str = "IID"
    labeling_threshold: float = 10.0
    train_rows: int | None = None
    repair: str = "auto"
    random_state: int = 0


def estimators_of(algorithm: str) -> tuple[str, ...]:
    """The estimator names of one algorithm, its default first."""
    return _names(next(a for a in ALGORITHMS if a.name == algorithm).estimators)


def lane_of(algorithm: str) -> str:
    """The lane, ``"cpu"`` or ``"gpu"``, that jobs of this algorithm wait in."""
    return next(a for a in ALGORITHMS if a.name == algorithm).lane


def check(values: Mapping[str, Any]) -> Spec:
    """Check values, however they arrived (text or typed), against :data:`PARAMETERS`.

    Parameters
    ----------
    values : mapping
        Parameter name to value. Missing names and ``None`` take the default. Choices match
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
    for name, value in values.items():
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
    home = next(a.name for a in ALGORITHMS if estimator in _names(a.estimators))
    if algorithm == "auto":
        return home, estimator
    takes = ", ".join(name for name in legal if name != "Default") or "Default alone"
    raise ValueError(f"got {estimator!r}, which belongs to {home}; {algorithm} takes {takes}")


def _plain(number: float) -> str:
    """A bound as people write it: ``2,000,000``, not ``2e+06``; beyond that ``1e+12``."""
    return f"{number:,.0f}" if abs(number) < 1e10 and number == int(number) else f"{number:g}"


def _value(parameter: Parameter, value: Any) -> Any:
    """One value in its legal form; ValueError with a sentence where it has none."""
    wrong = f"got {_shown(value)}; expected {parameter.range}"
    if parameter.kind == "text":
        if not isinstance(value, str) or not value or not is_text(value):
            raise ValueError(wrong)
        return value
    if parameter.kind == "columns":
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ValueError(wrong)
        names = tuple(value)
        if not names or not all(isinstance(n, str) and n and is_text(n) for n in names):
            raise ValueError(wrong)
        if len(set(names)) < len(names):
            raise ValueError(f"names a column twice: {_shown(value)}")
        return names
    if parameter.kind == "choice":
        known = {c.casefold(): c for c in parameter.choices}
        known |= {alias.casefold(): name for alias, name in parameter.aliases.items()}
        if not isinstance(value, str) or value.strip().casefold() not in known:
            raise ValueError(wrong + "." + did_you_mean(str(value), known.values()))
        return known[value.strip().casefold()]
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


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
