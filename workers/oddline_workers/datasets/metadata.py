"""What columns are: data types, roles, and what to do with missing values and with several at one time.

Standard library only: the gateway reads and writes metadata too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from oddline.errors import LONGEST_NAME, DataError, did_you_mean, is_text

__all__ = [
    "AGGREGATIONS",
    "DATA_TYPES",
    "IMPUTATIONS",
    "ROLES",
    "Column",
    "ColumnsError",
    "Found",
    "match",
    "merge",
    "name_problem",
    "read_columns",
    "read_data_type",
    "session_columns",
]

DATA_TYPES = ("string", "numeric", "logical", "date", "text", "numericMeasure")
"""In the order of the numbers that may stand for them; -1 is the last."""
ROLES = ("none", "timestamp", "target", "feature", "key")
IMPUTATIONS = ("zeroes", "mean", "median", "mode", "min", "max")
AGGREGATIONS = ("sum", "mean", "median", "mode", "min", "max")

MOST_HINTS = 10
"""For so many unknown names a known one is looked for; each takes some milliseconds."""

SCORE = "anomaly"
"""The column of the scores."""

_DEFAULTS = {
    "numeric": ("zeroes", "sum"),
    "numericMeasure": ("mean", "mean"),
    "logical": ("mode", "mode"),
    "string": ("mode", "mode"),
    "date": ("", ""),
    "text": ("", ""),
}
_FIELDS: Mapping[str, tuple[str, tuple[str, ...], Mapping[int, str]]] = {
    # Numbers stand for the first words only, as far as clients know them.
    "datatype": ("data_type", DATA_TYPES, {-1: "numericMeasure", **dict(enumerate(DATA_TYPES[:5]))}),
    "role": ("role", ROLES, {}),
    "imputation": ("imputation", IMPUTATIONS, dict(enumerate(IMPUTATIONS[:4]))),
    "aggregation": ("aggregation", AGGREGATIONS, dict(enumerate(AGGREGATIONS))),
}
_NUMBERS = ("numeric", "numericMeasure")


class ColumnsError(DataError):
    """The metadata of some columns cannot be; ``where["columns"]`` maps each to its reasons."""

    def __init__(self, problems: Mapping[str, list[str]]) -> None:
        name, reasons = next(iter(problems.items()))
        more = f" So it is with {len(problems) - 1} more." if len(problems) > 1 else ""
        super().__init__(
            f"Column {name[:60]!r}: {reasons[0]}{more}", code="invalid_columns", columns=dict(problems)
        )


@dataclass(frozen=True)
class Column:
    """The metadata of a column; a word that is not given is empty.

    In a dataset a column without any value yet may have no ``data_type``.
    """

    data_type: str = ""
    role: str = ""
    imputation: str = ""
    aggregation: str = ""

    def to_json(self) -> dict[str, str]:
        """As answered: what is empty is left out, but for a type, which is then shown as ``string``."""
        kind = self.data_type or "string"
        default = ("", "") if self.data_type else _DEFAULTS[kind]
        words = {
            "dataType": kind,
            "role": self.role,
            "imputation": self.imputation or default[0],
            "aggregation": self.aggregation or default[1],
        }
        return {name: word for name, word in words.items() if word}

    def with_defaults(self) -> Column:
        """With the strategies of its type where there are none."""
        imputation, aggregation = _DEFAULTS.get(self.data_type, ("", ""))
        return replace(
            self, imputation=self.imputation or imputation, aggregation=self.aggregation or aggregation
        )


@dataclass(frozen=True)
class Found:
    """What the values of a column look like.

    Attributes
    ----------
    data_type : str
        ``numericMeasure``, ``logical``, ``date`` or ``string``; empty where all are missing.
    numbers : bool
        Whether they are written as numbers: so may ``logical`` ones be, as 0 and 1.
    unique : bool
        Of dates: no value is missing or there twice.
    """

    data_type: str
    numbers: bool = False
    unique: bool = False

    def as_column(self, role: str) -> Column:
        """The metadata that such a column gets; zeros and ones are shown as numbers of two kinds."""
        kind, strategy = self.data_type, ""
        if self.numbers:
            kind = "numeric" if kind == "logical" or role == "key" else "numericMeasure"
            strategy = "mode" if self.data_type == "logical" and role != "key" else ""
        return Column(kind, role, strategy, strategy).with_defaults()


def match(names: Iterable[str]) -> dict[str, str]:
    """Names by how they compare: without surrounding blanks and case."""
    return {name.strip().casefold(): name for name in names}


def read_data_type(word: Any) -> str:
    """A data type as a client writes it, in any case or as a number.

    Raises
    ------
    ValueError
        It is none; the message says so.
    """
    return _word("dataType", word, DATA_TYPES, _FIELDS["datatype"][2])


def read_columns(found: Any) -> dict[str, Column]:
    """The ``columns`` of a request: names to metadata, in any case, nulls and unknown fields passed over.

    Raises
    ------
    ColumnsError
        A word is unknown, a name is no text or there twice, or two columns are keys or timestamps.
    """
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ColumnsError({"columns": ["Expected an object of column names and their metadata."]})
    columns: dict[str, Column] = {}
    problems: dict[str, list[str]] = {}
    seen: dict[str, str] = {}
    for written, metadata in found.items():
        name = written.strip()
        if reason := name_problem(name):
            problems[name[:60].encode("utf-8", "replace").decode()] = [reason]
            continue
        first = seen.setdefault(name.casefold(), name)
        if first != name or name in columns:
            problems.setdefault(name, []).append(
                f"It is named twice, also as {first!r}; names are compared without case."
            )
            continue
        columns[name], reasons = _read(metadata)
        if reasons:
            problems[name] = reasons
    if problems or (problems := _conflicts(columns)):
        raise ColumnsError(problems)
    return columns


def merge(
    known: Mapping[str, Column],
    sent: Mapping[str, Column],
    found: Mapping[str, Found],
    *,
    has_rows: bool,
) -> dict[str, Column]:
    """The columns of a dataset after a request; names compare without case and keep their first spelling.

    What was sent replaces what is known: a role or a type that was not sent stays, and with a new type come
    its default strategies. New columns are as sent, else as found; in a dataset without rows
    one date column of unique values becomes the timestamp, and the single other column of numbers
    then the target. Others are features.

    Parameters
    ----------
    known, sent : mapping of Column
    found : mapping of Found
        Of the columns with values in the request.
    has_rows : bool
        Whether the dataset has rows already.

    Raises
    ------
    ColumnsError
        Two keys or two timestamps, a key beside a timestamp, or one of them given to a dataset with rows.
    """
    spelled = match([*known, *found, *sent])
    spelled.update(match([*found]) | match([*known]))
    order = dict.fromkeys([*known, *(spelled[name.strip().casefold()] for name in (*found, *sent))])
    sent = {spelled[name.strip().casefold()]: column for name, column in sent.items()}
    found = {spelled[name.strip().casefold()]: column for name, column in found.items()}
    columns = {}
    for name in order:
        given, seen = sent.get(name, Column()), found.get(name, Found(""))
        columns[name] = _replaced(known[name], given, seen) if name in known else _made(given, seen)
    if not has_rows:
        _give_roles(columns, sent, found)
    columns = {
        name: column if column.role else replace(column, role="feature") for name, column in columns.items()
    }
    problems = _conflicts(columns)
    if has_rows:
        for role in ("key", "timestamp"):
            for name, column in columns.items():
                if column.role == role and (name not in known or known[name].role != role):
                    reason = f"The role {role} can only be given while the dataset has no rows."
                    problems.setdefault(name, []).append(reason)
    if problems:
        raise ColumnsError(problems)
    return columns


def session_columns(
    columns: Mapping[str, Column], overrides: Mapping[str, Column], *, completed: bool = False
) -> dict[str, dict[str, str]]:
    """The columns of a session, JSON-ready: those of its dataset, as the request changes them, and the score.

    A column without a role is a feature; a target is none, as the only target is the score, which
    gets its strategies with ``completed``.

    Raises
    ------
    ColumnsError
        The request names a column that the dataset has not.
    """
    spelled, merged = match(columns), dict(columns)
    problems: dict[str, list[str]] = {}
    for name, given in overrides.items():
        own = spelled.get(name.strip().casefold())
        if own is not None:
            merged[own] = _replaced(columns[own], given, Found(""))
        elif name.strip().casefold() != SCORE:
            near = did_you_mean(name, columns) if len(problems) < MOST_HINTS else ""
            problems[name] = [f"The dataset has no such column.{near}"]
    if problems:
        raise ColumnsError(problems)
    answered = {}
    for name, column in merged.items():
        role = {"": "feature", "target": "none"}.get(column.role, column.role)
        answered[name] = replace(column, role=role).to_json()
    answered.pop(spelled.get(SCORE, ""), None)
    score = Column("numeric", "target")
    answered[SCORE] = (score.with_defaults() if completed else score).to_json()
    return answered


def _read(metadata: Any) -> tuple[Column, list[str]]:
    """One column's metadata, and what is wrong with it."""
    if metadata is None:
        return Column(), []
    if not isinstance(metadata, dict):
        return Column(), ["Expected an object with dataType, role, imputation and aggregation."]
    words, reasons = {}, []
    for key, value in metadata.items():
        field, known, numbers = _FIELDS.get(key.strip().casefold(), ("", (), {}))
        if field and value is not None:
            try:
                words[field] = _word(key[:20], value, known, numbers)
            except ValueError as error:
                reasons.append(str(error))
    return Column(**words), reasons


def _word(field: str, value: Any, known: tuple[str, ...], numbers: Mapping[int, str]) -> str:
    if isinstance(value, str):
        word = {name.casefold(): name for name in known}.get(value.strip().casefold())
    else:
        word = numbers.get(value) if isinstance(value, int) and not isinstance(value, bool) else None
    if word is None:
        shown = repr(value)[:40].encode("utf-8", "replace").decode()
        raise ValueError(f"{field} is {shown}; expected one of {', '.join(known)}.")
    return word


def name_problem(name: str) -> str:
    """Why no column can be called so; empty where one can."""
    if not name:
        return "A column needs a name."
    if not is_text(name) or "\0" in name:
        return "The name holds a zero byte or half a character (a lone surrogate). Rename the column."
    if len(name) > LONGEST_NAME:
        return f"The name has {len(name):,} characters; at most {LONGEST_NAME:,} are taken."
    return ""


def _conflicts(columns: Mapping[str, Column]) -> dict[str, list[str]]:
    """Columns that claim what only one can be."""
    problems: dict[str, list[str]] = {}
    roles = {
        role: [n for n, column in columns.items() if column.role == role] for role in ("key", "timestamp")
    }
    for role, names in roles.items():
        if len(names) > 1:
            for name in names:
                others = ", ".join(repr(other[:60]) for other in names[:5] if other != name)
                problems[name] = [f"Only one column can be the {role}; {others} is too."]
    if roles["key"] and roles["timestamp"] and not problems:
        key, stamp = roles["key"][0], roles["timestamp"][0]
        problems[key] = [f"Rows are known by a key or by a timestamp, and {stamp[:60]!r} is the timestamp."]
    return problems


def _replaced(known: Column, given: Column, seen: Found) -> Column:
    """A known column after what was sent for it."""
    role = given.role or known.role
    kind = "date" if role == "timestamp" else given.data_type
    if not (kind or known.data_type):  # it had no value until now
        known = seen.as_column(role)
    if kind and (given.data_type or kind != known.data_type):
        return Column(kind, role, given.imputation, given.aggregation).with_defaults()
    return Column(
        known.data_type,
        role,
        given.imputation or known.imputation,
        given.aggregation or known.aggregation,
    )


def _made(given: Column, seen: Found) -> Column:
    """A new column: as sent, and where nothing was sent as found."""
    if given.role == "timestamp":
        return Column("date", "timestamp", given.imputation, given.aggregation)
    if given.data_type:
        return given.with_defaults()
    made = seen.as_column(given.role)
    return Column(
        made.data_type,
        given.role,
        given.imputation or made.imputation,
        given.aggregation or made.aggregation,
    )


def _give_roles(columns: dict[str, Column], sent: Mapping[str, Column], found: Mapping[str, Found]) -> None:
    """Find the timestamp and the target of a dataset whose first rows have come."""
    roles = {column.role for column in columns.values()}
    free = [name for name, column in columns.items() if not column.role]
    if "key" not in roles and "timestamp" not in roles:
        dates = [name for name in free if columns[name].data_type == "date" and name in found]
        if len(dates) == 1 and found[dates[0]].unique:
            columns[dates[0]] = replace(columns[dates[0]], role="timestamp")
            roles.add("timestamp")
    if "timestamp" in roles and "target" not in roles:
        numbers = [name for name, column in columns.items() if column.data_type in _NUMBERS]
        if len(numbers) == 1 and numbers[0] in free:
            columns[numbers[0]] = replace(columns[numbers[0]], role="target")
