"""Events come in over gRPC: once each, bad ones refused singly."""

import asyncio

import grpc
import pytest

from chassis.calls import error_of
from chassis.errors import Exhausted
from chassis.mongo import Database
from tests.callers import partner
from tests.metrics.conftest import Running, Serve, event, observation, query


async def test_the_same_event_is_counted_once(metrics: Running) -> None:
    first = await metrics.ingest(event("a", observation(60)), event("b", observation(90)))
    again = await metrics.ingest(event("a", observation(60)), event("c", observation(30)))
    assert (first.accepted, first.known) == (2, 0)
    assert (again.accepted, again.known) == (1, 1)
    await metrics.fold()
    assert (await metrics.result(query())).n == 3


async def test_the_same_event_sent_by_many_at_once_is_counted_once(metrics: Running) -> None:
    await asyncio.gather(
        *(metrics.ingest(event("a", observation(60)), event(f"b{i}", observation(1))) for i in range(8))
    )
    await metrics.fold()
    assert (await metrics.result(query())).n == 9


async def test_a_bad_event_does_not_stop_the_others(metrics: Running) -> None:
    bad = event("bad", observation(60), name="Not A Name")
    nothing = event("nothing", None)
    absurd = event("absurd", observation(60))
    absurd.after.value = float("inf")
    answer = await metrics.ingest(bad, nothing, absurd, event("good", observation(60)))
    assert answer.accepted == 1
    assert [(one.id, one.error.code, list(one.error.path)) for one in answer.rejected] == [
        ("bad", "INVALID", ["name"]),
        ("nothing", "INVALID", ["after"]),
        ("absurd", "INVALID", ["after", "value"]),
    ]


async def test_positions_are_the_order_of_commits_without_gaps(metrics: Running, database: Database) -> None:
    await asyncio.gather(*(metrics.ingest(*(event(f"{i}-{j}", observation(1)) for j in range(7))) for i in range(9)))
    positions = sorted([document["n"] async for document in database["events"].find({}, {"n": 1})])
    assert positions == list(range(1, 64))


async def test_a_full_backlog_refuses_and_takes_nothing(serve: Serve, database: Database) -> None:
    async with serve(backlog=2) as metrics:
        await metrics.ingest(event("a", observation(1)), event("b", observation(1)))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await metrics.ingest(event("c", observation(1)))
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        hints = dict(refused.value.trailing_metadata() or ())
        assert 500 <= int(hints["grpc-retry-pushback-ms"]) <= 60_000
        said = error_of(refused.value)
        assert isinstance(said, Exhausted)
        assert said.retry_seconds is not None
        assert await database["events"].count_documents({}) == 2
        await metrics.fold()
        assert (await metrics.ingest(event("c", observation(1)))).accepted == 1


async def test_a_partner_brings_in_events_of_its_own_sources_alone(serve: Serve) -> None:
    outside = partner("shop")
    async with serve(outside) as metrics:
        answer = await metrics.ingest(event("a", observation(1)), event("b", observation(1), source="other"))
        assert answer.accepted == 1
        assert [(one.id, one.error.code) for one in answer.rejected] == [("b", "FORBIDDEN")]
