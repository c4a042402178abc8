"""Changes: recorded once, refused with their place, listed newest first, and kept from partners."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from rundblick.metrics.v1 import change_pb2 as pb
from rundblick.metrics.v1 import kpi_pb2
from rundblick.shared.v1 import page_pb2

from chassis.caller import DEVELOPMENT_CALLER, Caller
from chassis.calls import error_of
from chassis.ids import new_id, prefix_of
from chassis.mongo import Database
from chassis.times import to_timestamp
from services.metrics.change.domain import ChangeKind
from services.metrics.change.repository import MongoChangeRepository
from tests.callers import partner
from tests.metrics.change.conftest import ELSEWHERE, HERE, THERE, Changes, Serve, recorded
from tests.metrics.conftest import NOW, START

NOTHING = f"chg_{'0' * 26}"
PARTNER = partner("rundblick")


async def refused(changes: Changes, request: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await changes.call(request)
    return raised.value


async def kept(database: Database) -> int:
    return await database["changes"].count_documents({})


async def test_a_change_is_kept_as_it_was_recorded(changes: Changes, database: Database) -> None:
    at = START + timedelta(microseconds=1_999)
    made = await changes.record(
        at=at, touchpoint_ids=[THERE, HERE, THERE], description="Answers at night", kind=pb.CHANGE_KIND_BUSINESS_MODEL
    )
    assert prefix_of(made.id) == "chg"
    answer = await changes.call(pb.BatchGetChangesRequest(ids=[made.id]))
    assert answer.answers[made.id].value == made
    assert made == pb.Change(
        id=made.id,
        name="Chatbot",
        kind=pb.CHANGE_KIND_BUSINESS_MODEL,
        introduced_at=to_timestamp(START + timedelta(milliseconds=1)),
        touchpoint_ids=[THERE, HERE],
        description="Answers at night",
        recorded_at=to_timestamp(NOW),
        recorded_by="clerk",
    )
    document = await database["changes"].find_one({"_id": made.id})
    assert document is not None
    assert (document["source"], document["team"], document["owner"]) == ("rundblick", "tea_1", "emp_1")


async def test_a_change_of_no_touchpoint_and_without_description_has_none(changes: Changes) -> None:
    made = await changes.record(description="")
    found = (await changes.call(pb.BatchGetChangesRequest(ids=[made.id]))).answers[made.id].value
    assert list(found.touchpoint_ids) == []
    assert not found.HasField("description")


@pytest.mark.parametrize(
    ("fields", "path", "says"),
    [
        ({"name": " "}, ("name",), "1 to 200"),
        ({"name": "x" * 201}, ("name",), "1 to 200"),
        ({"kind": pb.CHANGE_KIND_UNSPECIFIED}, ("kind",), "BUSINESS_MODEL"),
        ({"kind": 99}, ("kind",), "TOOL"),
        ({"at": None}, ("introduced_at",), "a moment"),
        ({"description": "x" * 2_001}, ("description",), "2000"),
        ({"touchpoint_ids": [HERE, "website"]}, ("touchpoint_ids", "1"), "'website' is not the id of a touchpoint"),
        ({"touchpoint_ids": ["*"]}, ("touchpoint_ids", "0"), "tou_ and a ULID"),
        ({"touchpoint_ids": [new_id("cus")]}, ("touchpoint_ids", "0"), "tou_ and a ULID"),
        ({"touchpoint_ids": [new_id("tou") for _ in range(101)]}, ("touchpoint_ids",), "at most 100"),
        ({"idempotency_key": "x" * 201}, ("idempotency_key",), "at most 200"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place_and_not_kept(
    changes: Changes, database: Database, fields: dict[str, Any], path: Sequence[str], says: str
) -> None:
    error = await refused(changes, recorded(**fields))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    said = error_of(error)
    assert said.path == path
    assert says in said.message
    assert await kept(database) == 0


async def test_what_is_just_within_the_limits_is_taken(changes: Changes) -> None:
    ids = [new_id("tou") for _ in range(100)]
    made = await changes.record(name="x" * 200, description="y" * 2_000, touchpoint_ids=[*ids, *ids])
    assert list(made.touchpoint_ids) == ids


async def test_the_same_key_records_once_and_other_input_is_refused(changes: Changes, database: Database) -> None:
    first = await changes.record(idempotency_key="k", touchpoint_ids=[HERE])
    assert await changes.record(idempotency_key="k", touchpoint_ids=[HERE]) == first
    error = await refused(changes, recorded(idempotency_key="k", touchpoint_ids=[THERE]))
    assert error_of(error).code == "IDEMPOTENCY_MISMATCH"
    assert await kept(database) == 1


async def test_the_same_key_sent_by_many_at_once_records_once(changes: Changes, database: Database) -> None:
    made = await asyncio.gather(*(changes.record(idempotency_key="k") for _ in range(6)))
    assert {one.id for one in made} == {made[0].id}
    assert await kept(database) == 1


async def test_recording_needs_its_scope_and_reading_does_not(
    serve: Serve, changes: Changes, database: Database
) -> None:
    made = await changes.record()
    async with serve(Caller("reader", frozenset({"metrics:read"}))) as reader:
        assert (await refused(reader, recorded())).code() is grpc.StatusCode.PERMISSION_DENIED
        assert await reader.listed() == [made.name]
    assert await kept(database) == 1


@pytest.mark.parametrize(
    "request_of",
    [lambda _: recorded(), lambda id: pb.BatchGetChangesRequest(ids=[id]), lambda _: pb.ListChangesRequest()],
)
async def test_partners_neither_see_nor_record_changes(
    serve: Serve, changes: Changes, database: Database, request_of: Callable[[str], Any]
) -> None:
    made = await changes.record()
    async with serve(PARTNER) as partner:
        error = await refused(partner, request_of(made.id))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert await kept(database) == 1


async def test_an_unknown_id_has_an_error_of_its_own(changes: Changes) -> None:
    made = await changes.record()
    answers = (await changes.call(pb.BatchGetChangesRequest(ids=[NOTHING, made.id, "nonsense"]))).answers
    assert answers[made.id].value.id == made.id
    assert [answers[id].error.code for id in (NOTHING, "nonsense")] == ["NOT_FOUND", "NOT_FOUND"]
    error = await refused(changes, pb.BatchGetChangesRequest(ids=[made.id] * 501))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("backward", [False, True])
async def test_pages_give_each_once_newest_first(changes: Changes, backward: bool) -> None:
    """Some were introduced at the same moment, so that the id must part them."""
    made = [await changes.record(at=START + timedelta(days=number % 3)) for number in range(8)]
    ordered = sorted(made, key=lambda one: (one.introduced_at.ToDatetime(), one.id), reverse=True)
    seen: list[str] = []
    page = page_pb2.PageRequest(last=3) if backward else page_pb2.PageRequest(first=3)
    while True:
        answer = await changes.call(pb.ListChangesRequest(page=page))
        found = [edge.node.id for edge in answer.edges]
        assert len(found) <= 3
        seen = [*found, *seen] if backward else [*seen, *found]
        info = answer.page_info
        if not (info.has_previous_page if backward else info.has_next_page):
            break
        page = (
            page_pb2.PageRequest(last=3, before=info.start_cursor)
            if backward
            else page_pb2.PageRequest(first=3, after=info.end_cursor)
        )
    assert seen == [one.id for one in ordered]


async def test_filters_leave_what_they_name(changes: Changes) -> None:
    # Berlin is an hour ahead of UTC then: the last two lie on different days there, and on one in UTC.
    midnight = datetime(2026, 3, 3, 23, tzinfo=UTC)
    before = midnight - timedelta(milliseconds=1)
    await changes.record(name="tool here", touchpoint_ids=[HERE], at=START)
    await changes.record(name="price there", touchpoint_ids=[THERE, ELSEWHERE], kind=pb.CHANGE_KIND_PRICE, at=before)
    await changes.record(name="staff everywhere", kind=pb.CHANGE_KIND_STAFFING, at=midnight)

    assert await changes.listed() == ["staff everywhere", "price there", "tool here"]
    assert await changes.listed(kinds=[pb.CHANGE_KIND_TOOL]) == ["tool here"]
    assert await changes.listed(kinds=[pb.CHANGE_KIND_TOOL, pb.CHANGE_KIND_PRICE]) == ["price there", "tool here"]
    assert await changes.listed(touchpoint_ids=[HERE]) == ["staff everywhere", "tool here"]
    # Both of its touchpoints are asked for, and it comes once.
    assert await changes.listed(touchpoint_ids=[THERE, ELSEWHERE]) == ["staff everywhere", "price there"]
    assert await changes.listed(touchpoint_ids=[HERE], kinds=[pb.CHANGE_KIND_PRICE]) == []
    until = kpi_pb2.Period(start=to_timestamp(START), end=to_timestamp(before))
    assert await changes.listed(period=until) == ["price there", "tool here"]
    since = kpi_pb2.Period(start=to_timestamp(midnight), end=to_timestamp(NOW))
    assert await changes.listed(period=since) == ["staff everywhere"]


@pytest.mark.parametrize(
    ("filter", "path"),
    [
        (pb.ChangeFilter(kinds=[99]), ("kind",)),  # type: ignore[list-item]  # no such kind
        (pb.ChangeFilter(touchpoint_ids=["website"]), ("touchpoint_ids", "0")),
        (pb.ChangeFilter(touchpoint_ids=[new_id("tou") for _ in range(101)]), ("touchpoint_ids",)),
        (pb.ChangeFilter(period=kpi_pb2.Period(start=to_timestamp(START))), ("period",)),
        (
            pb.ChangeFilter(period=kpi_pb2.Period(start=to_timestamp(NOW), end=to_timestamp(START))),
            ("period", "end"),
        ),
    ],
)
async def test_a_filter_that_cannot_be_is_refused(changes: Changes, filter: pb.ChangeFilter, path: Any) -> None:
    error = await refused(changes, pb.ListChangesRequest(filter=filter))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error_of(error).path == path


async def test_what_was_introduced_at_the_same_time_is_named_without_the_one(
    changes: Changes, database: Database
) -> None:
    day = timedelta(days=1)
    names = {"before": START - day, "late": START + 2 * day, "at the start": START, "one": START + day}
    made = {name: await changes.record(name=name, at=at) for name, at in names.items()}
    await changes.record(name="at the end", at=START + 3 * day)
    repository = MongoChangeRepository(database)
    window = (START, START + 3 * day)
    found = await repository.overlapping(DEVELOPMENT_CALLER, *window, made["one"].id)
    assert [change.name for change in found] == ["at the start", "late"]
    assert {change.kind for change in found} == {ChangeKind.TOOL}
    shop = partner("shop")
    assert await repository.overlapping(shop, *window, made["one"].id) == []
