"""Interactions over gRPC: facts are taken once each, and make a journey."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rundblick.customers.v1 import customer_pb2
from rundblick.customers.v1 import interaction_pb2 as pb
from rundblick.shared.v1 import page_pb2

from chassis.caller import Caller
from chassis.ids import new_id
from chassis.times import to_timestamp
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Running

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def fact(customer: str | None, minutes: int = 0, **fields: Any) -> pb.Interaction:
    given = {
        "id": new_id("int"),
        "source": "rundblick",
        "direction": pb.DIRECTION_INBOUND,
        "kind": pb.INTERACTION_KIND_VISIT,
        **fields,
    }
    return pb.Interaction(customer_id=customer, occurred_at=to_timestamp(NINE + timedelta(minutes=minutes)), **given)


async def a_customer(customers: Running) -> str:
    request = customer_pb2.CreateCustomerRequest(
        kind=customer_pb2.CUSTOMER_KIND_PERSON, fields=customer_pb2.CustomerFields(display_name="Ada")
    )
    return str((await customers.call(request)).customer.id)


async def journey(customers: Running, id: str, caller: Caller | None = None, **fields: Any) -> list[pb.Interaction]:
    answer = await customers.call(pb.BatchListInteractionsRequest(customer_ids=[id], **fields), caller)
    return [edge.node for edge in answer.pages[id].edges]


async def test_a_fact_that_comes_again_is_there_once(customers: Running) -> None:
    id = await a_customer(customers)
    request = pb.RecordInteractionsRequest(interactions=[fact(id, 0), fact(id, 5)])
    for _ in range(3):
        answers = (await customers.call(request)).answers
        assert [answer.value.id for answer in answers] == [one.id for one in request.interactions]
    found = await journey(customers, id)
    assert [one.id for one in found] == [request.interactions[1].id, request.interactions[0].id]
    assert all(one.source_record_id for one in found), "a fact on a golden record takes our own source record"


async def test_a_bad_fact_does_not_stop_the_others(customers: Running) -> None:
    id = await a_customer(customers)
    request = pb.RecordInteractionsRequest(
        idempotency_key="k",
        interactions=[
            fact(f"cus_{NOBODY}"),
            fact(id, id="nonsense"),
            fact(id, direction=pb.DIRECTION_UNSPECIFIED),
            fact(id),
            fact(None),
        ],
    )
    answers = (await customers.call(request)).answers
    assert [answer.error.code for answer in answers] == ["NOT_FOUND", "INVALID", "INVALID", "", ""]
    assert answers == (await customers.call(request)).answers
    assert len(await journey(customers, id)) == 1


async def test_a_journey_is_filtered_and_paged(customers: Running) -> None:
    id = await a_customer(customers)
    facts = [fact(id, minutes, kind=pb.INTERACTION_KIND_CALL) for minutes in range(5)]
    facts[2].direction = pb.DIRECTION_OUTBOUND
    await customers.call(pb.RecordInteractionsRequest(interactions=facts))
    outbound = pb.InteractionFilter(direction=pb.DIRECTION_OUTBOUND)
    assert [one.id for one in await journey(customers, id, filter=outbound)] == [facts[2].id]
    between: dict[str, Any] = {"from": facts[1].occurred_at, "to": facts[3].occurred_at}
    found = await journey(customers, id, filter=pb.InteractionFilter(**between))
    assert [one.id for one in found] == [facts[2].id, facts[1].id]
    request = pb.BatchListInteractionsRequest(customer_ids=[id], page=page_pb2.PageRequest(first=3))
    first = (await customers.call(request)).pages[id]
    assert first.page_info.has_next_page
    rest = await journey(customers, id, page=page_pb2.PageRequest(first=3, after=first.page_info.end_cursor))
    assert [edge.node.id for edge in first.edges] + [one.id for one in rest] == [one.id for one in facts[::-1]]


async def test_a_partner_sees_what_came_in_through_its_own_sources(customers: Running) -> None:
    id = await a_customer(customers)
    facts = [fact(id, source="shop"), fact(id)]
    await customers.call(pb.RecordInteractionsRequest(interactions=facts))
    outside = partner("shop")
    assert [one.id for one in await journey(customers, id, outside)] == [facts[0].id]
    refused = await customers.call(pb.RecordInteractionsRequest(interactions=[fact(None)]), outside)
    assert refused.answers[0].error.code == "FORBIDDEN"


@pytest.mark.parametrize("count", [1, 10, 50])
async def test_journeys_of_many_cost_one_indexed_command(customers: Running, commands: Commands, count: int) -> None:
    id = await a_customer(customers)
    facts = [fact(id, minutes) for minutes in range(30)]
    await customers.call(pb.RecordInteractionsRequest(interactions=facts))
    others = [f"cus_{number:026}" for number in range(count - 1)]
    for request in (
        pb.BatchListInteractionsRequest(customer_ids=[id, *others], page=page_pb2.PageRequest(last=5)),
        pb.BatchGetInteractionsRequest(ids=[one.id for one in facts[:count]]),
    ):
        with commands.recorded():
            await customers.call(request)
        assert len(commands.found) == 1
        assert await commands.unindexed() == []
    answer = await customers.call(pb.BatchListInteractionsRequest(customer_ids=[id, *others]))
    assert len(answer.pages) == count, "everyone asked for has a page, perhaps empty"
