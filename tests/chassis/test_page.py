"""Pages visit every item once, from either end, and refuse what is no cursor of theirs."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rundblick.shared.v1 import page_pb2

from chassis.errors import InvalidInput
from chassis.mongo import Collection, Database
from chassis.page import (
    DEFAULT_SIZE,
    LARGEST_SIZE,
    Slice,
    encode_cursor,
    keyset_filter,
    keyset_sort,
    page_info,
    page_of,
    slice_of,
)

KINDS = (datetime, str)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(-62_135_596_800_000, 253_402_300_799_999).map(lambda ms: EPOCH + timedelta(milliseconds=ms))
# Few moments, so that many items share one and the second field must part them.
tied_moments = st.integers(0, 6).map(lambda ms: EPOCH + timedelta(days=20_000, milliseconds=ms))
orders = st.sampled_from([[("at", -1), ("_id", -1)], [("at", 1), ("_id", 1)], [("at", -1), ("_id", 1)]])


async def ask(collection: Collection, order: list[tuple[str, int]], request: page_pb2.PageRequest) -> Slice[str]:
    """As each repository does."""
    page = page_of(request, KINDS)
    cursor = collection.find(keyset_filter(order, page)).sort(keyset_sort(order, page)).limit(page.size + 1)
    found = await cursor.to_list(None)
    return slice_of([item["_id"] for item in found], [tuple(item[name] for name, _ in order) for item in found], page)


async def walk(collection: Collection, order: list[tuple[str, int]], size: int, *, backward: bool) -> list[str]:
    """All items, page by page; in the list's own order either way."""
    pages: list[tuple[str, ...]] = []
    request = page_pb2.PageRequest(last=size) if backward else page_pb2.PageRequest(first=size)
    while True:
        part = await ask(collection, order, request)
        info = page_info(part)
        assert len(part.items) <= size
        pages.append(part.items)
        assert (info.has_next_page if backward else info.has_previous_page) == (len(pages) > 1)
        if not (info.has_previous_page if backward else info.has_next_page):
            break
        assert len(part.items) == size
        if backward:
            request = page_pb2.PageRequest(last=size, before=info.start_cursor)
        else:
            request = page_pb2.PageRequest(first=size, after=info.end_cursor)
    return [item for page in (reversed(pages) if backward else pages) for item in page]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.lists(st.one_of(tied_moments, moments), max_size=25), size=st.integers(1, 7), order=orders)
@example(at=[EPOCH + timedelta(milliseconds=1_511_740_866_303)] * 3, size=1, order=[("at", -1), ("_id", -1)])
async def test_paging_either_way_visits_every_item_once_in_order(
    database: Database, at: list[datetime], size: int, order: list[tuple[str, int]]
) -> None:
    collection = database["items"]
    await collection.delete_many({})
    if at:
        await collection.insert_many([{"_id": f"{place:03}", "at": moment} for place, moment in enumerate(at)])
    expected = [item["_id"] for item in await collection.find().sort(order).to_list(None)]
    assert await walk(collection, order, size, backward=False) == expected
    assert await walk(collection, order, size, backward=True) == expected


async def test_an_item_that_arrives_while_one_pages_is_not_shown_twice(database: Database) -> None:
    collection, order = database["items"], [("at", -1), ("_id", -1)]
    await collection.insert_many([{"_id": str(hour), "at": EPOCH + timedelta(hours=hour)} for hour in range(4)])
    first = await ask(collection, order, page_pb2.PageRequest(first=2))
    await collection.insert_one({"_id": "new", "at": EPOCH + timedelta(days=9)})
    after = page_info(first).end_cursor
    assert first.items + (await ask(collection, order, page_pb2.PageRequest(first=2, after=after))).items == (
        "3",
        "2",
        "1",
        "0",
    )


async def test_a_page_of_none_only_says_whether_there_is_more(database: Database) -> None:
    await database["items"].insert_one({"_id": "1", "at": EPOCH})
    part = await ask(database["items"], [("at", 1), ("_id", 1)], page_pb2.PageRequest(first=0))
    assert (part.items, part.has_next) == ((), True)
    assert not page_info(part).HasField("end_cursor")


@given(moments)
def test_a_cursor_names_its_moment_exactly(at: datetime) -> None:
    request = page_pb2.PageRequest(first=1, after=encode_cursor((at, "id")))
    assert page_of(request, KINDS).boundary == (at, "id")


def test_without_a_size_a_page_has_the_usual_one_or_the_largest_allowed() -> None:
    assert page_of(page_pb2.PageRequest(), KINDS).size == DEFAULT_SIZE
    assert page_of(page_pb2.PageRequest(), KINDS, largest=5).size == 5


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (page_pb2.PageRequest(first=-1), "first"),
        (page_pb2.PageRequest(last=-1), "last"),
        (page_pb2.PageRequest(first=LARGEST_SIZE + 1), "first"),
        (page_pb2.PageRequest(last=LARGEST_SIZE + 1), "last"),
        (page_pb2.PageRequest(first=1, last=1), "last"),
        (page_pb2.PageRequest(first=1, before=encode_cursor((EPOCH, "a"))), "before"),
        (page_pb2.PageRequest(last=1, after=encode_cursor((EPOCH, "a"))), "after"),
    ],
)
def test_a_page_that_makes_no_sense_is_refused_with_its_field(request_: page_pb2.PageRequest, path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        page_of(request_, KINDS)
    assert refused.value.path == (path,)


def cursor_of(values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


BAD_CURSORS = {
    "no base64": "%%%",
    "no ASCII": "ü",
    "no JSON": base64.urlsafe_b64encode(b"no json").decode(),
    "no list": cursor_of(7),
    "too few": cursor_of([{"ms": 1}]),
    "too many": cursor_of([{"ms": 1}, "a", "b"]),
    "no moment": cursor_of([1, "a"]),
    "no number": cursor_of([{"ms": "x"}, "a"]),
    "beyond the calendar": cursor_of([{"ms": 10**18}, "a"]),
    "beyond all numbers": cursor_of([{"ms": 10**400}, "a"]),
    "endless": base64.urlsafe_b64encode(b'[{"ms":1e999},"a"]').decode(),
    "an operator": cursor_of([{"ms": 1}, {"$gt": ""}]),
    "half a character": base64.urlsafe_b64encode(b'[{"ms":1},"\\ud800"]').decode(),
    "deep": base64.urlsafe_b64encode(b"[" * 100_000).decode(),
}


@pytest.mark.parametrize("cursor", BAD_CURSORS.values(), ids=BAD_CURSORS.keys())
def test_what_is_no_cursor_of_the_list_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        page_of(page_pb2.PageRequest(first=1, after=cursor), KINDS)
    assert refused.value.path == ("after",)


def test_a_number_the_database_cannot_hold_is_no_cursor() -> None:
    with pytest.raises(InvalidInput):
        page_of(page_pb2.PageRequest(first=1, after=cursor_of([2**63])), (int,))
