"""Pages of lists and of rows: which part is asked for, and the links to the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from oddline_api import jsontext
from oddline_api.nexosis.answers import JSON, here, link
from oddline_api.streams import WHOLE_BYTES, flow

__all__ = ["about", "answer", "bounds", "links", "part"]


def bounds(query: Mapping[str, Any]) -> tuple[int, int]:
    """The first place of the page that a query asks for, and the one behind its last."""
    start = query["page"] * query["page_size"]
    return start, start + query["page_size"]


def part(items: Sequence[Any], query: Mapping[str, Any]) -> Sequence[Any]:
    """The page of what is all there."""
    start, stop = bounds(query)
    return items[start:stop]


def about(query: Mapping[str, Any], total: int) -> dict[str, int]:
    """What stands beside the page: its number and size, and how many there are."""
    return {
        "pageNumber": query["page"],
        "totalPages": -(-total // query["page_size"]),
        "pageSize": query["page_size"],
        "totalCount": total,
    }


def links(query: Mapping[str, Any], total: int) -> list[dict[str, str]]:
    """The first page, the next if there is one, the last, and this one; the request's query with a page."""
    asked = [pair for pair in request.args.items(multi=True) if pair[0].casefold() != "page"]
    last = max(0, -(-total // query["page_size"]) - 1)
    pages = {"first": 0, "next": query["page"] + 1, "last": last}
    if query["page"] >= last:
        del pages["next"]
    found = [
        link(rel, here() + "?" + urlencode([*asked, ("page", page)], errors="replace"))
        for rel, page in pages.items()
    ]
    sent = urlencode([*request.args.items(multi=True)], errors="replace")
    return [*found, link("self", here() + ("?" + sent if sent else ""))]


def answer(items: Iterable[Any], query: Mapping[str, Any], total: int) -> Response:
    """A page of a list. Items are written as they come, so that no large page is ever held whole.

    Parameters
    ----------
    items : iterable
        Those of the page; what is still to come may be asked for when the request is over.
    query : mapping
    total : int
        How many there are on all pages.

    Raises
    ------
    LimitError
        503, too many large answers are under way.
    """
    tail = jsontext.write({**about(query, total), "links": links(query, total)})
    blocks = _blocks(items, b"]," + tail[1:])
    begun = [*islice(blocks, 2)]
    if len(begun) == 1:
        return Response(begun[0], content_type=JSON)
    return flow(chain(begun, blocks), JSON)


def _blocks(items: Iterable[Any], tail: bytes) -> Iterator[bytes]:
    block = bytearray(b'{"items":[')
    for place, item in enumerate(items):
        block += (b"," if place else b"") + jsontext.write(item)
        if len(block) >= WHOLE_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block + tail)
