"""The parameters of a detection: kinds, defaults and legal ranges, written once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from oddline.catalog.algorithms import ALGORITHMS, Algorithm, Estimator
from oddline.catalog.labelings import LABELINGS

__all__ = ["PARAMETERS", "Parameter", "Spec"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a detection: its kind, default and legal range.

    ``kind`` is ``"int"``, ``"float"``, ``"text"``, ``"choice"``, ``"columns"``, ``"flag"`` or
    ``"int_or_auto"``. ``short`` is another name that is understood for it.
    """

    name: str
    kind: str
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    short: str = ""

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
            "flag": "true or false",
        }[self.kind]
        if self.minimum is not None and self.maximum is not None:
            words += f" from {_plain(self.minimum)} to {_plain(self.maximum)}"
        elif self.minimum is not None:
            words += f" of at least {_plain(self.minimum)}"
        return words


def _plain(number: float) -> str:
    """A bound as people write it: ``2,000,000``, not ``2e+06``; beyond that ``1e+12``."""
    return f"{number:,.0f}" if abs(number) < 1e10 and number == int(number) else f"{number:g}"


def _aliases(items: Iterable[Algorithm | Estimator]) -> dict[str, str]:
    return {alias: item.name for item in items for alias in item.aliases}


_ESTIMATORS = tuple(e for a in ALGORITHMS for e in a.estimators)

PARAMETERS: dict[str, Parameter] = {
    p.name: p
    for p in (
        Parameter("time_column", "text", None, "The column that holds the time of each row.", short="time"),
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
            short="target",
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
            choices=tuple(a.name for a in ALGORITHMS),
            aliases=_aliases(ALGORITHMS),
            short="algorithm",
        ),
        Parameter(
            "anomaly_estimator",
            "choice",
            "Default",
            "The estimator inside the pipeline; Default takes the pipeline's first.",
            choices=tuple(dict.fromkeys(("Default", *(e.name for e in _ESTIMATORS)))),
            aliases=_aliases(_ESTIMATORS),
            short="estimator",
        ),
        Parameter(
            "lookback_window",
            "int_or_auto",
            "auto",
            "How many rows back a window or forecaster looks.",
            minimum=1,
            maximum=100_000,
            short="lookback",
        ),
        Parameter(
            "observation_window",
            "int",
            10,
            "How many rows before a row a dynamic label method compares it with.",
            minimum=1,
            maximum=1_000_000,
            short="window",
        ),
        Parameter(
            "labeling_method",
            "choice",
            "Adaptive-Contamination",
            "How scores become labels.",
            choices=tuple(m.name for m in LABELINGS),
            short="method",
        ),
        Parameter(
            "labeling_threshold",
            "float",
            10.0,
            "Where the line lies, in the units of the label method: a critical value or deviations, larger "
            "flags fewer rows; a share or ε between 0 and 1, any other number stands for the method's own.",
            minimum=0.0,
            maximum=1e12,
            short="threshold",
        ),
        Parameter(
            "train_rows",
            "int",
            None,
            "Learn only from the first so many rows; without it from all.",
            minimum=2,
            maximum=2_000_000,
            short="train",
        ),
        Parameter(
            "causal",
            "flag",
            False,
            "Score each row by what lies at and before it only, so that no later row changes its score.",
        ),
        Parameter(
            "feature_selection",
            "choice",
            "none",
            "Of several columns judge only those that vary and that the others do not tell already: by "
            "their variance, their variance inflation, their correlation, or two votes of the three.",
            choices=("none", "variance", "inflation", "correlation", "vote"),
        ),
        Parameter(
            "relation_level",
            "choice",
            "window",
            "What RelationshipAD judges: windows by all columns, each record (row) alone, or windows by "
            "their oddest column. Other algorithms pay no heed to it.",
            choices=("window", "record", "column"),
            short="level",
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
            short="seed",
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
    labeling_method: str = "Adaptive-Contamination"
    labeling_threshold: float = 10.0
    train_rows: int | None = None
    causal: bool = False
    feature_selection: str = "none"
    relation_level: str = "window"
    repair: str = "auto"
    random_state: int = 0
