"""A journey by what is asked of it: each filter alone and together with others, both ways, and by index."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rundblick.customers.v1 import campaign_pb2, consent_pb2, customer_pb2, touchpoint_pb2
from rundblick.customers.v1 import interaction_pb2 as pb
from rundblick.shared.v1 import money_pb2, page_pb2

from chassis.ids import new_id
from chassis.mongo import Database
from chassis.page import encode_cursor
from chassis.times import to_timestamp
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Running

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
PHONE, FORM = touchpoint_pb2.CHANNEL_PHONE, touchpoint_pb2.CHANNEL_WEB_FORM
MARKETING, SERVICE = consent_pb2.CONSENT_PURPOSE_MARKETING, consent_pb2.CONSENT_PURPOSE_SERVICE
INBOUND, OUTBOUND = pb.DIRECTION_INBOUND, pb.DIRECTION_OUTBOUND
KINDS = [pb.INTERACTION_KIND_CALL, pb.INTERACTION_KIND_VISIT, pb.INTERACTION_KIND_PURCHASE]
# What holds of an interaction that is wanted.
Holds = Callable[[pb.Interaction], bool]


def filtered(**fields: Any) -> pb.InteractionFilter:
    return pb.InteractionFilter(**fields)


def at(minutes: int) -> Any:
    return to_timestamp(NINE + timedelta(minutes=minutes))


@dataclass
class Journey:
    customer: str
    channels: dict[str, Any]
    campaign: str
    employees: list[str]
    facts: list[pb.Interaction]

    def questions(self) -> list[tuple[pb.InteractionFilter, Holds]]:
        hot, cold = list(self.channels)[:2]
        (ann, _) = self.employees
        return [
            (filtered(), lambda one: True),
            (filtered(kinds=KINDS[:2]), lambda one: one.kind in KINDS[:2]),
            (filtered(direction=OUTBOUND), lambda one: one.direction == OUTBOUND),
            (filtered(touchpoint_ids=[hot]), lambda one: one.touchpoint_id == hot),
            (filtered(channels=[PHONE]), lambda one: self.channels.get(one.touchpoint_id) == PHONE),
            (
                filtered(channels=[PHONE, FORM], touchpoint_ids=[cold]),
                lambda one: one.touchpoint_id == cold,
            ),
            (filtered(channels=[PHONE], touchpoint_ids=[cold]), lambda one: False),
            (filtered(channels=[touchpoint_pb2.CHANNEL_LETTER]), lambda one: False),
            (filtered(campaign_ids=[self.campaign]), lambda one: one.campaign_id == self.campaign),
            (filtered(campaign_ids=[f"cmp_{NOBODY}"]), lambda one: False),
            (filtered(purposes=[MARKETING]), lambda one: one.HasField("purpose") and one.purpose == MARKETING),
            (filtered(sources=["shop", "fair"]), lambda one: one.source in ("shop", "fair")),
            (filtered(employee_ids=[ann]), lambda one: one.employee_id == ann),
            (filtered(violations=True), lambda one: one.HasField("violation")),
            (
                filtered(**{"from": at(20), "to": at(60)}),
                lambda one: at(20).seconds <= one.occurred_at.seconds < at(60).seconds,
            ),
            (
                filtered(kinds=KINDS[:1], direction=INBOUND, sources=["shop"], **{"from": at(5)}),
                lambda one: (
                    (one.kind, one.direction, one.source) == (KINDS[0], INBOUND, "shop")
                    and one.occurred_at.seconds >= at(5).seconds
                ),
            ),
        ]


@pytest.fixture
async def journey(customers: Running) -> Journey:
    channels = {}
    for key, channel in (("hot", PHONE), ("cold", FORM)):
        touchpoint = touchpoint_pb2.CreateTouchpointRequest(
            key=key,
            name=key,
            channel=channel,
            nature=touchpoint_pb2.TOUCHPOINT_NATURE_DIGITAL,
            control=touchpoint_pb2.TOUCHPOINT_CONTROL_OWNED,
        )
        channels[(await customers.call(touchpoint)).touchpoint.id] = channel
    campaign = campaign_pb2.CampaignFields(
        name="Spring",
        objective="known",
        starts_on="2026-03-01",
        ends_on="2026-03-31",
        budget=money_pb2.Money(amount="1", currency="EUR"),
        touchpoint_ids=list(channels)[:1],
    )
    made = await customers.call(campaign_pb2.CreateCampaignRequest(fields=campaign))
    ada = customer_pb2.CreateCustomerRequest(
        kind=customer_pb2.CUSTOMER_KIND_PERSON, fields=customer_pb2.CustomerFields(display_name="Ada")
    )
    customer = (await customers.call(ada)).customer.id
    employees, chance = [new_id("emp"), new_id("emp")], random.Random(7)  # noqa: S311  # no secret
    facts = [
        pb.Interaction(
            id=new_id("int"),
            customer_id=customer,
            # Several at one moment: their order is that of their ids.
            occurred_at=at(number - number % 3),
            direction=chance.choice([INBOUND, OUTBOUND]),
            kind=chance.choice(KINDS),
            source=chance.choice(["shop", "fair", "rundblick"]),
            touchpoint_id=chance.choice([*channels, None]),
            employee_id=chance.choice([*employees, None]),
            purpose=chance.choice([MARKETING, SERVICE, None]),
        )
        for number in range(90)
    ]
    answers = (await customers.call(pb.RecordInteractionsRequest(interactions=facts))).answers
    found = sorted(
        (answer.value for answer in answers), key=lambda one: (one.occurred_at.seconds, one.id), reverse=True
    )
    return Journey(customer, channels, made.campaign.id, employees, found)


async def paged(customers: Running, asked: pb.BatchListInteractionsRequest, size: int, *, backward: bool) -> list[str]:
    """All pages, one after the other."""
    (customer,) = asked.customer_ids
    asked.page.CopyFrom(page_pb2.PageRequest(last=size) if backward else page_pb2.PageRequest(first=size))
    seen: list[str] = []
    while True:
        part = (await customers.call(asked)).pages[customer]
        ids = [edge.node.id for edge in part.edges]
        seen = [*ids, *seen] if backward else [*seen, *ids]
        if not (part.page_info.has_previous_page if backward else part.page_info.has_next_page):
            return seen
        if backward:
            asked.page.CopyFrom(page_pb2.PageRequest(last=size, before=part.page_info.start_cursor))
        else:
            asked.page.CopyFrom(page_pb2.PageRequest(first=size, after=part.page_info.end_cursor))


async def test_each_filter_finds_what_it_says_on_every_page_both_ways(customers: Running, journey: Journey) -> None:
    for filter, holds in journey.questions():
        expected = [one.id for one in journey.facts if holds(one)]
        asked = pb.BatchListInteractionsRequest(customer_ids=[journey.customer], filter=filter)
        for backward in (False, True):
            assert await paged(customers, asked, 40, backward=backward) == expected, filter
    assert any(one.HasField("violation") for one in journey.facts)


async def test_a_filtered_page_costs_at_most_two_commands_each_by_an_index(
    customers: Running, journey: Journey, commands: Commands
) -> None:
    for filter, _ in journey.questions():
        for page in (page_pb2.PageRequest(first=5), page_pb2.PageRequest(last=5)):
            with commands.recorded():
                await customers.call(
                    pb.BatchListInteractionsRequest(customer_ids=[journey.customer], filter=filter, page=page)
                )
            assert len(commands.found) == (2 if filter.channels else 1)
            assert await commands.unindexed() == []


async def test_a_page_is_found_by_customer_and_time_and_nothing_beyond_it_is_read(
    customers: Running, journey: Journey, database: Database, commands: Commands
) -> None:
    period: dict[str, Any] = {"from": at(20), "to": at(60)}
    middle = encode_cursor((NINE + timedelta(minutes=45), journey.facts[45].id))
    for filter in (filtered(), filtered(**period)):
        for page in (
            page_pb2.PageRequest(first=5),
            page_pb2.PageRequest(last=5),
            page_pb2.PageRequest(first=5, after=middle),
            page_pb2.PageRequest(last=5, before=middle),
        ):
            asked = pb.BatchListInteractionsRequest(customer_ids=[journey.customer], filter=filter, page=page)
            with commands.recorded():
                await customers.call(asked)
            [(_, command)] = commands.found
            plain = {name: command[name] for name in ("aggregate", "pipeline", "cursor")}
            plan = await database.command("explain", plain, verbosity="executionStats")
            looked = sum(int(stage["totalDocsExamined"]) for stage in plan["stages"] if "$lookup" in stage)
            # One more tells whether there is a further page; of the moment of the cursor all are looked at.
            assert looked <= 5 + 1 + 4, (filter, page)


async def test_no_filter_tells_a_partner_what_others_know(customers: Running, journey: Journey) -> None:
    shop = partner("shop")
    for filter, holds in journey.questions():
        asked = pb.BatchListInteractionsRequest(
            customer_ids=[journey.customer], filter=filter, page=page_pb2.PageRequest(first=100)
        )
        found = (await customers.call(asked, shop)).pages[journey.customer].edges
        own = [one.id for one in journey.facts if one.source == "shop" and holds(one) and not filter.violations]
        assert [edge.node.id for edge in found] == own


async def test_a_filter_that_makes_no_sense_is_refused(customers: Running) -> None:
    for filter, path in (
        (filtered(kinds=[pb.INTERACTION_KIND_UNSPECIFIED]), ("kinds",)),
        (filtered(channels=[99]), ("channels",)),
        (filtered(sources=["s"] * 101), ("filter", "sources")),
    ):
        asked = pb.BatchListInteractionsRequest(customer_ids=[f"cus_{NOBODY}"], filter=filter)
        fault = await customers.fault(asked)
        assert (fault.code, fault.path) == ("INVALID", path)
