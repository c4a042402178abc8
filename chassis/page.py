"""Keyset pages: opaque cursors that name the place, so that a page costs the same wherever it lies."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import bson
from bson.errors import BSONError
from rundblick.shared.v1 import page_pb2

from chassis.errors import InvalidInput

T = TypeVar("T")

DEFAULT_SIZE = 20
LARGEST_SIZE = 100

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

# What a cursor holds: the values of the order's fields at one item.
Boundary = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """size items after (or, backward, before) a boundary."""

    size: int
    backward: bool = False
    boundary: Boundary | None = None


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """The items of a page in the list's own order, each with its boundary."""

    items: tuple[T, ...]
    boundaries: tuple[Boundary, ...]
    has_next: bool
    has_previous: bool


def encode_cursor(boundary: Boundary) -> str:
    # Whole numbers throughout: a float is off by a millisecond now and then, and an item would come twice or never.
    values = [{"ms": (value - _EPOCH) // _MS} if isinstance(value, datetime) else value for value in boundary]
    return base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, kinds: Sequence[type], path: str) -> Boundary:
    """The values a cursor holds. InvalidInput: it is none, or holds others."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        boundary = tuple(
            _EPOCH + int(value["ms"]) * _MS if kind is datetime else value
            for value, kind in zip(values, kinds, strict=True)
        )
        # Half a character or a number of a hundred digits is JSON, but nothing MongoDB can be asked for.
        bson.encode({"boundary": boundary})
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, BSONError):
        raise InvalidInput("this is not a cursor of this list", (path,)) from None
    if not all(isinstance(value, kind) for value, kind in zip(boundary, kinds, strict=True)):
        raise InvalidInput("this is not a cursor of this list", (path,))
    return boundary


def page_of(request: page_pb2.PageRequest, kinds: Sequence[type], *, largest: int = LARGEST_SIZE) -> Page:
    """Read a page request; `kinds`: the types of the order's fields. InvalidInput: as said in page.proto."""
    if request.HasField("first") and request.HasField("last"):
        raise InvalidInput("give first or last, not both", ("last",))
    backward = request.HasField("last") or (request.HasField("before") and not request.HasField("first"))
    size_name, cursor_name, wrong = ("last", "before", "after") if backward else ("first", "after", "before")
    if request.HasField(wrong):  # type: ignore[arg-type]  # the name is one of two literals
        raise InvalidInput(f"{wrong} goes with {'first' if backward else 'last'}", (wrong,))
    size = getattr(request, size_name) if request.HasField(size_name) else min(DEFAULT_SIZE, largest)  # type: ignore[arg-type]  # as above
    if size < 0:
        raise InvalidInput(f"{size_name} must not be negative", (size_name,))
    if size > largest:
        raise InvalidInput(f"{size_name} is at most {largest}", (size_name,))
    cursor = getattr(request, cursor_name)
    return Page(size, backward, decode_cursor(cursor, kinds, cursor_name) if cursor else None)


def keyset_filter(order: Sequence[tuple[str, int]], page: Page) -> dict[str, Any]:
    """The MongoDB condition for items beyond the page's boundary; empty for the first page."""
    if page.boundary is None:
        return {}
    alternatives = []
    for i, (name, direction) in enumerate(order):
        beyond = "$gt" if (direction > 0) != page.backward else "$lt"
        equal = {earlier: page.boundary[j] for j, (earlier, _) in enumerate(order[:i])}
        alternatives.append({**equal, name: {beyond: page.boundary[i]}})
    # The bound on the leading field lets the index start there, which an $or alone does not promise.
    name, direction = order[0]
    reach = "$gte" if (direction > 0) != page.backward else "$lte"
    return {"$and": [{name: {reach: page.boundary[0]}}, {"$or": alternatives}]}


def keyset_sort(order: Sequence[tuple[str, int]], page: Page) -> list[tuple[str, int]]:
    return [(name, -direction if page.backward else direction) for name, direction in order]


def slice_of(found: Sequence[T], boundaries: Sequence[Boundary], page: Page) -> Slice[T]:
    """found: size + 1 items, as read in the direction of the page."""
    more = len(found) > page.size
    items, places = list(found[: page.size]), list(boundaries[: page.size])
    if page.backward:
        items.reverse()
        places.reverse()
    beyond = page.boundary is not None
    return Slice(
        tuple(items),
        tuple(places),
        has_next=beyond if page.backward else more,
        has_previous=more if page.backward else beyond,
    )


def page_info(part: Slice[Any]) -> page_pb2.PageInfo:
    info = page_pb2.PageInfo(has_next_page=part.has_next, has_previous_page=part.has_previous)
    if part.boundaries:
        info.start_cursor = encode_cursor(part.boundaries[0])
        info.end_cursor = encode_cursor(part.boundaries[-1])
    return info
