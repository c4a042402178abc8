"""Interactions in MongoDB: journeys of many at once, and facts that are there already."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from rundblick.customers.v1 import interaction_pb2 as pb
from rundblick.shared.v1 import page_pb2

from chassis.ids import new_id
from chassis.times import to_timestamp
from tests.callers import partner
from tests.customers.conftest import Running

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
PARTNER = partner("shop")


def fact(customer: str | None, minutes: int = 0, source: str = "rundblick") -> pb.Interaction:
    """Of a record that is known, so that no customer is looked up."""
    return pb.Interaction(
        id=new_id("int"),
        customer_id=customer,
        source_record_id=new_id("src") if customer else None,
        source=source,
        direction=pb.DIRECTION_INBOUND,
        kind=pb.INTERACTION_KIND_VISIT,
        occurred_at=to_timestamp(NINE + timedelta(minutes=minutes)),
    )


async def test_journeys_of_many_come_as_one_page_each_newest_first(customers: Running) -> None:
    ids = [new_id("cus") for _ in range(4)]
    facts = {id: [fact(id, minutes) for minutes in range(place)] for place, id in enumerate(ids)}
    together = [one for many in facts.values() for one in many]
    await customers.call(pb.RecordInteractionsRequest(interactions=together))
    request = pb.BatchListInteractionsRequest(customer_ids=ids, page=page_pb2.PageRequest(first=2))
    pages = (await customers.call(request)).pages
    for place, id in enumerate(ids):
        assert [edge.node.id for edge in pages[id].edges] == [one.id for one in facts[id][::-1][:2]]
        assert pages[id].page_info.has_next_page == (place > 2)


@pytest.mark.parametrize("backward", [False, True])
async def test_pages_give_each_fact_once_also_of_one_moment(customers: Running, backward: bool) -> None:
    id = new_id("cus")
    facts = [fact(id, number // 3) for number in range(8)]
    await customers.call(pb.RecordInteractionsRequest(interactions=facts))
    seen: list[str] = []
    page = page_pb2.PageRequest(last=3) if backward else page_pb2.PageRequest(first=3)
    while True:
        part = (await customers.call(pb.BatchListInteractionsRequest(customer_ids=[id], page=page))).pages[id]
        found = [edge.node.id for edge in part.edges]
        seen = [*found, *seen] if backward else [*seen, *found]
        if not (part.page_info.has_previous_page if backward else part.page_info.has_next_page):
            break
        if backward:
            page = page_pb2.PageRequest(last=3, before=part.page_info.start_cursor)
        else:
            page = page_pb2.PageRequest(first=3, after=part.page_info.end_cursor)
    assert seen == [one.id for one in sorted(facts, key=lambda one: (one.occurred_at.seconds, one.id), reverse=True)]


async def test_nobody_asked_for_has_no_pages(customers: Running) -> None:
    assert not (await customers.call(pb.BatchListInteractionsRequest())).pages
    assert not (await customers.call(pb.BatchGetInteractionsRequest())).answers


@pytest.mark.parametrize("key", [None, "k"])
async def test_a_fact_sent_by_many_at_once_is_there_once(customers: Running, key: str | None) -> None:
    id = new_id("cus")
    # With a key each has its own: the ids of the facts alone make it happen once.
    requests = [
        pb.RecordInteractionsRequest(idempotency_key=f"{key}{n}" if key else None, interactions=[one])
        for one in [fact(id)]
        for n in range(4)
    ]
    answers = await asyncio.gather(*(customers.call(request) for request in requests))
    assert len({answer.answers[0].value.id for answer in answers}) == 1
    assert len((await customers.call(pb.BatchListInteractionsRequest(customer_ids=[id]))).pages[id].edges) == 1


@pytest.mark.parametrize("key", [None, "k"])
async def test_a_partner_that_takes_the_id_of_a_hidden_fact_does_not_stop_its_others(
    customers: Running, key: str | None
) -> None:
    hidden = fact(None)
    await customers.call(pb.RecordInteractionsRequest(interactions=[hidden]))
    same, other = fact(None, 1, "shop"), fact(None, 2, "shop")
    same.id = hidden.id
    request = pb.RecordInteractionsRequest(idempotency_key=key, interactions=[same, other])
    await customers.call(request, PARTNER)
    answers = (await customers.call(pb.BatchGetInteractionsRequest(ids=[same.id, other.id]))).answers
    assert answers[same.id].value.source == "rundblick", "what is there stays as it is"
    assert answers[other.id].value.source == "shop"
