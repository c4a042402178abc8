"""A lease has one holder, and a new one when the old is gone."""

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
