"""Opportunities over gRPC: told once, moved from a version, listed by index, followed through merges, seen by rows."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from rundblick.customers.v1 import campaign_pb2, customer_pb2, employee_pb2
from rundblick.customers.v1 import opportunity_pb2 as pb
from rundblick.metrics.v1 import event_pb2
from rundblick.shared.v1 import money_pb2, page_pb2, verification_pb2

from chassis.caller import Caller
from chassis.mongo import Database
from chassis.times import to_timestamp, utc_now
from services.customers.interaction.journey import follow_aliases
from services.customers.wiring import CustomersService
from tests.callers import partner
from tests.commands import Commands
from tests.customers.campaign.test_servicer import fields as of_campaign
from tests.customers.conftest import NOBODY, Running
from tests.customers.customer.test_merges import created
from tests.customers.plans import faults_of_winners

WON, LOST = pb.OPPORTUNITY_STAGE_CLOSED_WON, pb.OPPORTUNITY_STAGE_CLOSED_LOST
UNKNOWN: Any = 99
AGO = utc_now().replace(microsecond=0) - timedelta(days=30)


def said(
    customer: str, title: str = "Ten pumps", *, amount: str = "1000", currency: str = "EUR", **fields: Any
) -> pb.CreateOpportunityRequest:
    names = pb.OpportunityFields.DESCRIPTOR.fields_by_name
    inner = {name: fields.pop(name) for name in list(fields) if name in names}
    inner["amount"] = money_pb2.Money(amount=amount, currency=currency)
    fields.setdefault("opened_at", to_timestamp(AGO))
    return pb.CreateOpportunityRequest(
        customer_id=customer, fields=pb.OpportunityFields(title=title, **inner), **fields
    )


async def told(database: Database) -> dict[str, list[event_pb2.Event]]:
    """What metrics learnt, by name, in order."""
    found: dict[str, list[event_pb2.Event]] = {}
    async for entry in database["outbox"].find({"destination": "metrics", "kind": "events"}).sort("_id", 1):
        for event in event_pb2.IngestEventsRequest.FromString(entry["payload"]).events:
            found.setdefault(event.name.removeprefix("opportunity."), []).append(event)
    return found


async def standing(database: Database) -> set[str]:
    return {
        id
        async for entry in database["outbox"].find({"destination": "standing"})
        for id in entry["payload"].decode().split()
    }


async def followed(database: Database) -> None:
    """As the relay does."""
    service = CustomersService(database)
    entries = await service._outbox.pending("journey", utc_now(), 100)
    await follow_aliases(service._journeys, entries)
    await service._outbox.done([entry.id for entry in entries])


async def checked(customers: Running) -> list[str]:
    request = verification_pb2.CheckBatchRequest(part="opportunities", size=100, after="")
    return [one.what for one in (await customers.call(request)).differences]


async def test_one_is_told_once_moved_from_its_version_and_metrics_learns_each_change(
    customers: Running, database: Database
) -> None:
    customer = (await created(customers, 1)).id
    campaign = (await customers.call(campaign_pb2.CreateCampaignRequest(fields=of_campaign()))).campaign.id
    request = said(customer, campaign_id=campaign, closes_on="2026-12-31", idempotency_key="k1")
    first = (await customers.call(request)).opportunity
    assert (await customers.call(request)).opportunity == first
    assert (first.stage, first.probability, first.version) == (pb.OPPORTUNITY_STAGE_PROSPECTING, 0.1, 1)

    update = pb.UpdateOpportunityRequest(
        id=first.id, version=1, fields=pb.OpportunityFields(probability=0.3), paths=["probability"]
    )
    assert (await customers.call(update)).opportunity.probability == 0.3
    assert (await customers.refused(update))[0] is grpc.StatusCode.ABORTED
    move = pb.MoveOpportunityRequest(
        id=first.id, version=2, stage=WON, at=to_timestamp(AGO + timedelta(days=12)), idempotency_key="k"
    )
    won = (await customers.call(move)).opportunity
    assert (await customers.call(move)).opportunity == won
    assert ([one.stage for one in won.history], won.own_probability, won.version) == ([1, WON], False, 3)

    events = await told(database)
    assert [(e.before.value, e.after.value) for e in events["opened"]] == [(0.0, 1000.0)]
    weights = [(e.HasField("before"), e.HasField("after"), e.after.value) for e in events["expected"]]
    assert weights == [(False, True, 100.0), (True, True, 300.0), (True, False, 0.0)]
    assert dict(events["expected"][1].after.dimensions)["opportunity_stage"] == "PROSPECTING"
    [closed] = events["closed"]
    said_of = closed.after.attributes
    assert (closed.after.value, said_of["won"].flag, said_of["repeat"].flag, said_of["days_open"].number) == (
        1000.0,
        True,
        False,
        12.0,
    )
    assert closed.after.dimensions["campaign"] == campaign
    assert len({e.id for some in events.values() for e in some}) == 5
    assert await standing(database) == {customer}

    reopen = pb.MoveOpportunityRequest(id=first.id, version=3, stage=pb.OPPORTUNITY_STAGE_PROPOSAL, reopen=True)
    assert (await customers.refused(pb.MoveOpportunityRequest(id=first.id, version=3, stage=LOST)))[
        0
    ] is grpc.StatusCode.INVALID_ARGUMENT
    assert not (await customers.call(reopen)).opportunity.HasField("closed_at")
    taken_back = (await told(database))["closed"][1]
    assert taken_back.before == closed.after
    assert not taken_back.HasField("after")


async def test_its_source_tells_it_again_and_other_money_is_shown_as_left_out(
    customers: Running, database: Database, commands: Commands
) -> None:
    customer = (await created(customers, 1)).id
    entry: dict[str, Any] = {"source": "crm", "external_id": "7"}
    first = (await customers.call(said(customer, **entry))).opportunity
    with commands.recorded():
        assert (await customers.call(said(customer, **entry))).opportunity == first
    assert await commands.unindexed() == []
    news = (await customers.call(said(customer, "Twenty pumps", amount="2000", stage=WON, **entry))).opportunity
    assert (news.id, news.title, news.amount.amount, news.stage, news.version) == (
        first.id,
        "Twenty pumps",
        "2000.00",
        WON,
        2,
    )
    by_key = pb.CreateOpportunityRequest(
        customer_external_id=customer_pb2.ExternalId(source="crm", id="1"), fields=pb.OpportunityFields(title="By key")
    )
    other = (await customers.call(by_key)).opportunity
    assert (other.customer_id, other.source) == (customer, "rundblick")
    assert other.source_record_id != first.source_record_id
    francs = (await customers.call(said(customer, currency="CHF", stage=WON, closes_on="2026-12-31"))).opportunity
    [closed] = [one for one in (await told(database))["closed"] if one.subject_id == francs.id]
    assert not closed.after.HasField("value")
    assert closed.after.attributes["won"].flag
    assert (await told(database))["expected"][0].after.exclusion_reason == "NO_CLOSING_DAY"


async def test_what_cannot_be_is_refused_and_nothing_is_written(customers: Running, database: Database) -> None:
    customer = (await created(customers, 1)).id
    for request, code, path in (
        (said(f"cus_{NOBODY}"), grpc.StatusCode.NOT_FOUND, ("customer_id",)),
        (
            said(customer, customer_external_id=customer_pb2.ExternalId(source="crm", id="1")),
            grpc.StatusCode.INVALID_ARGUMENT,
            ("customer_id",),
        ),
        (said(customer, owner_id=f"emp_{NOBODY}"), grpc.StatusCode.NOT_FOUND, ("owner_id",)),
        (said(customer, campaign_id=f"cmp_{NOBODY}"), grpc.StatusCode.NOT_FOUND, ("campaign_id",)),
        (said(customer, offer_id=f"off_{NOBODY}"), grpc.StatusCode.NOT_FOUND, ("offer_id",)),
        (said(customer, amount="1.234"), grpc.StatusCode.INVALID_ARGUMENT, ("amount", "amount")),
        (said(customer, closes_on="2026-02-30"), grpc.StatusCode.INVALID_ARGUMENT, ("closes_on",)),
        (said(customer, stage=UNKNOWN), grpc.StatusCode.INVALID_ARGUMENT, ("stage",)),
        (said(customer, loss_reason="price"), grpc.StatusCode.INVALID_ARGUMENT, ("loss_reason",)),
        (
            said(customer, opened_at=to_timestamp(utc_now() + timedelta(days=1))),
            grpc.StatusCode.INVALID_ARGUMENT,
            ("opened_at",),
        ),
        (pb.MoveOpportunityRequest(id=f"opp_{NOBODY}", version=1, stage=WON), grpc.StatusCode.NOT_FOUND, ("id",)),
        (pb.UpdateOpportunityRequest(id=f"opp_{NOBODY}", version=1), grpc.StatusCode.NOT_FOUND, ("id",)),
        (pb.ListOpportunitiesRequest(order_by=UNKNOWN), grpc.StatusCode.INVALID_ARGUMENT, ("order_by",)),
    ):
        assert (await customers.refused(request))[0] is code, request
        assert (await customers.fault(request)).path == path
    assert await database["opportunities"].count_documents({}) == 0
    assert await told(database) == {}


async def test_lists_go_both_ways_by_index_and_of_many_customers_with_one_command(
    customers: Running, database: Database, commands: Commands
) -> None:
    ids = [(await created(customers, number)).id for number in range(3)]
    owner = (await customers.call(employee_pb2.CreateEmployeeRequest(display_name="Ann", team_key="sales"))).employee
    titles = []
    for number in range(9):
        days = {} if number == 4 else {"closes_on": f"2026-12-{20 - number:02}"}
        stage = WON if number % 3 == 0 else pb.OPPORTUNITY_STAGE_PROPOSAL
        at = to_timestamp(AGO + timedelta(hours=number))
        request = said(ids[number % 3], f"T{number}", owner_id=owner.id, stage=stage, opened_at=at, **days)
        titles.append((await customers.call(request)).opportunity.title)

    async def listed(**fields: Any) -> tuple[list[str], page_pb2.PageInfo]:
        with commands.recorded():
            page = (await customers.call(pb.ListOpportunitiesRequest(**fields))).page
        assert len(commands.found) == 1
        assert await faults_of_winners(database, commands) == []
        return [edge.node.title for edge in page.edges], page.page_info

    newest, info = await listed(page=page_pb2.PageRequest(first=4))
    assert newest == titles[:4:-1]
    after, info = await listed(page=page_pb2.PageRequest(first=9, after=info.end_cursor))
    assert after == titles[4::-1]
    back, _ = await listed(page=page_pb2.PageRequest(last=2, before=info.start_cursor))
    assert back == titles[6:4:-1]
    due, _ = await listed(order_by=pb.OPPORTUNITY_ORDER_CLOSES_ON_ASC)
    assert due == [*titles[:4:-1], *titles[3::-1], "T4"]
    for filter, wanted in (
        (pb.OpportunityFilter(stages=[WON]), ["T6", "T3", "T0"]),
        (pb.OpportunityFilter(owner_id=owner.id), titles[::-1]),
        (pb.OpportunityFilter(team_id=owner.team_id, customer_id=ids[1]), ["T7", "T4", "T1"]),
        (pb.OpportunityFilter(closes_from="2026-12-18", closes_to="2026-12-19"), ["T2", "T1"]),
    ):
        assert (await listed(filter=filter))[0] == wanted
    with commands.recorded():
        asked = pb.BatchListOpportunitiesRequest(
            customer_ids=[*ids, f"cus_{NOBODY}"], page=page_pb2.PageRequest(first=2)
        )
        pages = (await customers.call(asked)).pages
    assert len(commands.found) == 1
    assert await commands.unindexed() == []
    assert [edge.node.title for edge in pages[ids[0]].edges] == ["T6", "T3"]
    assert list(pages[f"cus_{NOBODY}"].edges) == []


async def test_they_follow_a_merge_and_who_buys_again_is_told_and_verified(
    customers: Running, database: Database
) -> None:
    one, two = (await created(customers, 1)).id, (await created(customers, 2)).id
    early = (await customers.call(said(one, "early", stage=WON))).opportunity
    late = (
        await customers.call(said(two, "late", stage=WON, opened_at=to_timestamp(AGO + timedelta(days=1))))
    ).opportunity
    await customers.call(customer_pb2.MergeCustomersRequest(id=one, duplicate_ids=[two]))
    assert await checked(customers) == ["opportunity"]
    await followed(database)
    found = (await customers.call(pb.BatchGetOpportunitiesRequest(ids=[late.id]))).answers[late.id].value
    assert (found.customer_id, found.source_record_id) == (one, late.source_record_id)
    again = (await told(database))["closed"][-1]
    assert (again.subject_id, again.before.attributes["repeat"].flag, again.after.attributes["repeat"].flag) == (
        late.id,
        False,
        True,
    )
    assert await checked(customers) == []
    former = (await customers.call(pb.BatchListOpportunitiesRequest(customer_ids=[two]))).pages[two]
    assert [edge.node.title for edge in former.edges] == ["late", "early"]
    # The first one was lost after all: then the other one was not bought again.
    lost = pb.MoveOpportunityRequest(id=early.id, version=1, stage=pb.OPPORTUNITY_STAGE_PROPOSAL, reopen=True)
    await customers.call(lost)
    assert (await told(database))["closed"][-1].after.attributes["repeat"].flag is False
    assert await checked(customers) == []
    await customers.call(customer_pb2.SplitCustomerRequest(id=one, former_id=two))
    await followed(database)
    assert (await customers.call(pb.BatchGetOpportunitiesRequest(ids=[late.id]))).answers[
        late.id
    ].value.customer_id == two
    await database["opportunities"].update_one({"_id": late.id}, {"$set": {"repeat": True}})
    assert await checked(customers) == ["repeat"]


@pytest.mark.parametrize(
    ("ending", "seen"), [(":own", ["ann"]), (":team", ["ann", "ben"]), ("", ["ann", "ben", "cleo"])]
)
async def test_who_is_limited_sees_and_moves_their_own_and_a_partner_what_it_brought(
    customers: Running, ending: str, seen: list[str]
) -> None:
    customer = (await created(customers, 1, source="shop")).id
    made, employees = {}, {}
    for name, team in (("ann", "sales"), ("ben", "sales"), ("cleo", "service")):
        request = employee_pb2.CreateEmployeeRequest(display_name=name, team_key=team)
        employees[name] = (await customers.call(request)).employee
        made[name] = (
            await customers.call(said(customer, name, owner_id=employees[name].id, source="crm", external_id=name))
        ).opportunity
    scopes = frozenset({f"opportunities:read{ending}", f"opportunities:write{ending}", "customers:read"})
    ann = Caller("ann", scopes, employee=employees["ann"].id, team=employees["ann"].team_id)
    listed = (await customers.call(pb.ListOpportunitiesRequest(), ann)).page.edges
    of_customer = (await customers.call(pb.BatchListOpportunitiesRequest(customer_ids=[customer]), ann)).pages[customer]
    assert {edge.node.title for edge in listed} == {edge.node.title for edge in of_customer.edges} == set(seen)
    for name, one in made.items():
        move = pb.MoveOpportunityRequest(id=one.id, version=1, stage=LOST)
        again = said(customer, "again", source="crm", external_id=name)
        if name in seen:
            assert (await customers.call(move, ann)).opportunity.stage == LOST
        else:
            assert (await customers.refused(move, ann))[0] is grpc.StatusCode.NOT_FOUND
            assert (await customers.refused(again, ann))[0] in (
                grpc.StatusCode.ALREADY_EXISTS,
                grpc.StatusCode.NOT_FOUND,
            )
    shop = partner("shop")
    assert (await customers.refused(said(customer), shop))[0] is grpc.StatusCode.PERMISSION_DENIED
    own = (await customers.call(said(customer, "of the shop", source="shop"), shop)).opportunity
    page = (await customers.call(pb.BatchListOpportunitiesRequest(customer_ids=[customer]), shop)).pages[customer]
    assert [edge.node.id for edge in page.edges] == [own.id]
