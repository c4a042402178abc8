"""A lease has one holder, and a new one when the old is gone."""

import asyncio
from datetime import datetime

from chassis.lease import Lease
from chassis.mongo import Database


async def test_of_two_holders_one_has_the_lease(database: Database) -> None:
    first, second = Lease(database, "job", "a"), Lease(database, "job", "b")
    assert await first.hold()
    assert not await second.hold()
    assert await first.hold()
    assert first.fence == 1


async def test_a_released_lease_is_taken_by_the_other_and_the_fence_grows(database: Database) -> None:
    first, second = Lease(database, "job", "a"), Lease(database, "job", "b")
    assert await first.hold()
    await first.release()
    assert await second.hold()
    assert second.fence == first.fence + 1
    assert not await first.hold()


async def test_a_lease_that_was_not_renewed_is_taken_over_and_the_fence_tells(database: Database) -> None:
    first, second = Lease(database, "job", "a", seconds=0), Lease(database, "job", "b")
    assert await first.hold()
    assert await second.hold()
    assert (first.fence, second.fence) == (1, 2)
    assert not await first.hold()


async def test_releasing_what_another_holds_changes_nothing(database: Database) -> None:
    first, second = Lease(database, "job", "a", seconds=0), Lease(database, "job", "b")
    assert await first.hold()
    assert await second.hold()
    await first.release()
    assert not await first.hold()
    assert await second.hold()


async def test_leases_of_different_jobs_are_held_apart(database: Database) -> None:
    assert await Lease(database, "job", "a").hold()
    assert await Lease(database, "other job", "b").hold()


async def test_a_lease_is_kept_however_long_a_step_takes(database: Database) -> None:
    mine, other = Lease(database, "job", "a", seconds=0.6), Lease(database, "job", "b", seconds=0.6)
    assert await mine.hold()
    first = await until(database)
    async with mine.renewed():
        # Longer than it would be held without.
        for _ in range(100):
            if await until(database) > first:
                break
            await asyncio.sleep(0.05)
        assert await until(database) > first
        assert not await other.hold()


async def until(database: Database) -> datetime:
    document = await database["leases"].find_one({"_id": "job"})
    assert document is not None
    held: datetime = document["until"]
    return held
