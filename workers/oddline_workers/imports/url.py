"""Imports from an http or https address."""

from __future__ import annotations

from collections.abc import Mapping

from oddline.errors import ParameterError
from oddline_workers import addresses
from oddline_workers.imports.fields import Fields
from oddline_workers.imports.target import Target
from oddline_workers.settings import Settings

__all__ = ["check", "shown", "target"]


def check(fields: Fields) -> dict[str, str]:
    """What the request says: ``url``, and ``userId`` and ``password`` where it has them.

    They stand under ``auth.basic``, or straight under ``auth``.
    """
    source = {"url": fields.text("url", "an http or https address", longest=addresses.LONGEST)}
    if source["url"]:
        try:
            addresses.read(source["url"])
        except ParameterError as error:
            fields.refuse("url", error.message)
    auth = Fields(fields.object("auth"), "auth.")
    basic = Fields(auth.object("basic"), "auth.basic.") if "basic" in auth else auth
    if fields.object("auth"):
        source |= {
            "userId": basic.text("userId", "a name", needed=False),
            "password": basic.text("password", "a password", needed=False),
        }
    fields.problems |= auth.problems | basic.problems
    return source


def shown(source: Mapping[str, str]) -> dict[str, str]:
    """The address without the user and the query, which may hold a signature."""
    address = addresses.read(source["url"])
    return {"url": address.place + address.path}


def target(source: Mapping[str, str], settings: Settings) -> Target:
    """The request to that address."""
    named = source.get("userId") or source.get("password")
    auth = (source.get("userId", ""), source.get("password", "")) if named else None
    return Target(source["url"], auth=auth)
