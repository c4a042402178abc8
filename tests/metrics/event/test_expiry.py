"""Raw events go after a while; what they counted stays, and can be corrected and never counted again."""

from datetime import datetime, timedelta

from chassis.mongo import Database
from services.metrics.wiring import MetricsService
from tests.metrics.conftest import NOW, Running, Serve, event, observation, query

LATER = NOW + timedelta(days=100)


def service_at(database: Database, now: datetime) -> MetricsService:
    return MetricsService(database, lambda: now, event_days=30)


async def test_an_expired_event_stays_counted_and_is_known(metrics: Running, database: Database) -> None:
    old = event("a/1", observation(60), subject="a")
    old.recorded_at.FromDatetime(NOW)
    await metrics.ingest(old)
    await metrics.fold()
    assert await service_at(database, LATER).expiry.expire_once() == 1
    assert await database["events"].count_documents({}) == 0
    assert (await metrics.ingest(old)).known == 1
    corrected = event("a/2", observation(90), before=observation(60), subject="a")
    corrected.recorded_at.FromDatetime(LATER)
    assert (await metrics.ingest(corrected)).accepted == 1
    await metrics.fold()
    result = await metrics.result(query())
    assert (result.n, result.mean) == (1, 90)


async def test_what_is_not_counted_yet_does_not_go(metrics: Running, database: Database) -> None:
    await metrics.ingest(event("a/1", observation(60)))
    assert await service_at(database, LATER).expiry.expire_once() == 0
    await metrics.fold()
    assert (await metrics.result(query())).n == 1


async def test_what_a_producer_may_still_send_again_does_not_go(serve: Serve, database: Database) -> None:
    async with serve() as metrics:
        await metrics.ingest(event("a/1", observation(60)), event("b/1", observation(60)))
        await metrics.fold()
        # The producer has parked something that it recorded a moment ago.
        service = service_at(database, LATER)
        await service._deliveries.note("service:feedback", LATER, NOW)
        assert await service.expiry.expire_once() == 0
        await service._deliveries.note("service:feedback", LATER, LATER)
        assert await service.expiry.expire_once() == 2


async def test_only_the_old_ones_go(metrics: Running, database: Database) -> None:
    await metrics.ingest(*(event(f"e{number}", observation(60)) for number in range(5)))
    await metrics.fold()
    young = {"$set": {"at": LATER - timedelta(days=1)}}
    await database["events"].update_many({"n": {"$gt": 3}}, young)
    assert await service_at(database, LATER).expiry.expire_once() == 3
    assert sorted([one["n"] async for one in database["events"].find()]) == [4, 5]
    assert await service_at(database, LATER).expiry.expire_once() == 0
