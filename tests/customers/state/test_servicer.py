"""States over gRPC: what reading them costs, and what the self-check finds."""

from rundblick.customers.v1 import state_pb2
from rundblick.shared.v1 import verification_pb2

from chassis.mongo import Database
from services.customers.wiring import CustomersService
from tests.commands import Commands
from tests.customers.conftest import Clock, Running
from tests.customers.customer.test_merges import created


async def test_a_state_costs_as_much_for_many_as_for_one(
    customers: Running, database: Database, commands: Commands, clock: Clock
) -> None:
    ids = [(await created(customers, number)).id for number in range(12)]
    service = CustomersService(database, clock)
    await service._standing.judge(ids)
    for asked in (ids[:1], ids):
        with commands.recorded():
            answers = (await customers.call(state_pb2.BatchGetStatesRequest(customer_ids=asked))).answers
        assert {answer.value.engagement for answer in answers.values()} == {"NEW"}
        assert len(commands.found) <= 2
        assert await commands.unindexed() == []
    with commands.recorded():
        await customers.call(state_pb2.BatchListStateChangesRequest(customer_ids=ids))
    assert len(commands.found) <= 2
    assert await commands.unindexed() == []
    with commands.recorded():
        await service._standing.judge(ids)
    assert await commands.unindexed() == []


async def test_the_check_names_a_state_that_does_not_follow(
    customers: Running, database: Database, clock: Clock
) -> None:
    ids = [(await created(customers, number)).id for number in range(3)]
    await CustomersService(database, clock)._standing.judge(ids[:2])
    asked = verification_pb2.CheckBatchRequest(part="states", size=10)
    answer = await customers.call(asked)
    assert (answer.examined, list(answer.differences)) == (3, [])
    await database["states"].update_one({"_id": ids[0]}, {"$set": {"judged.ENGAGEMENT.value": "LOST"}})
    [difference] = (await customers.call(asked)).differences
    assert (difference.what, difference.id) == ("state", ids[0])
    assert difference.detail == "ENGAGEMENT follows to be NEW, is LOST"
