"""What comes in: names in any case; nulls and empty texts count as not sent, unknown names are ignored."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar, cast

import orjson
from apiflask import Schema
from flask import request
from marshmallow import EXCLUDE, ValidationError, fields, pre_load, validate
from webargs.multidictproxy import MultiDictProxy
from werkzeug.datastructures import MultiDict

from oddline.errors import LONGEST_NAME, LimitError, ParameterError, is_text
from oddline_api.nexosis.refusals import invalid
from oddline_workers.datasets.dates import read_date

__all__ = [
    "BODY_BYTES",
    "Choice",
    "Flag",
    "Lenient",
    "Moment",
    "Page",
    "Stamp",
    "Texts",
    "Value",
    "Word",
    "parse",
    "read_json",
    "takes_json",
]

View = TypeVar("View", bound=Callable[..., Any])

BODY_BYTES = 1 << 20
"""The largest body that says what to do; rows come by another way."""

MOST_PAGE = 1_000
MOST_PAGES = 1 << 31


class Lenient(Schema):
    """Fields whose names match without regard to case; of one sent twice the last value counts."""

    class Meta:
        unknown = EXCLUDE

    older: ClassVar[Mapping[str, str]] = {}
    """Names of earlier clients, taken where the newer one is absent."""

    @pre_load
    def fold(self, data: Any, **_: Any) -> dict[str, Any]:
        if isinstance(data, MultiDictProxy):
            sent_as = cast("MultiDict[str, str]", data.data)
            pairs: Iterable[tuple[Any, Any]] = sent_as.items(multi=True)
        elif isinstance(data, Mapping):
            pairs = data.items()
        else:
            raise ValidationError("is no object.")
        names = {(item.data_key or name).casefold(): (name, item) for name, item in self.load_fields.items()}
        sent: dict[str, Any] = {}
        old: dict[str, Any] = {}
        for key, value in pairs:
            folded = str(key).casefold()
            if value is None or value == "":
                continue
            if folded in names:
                name, item = names[folded]
                if isinstance(item, Texts) and isinstance(data, MultiDictProxy):
                    sent.setdefault(item.data_key or name, []).append(value)
                else:
                    sent[item.data_key or name] = value
            elif folded in self.older:
                old[self.older[folded]] = value
        return {**old, **sent}


class Word(fields.String):
    """A text of a bounded length that can be written."""

    default_error_messages = {"invalid": "is no text."}  # noqa: RUF012 - marshmallow's own way

    def __init__(self, *, longest: int = LONGEST_NAME, **more: Any) -> None:
        self.longest = longest
        super().__init__(metadata={"maxLength": longest, **more.pop("metadata", {})}, **more)

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        text = super()._deserialize(value, *args, **more)
        if text is None or len(text) > self.longest or not is_text(text) or "\x00" in text:
            raise ValidationError(
                f"is longer than {self.longest} characters, or holds some that no text has."
            )
        return text


class Value(Word):
    """A text, or a number that stands for one."""

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return super()._deserialize(str(value) if number else value, *args, **more)


class Texts(fields.List):
    """A list that a query gives by repeating its name, or with commas in between."""

    def __init__(self, **more: Any) -> None:
        super().__init__(Word(), **more)

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        return super()._deserialize([value] if isinstance(value, str) else value, *args, **more)


class Flag(fields.Field[bool]):
    """True or false, as such or as a text."""

    def __init__(self, **more: Any) -> None:
        super().__init__(metadata={"type": "boolean", **more.pop("metadata", {})}, **more)

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> bool:
        found = {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().casefold())
        if found is None:
            raise ValidationError(f"got {str(value)[:40]!r}; expected true or false.")
        return found


class Moment(fields.Field[str]):
    """A date in one of the forms that clients write; given on as datasets keep it."""

    def __init__(self, **more: Any) -> None:
        about = {"type": "string", "example": "2018-05-02T09:14:03+00:00", **more.pop("metadata", {})}
        super().__init__(metadata=about, **more)

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        try:
            return read_date(str(value), "it")
        except ParameterError as error:
            raise ValidationError(error.message) from None


class Stamp(Moment):
    """The same, given on as the store stamps: microseconds since 1970."""

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        moment = datetime.fromisoformat(super()._deserialize(value))
        return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


class Choice(fields.Field[str]):
    """One of some words, in any case.

    Parameters
    ----------
    *words : str
    also : mapping, optional
        Other forms in small letters, such as numbers of an enumeration, and the words they mean.
    """

    def __init__(self, *words: str, also: Mapping[str, str] | None = None, **more: Any) -> None:
        self.words = words
        self._known = {**{word.casefold(): word for word in words}, **(also or {})}
        about = {"type": "string", "enum": [*words], **more.pop("metadata", {})}
        super().__init__(metadata=about, **more)

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> str:
        word = self._known.get(str(value).strip().casefold())
        if word is None:
            raise ValidationError(f"got {str(value)[:40]!r}; expected one of {', '.join(self.words)}.")
        return word


class Page(Lenient):
    """Which page of a list, from 0."""

    page = fields.Integer(load_default=0, validate=validate.Range(0, MOST_PAGES - 1))
    page_size = fields.Integer(
        data_key="pageSize", load_default=50, validate=validate.Range(1, MOST_PAGE, error="{min} to {max}.")
    )


def parse(schema: type[Schema], value: Any, *, field: str = "") -> dict[str, Any]:
    """The value as the schema takes it; of a part of a body, the field that it stands in.

    Raises
    ------
    ParameterError
        With a sentence for each field that is wrong.
    """
    try:
        return dict(schema().load(value))
    except ValidationError as error:
        raise invalid(dict(_sentences(error.messages, field))) from None


def _sentences(told: Any, name: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(told, dict):
        for key, inner in told.items():
            yield from _sentences(inner, name if key == "_schema" else f"{name}.{key}".lstrip("."))
    else:
        yield name or "body", " ".join(map(str, told if isinstance(told, list) else [told]))


def takes_json(schema: type[Schema]) -> Callable[[View], View]:
    """Give a view the body of its request, read by a schema, as ``body``; whatever its content type is."""

    def wrap(view: View) -> View:
        @functools.wraps(view)
        def checked(*args: Any, **more: Any) -> Any:
            return view(*args, body=parse(schema, read_json()), **more)

        checked.json_body = schema  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return wrap


def read_json() -> dict[str, Any]:
    """The object in the body, whatever its content type; an empty body, or text, is an empty object.

    Raises
    ------
    LimitError
        413, it is too large.
    ParameterError
        It is no JSON, or no object.
    """
    if (request.content_length or 0) > BODY_BYTES:
        raise LimitError(f"The body is larger than {BODY_BYTES} bytes.", code="too_large", status=413)
    text = request.stream.read()
    try:
        found = (orjson.loads(text) if text.strip() else None) or {}
    except orjson.JSONDecodeError as error:
        raise invalid({"body": f"is no JSON: {error}."}) from None
    if not isinstance(found, dict):
        raise invalid({"body": "is no JSON object."})
    return found
