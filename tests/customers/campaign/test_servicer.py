"""Campaigns over gRPC: versions, pages both ways, and what partners see."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import grpc
from rundblick.customers.v1 import campaign_pb2 as pb
from rundblick.customers.v1 import employee_pb2
from rundblick.metrics.v1 import campaign_pb2 as metrics_pb2
from rundblick.shared.v1 import money_pb2, page_pb2

from chassis.money import Money
from chassis.mongo import Database
from services.customers.campaign.domain import Campaign, Status, campaign_at
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY, Running
from tests.customers.plans import faults_of_winners
from tests.customers.touchpoint.test_servicer import creating

EUR_100 = money_pb2.Money(amount="100", currency="EUR")


def fields(name: str = "Spring", **changed: Any) -> pb.CampaignFields:
    given: dict[str, Any] = {
        "objective": "o",
        "starts_on": "2026-03-01",
        "ends_on": "2026-03-31",
        "budget": EUR_100,
        **changed,
    }
    return pb.CampaignFields(name=name, **given)


def days(first: str, last: str | None) -> pb.CampaignFilter:
    filter = pb.CampaignFilter(to=last)
    setattr(filter, "from", first)
    return filter


async def test_an_update_changes_what_it_names_and_a_stale_one_nothing(customers: Running, database: Database) -> None:
    hired = employee_pb2.CreateEmployeeRequest(display_name="Ann", team_key="sales")
    ann = (await customers.call(hired)).employee
    made = (
        await customers.call(
            pb.CreateCampaignRequest(
                fields=fields(owner_id=ann.id, goal=pb.CampaignGoal(kpi="reach", target=9, due_on="2026-04-01"))
            )
        )
    ).campaign
    assert (made.status, made.team_id, made.version) == (pb.CAMPAIGN_STATUS_PLANNING, ann.team_id, 1)
    assert made.budget.amount == "100.00"
    change = pb.UpdateCampaignRequest(
        id=made.id, version=1, fields=pb.CampaignFields(name="Summer"), paths=["name", "goal", "owner_id"]
    )
    changed = (await customers.call(change)).campaign
    assert (changed.name, changed.objective, changed.version) == ("Summer", "o", 2)
    assert not changed.HasField("goal")
    assert not changed.HasField("owner_id")
    assert not changed.HasField("team_id")
    assert (await customers.refused(change))[0] is grpc.StatusCode.ABORTED
    for wrong, code, path in (
        ({"fields": fields(name=" "), "paths": ["name"]}, grpc.StatusCode.INVALID_ARGUMENT, ("name",)),
        ({"fields": fields(ends_on="x"), "paths": ["ends_on"]}, grpc.StatusCode.INVALID_ARGUMENT, ("ends_on",)),
        ({"paths": ["version"]}, grpc.StatusCode.INVALID_ARGUMENT, ("paths",)),
        (
            {"fields": fields(owner_id=f"emp_{NOBODY}"), "paths": ["owner_id"]},
            grpc.StatusCode.NOT_FOUND,
            ("owner_id",),
        ),
    ):
        request = pb.UpdateCampaignRequest(id=made.id, version=2, **wrong)
        assert (await customers.refused(request))[0] is code
        assert (await customers.fault(request)).path == path
    kept = (await customers.call(pb.BatchGetCampaignsRequest(ids=[made.id, f"cmp_{NOBODY}"]))).answers
    assert kept[made.id].value == changed
    assert kept[f"cmp_{NOBODY}"].HasField("error")
    told = [
        plan
        async for entry in database["outbox"].find({"kind": "plans"}).sort("_id", 1)
        for plan in metrics_pb2.PutPlansRequest.FromString(entry["payload"]).plans
    ]
    assert [(plan.version, plan.HasField("goal"), plan.running) for plan in told] == [
        (1, True, False),
        (2, False, False),
    ]
    assert told[0].attribution_rule == "LAST_TOUCH"


async def test_campaigns_are_paged_both_ways_and_found_by_index(
    customers: Running, database: Database, commands: Commands
) -> None:
    place = (await customers.call(creating())).touchpoint.id
    names = []
    for number in range(5):
        day = f"2026-03-0{5 - number}"
        at = [place] if number % 2 else []
        made = fields(str(number), starts_on=day, touchpoint_ids=at, status=pb.CAMPAIGN_STATUS_ACTIVE)
        names.append((await customers.call(pb.CreateCampaignRequest(fields=made))).campaign.name)

    async def listed(**said: Any) -> pb.CampaignPage:
        with commands.recorded():
            page: pb.CampaignPage = (await customers.call(pb.ListCampaignsRequest(**said))).page
        assert len(commands.found) == 1
        assert await faults_of_winners(database, commands) == []
        return page

    first = await listed(page=page_pb2.PageRequest(first=2))
    second = await listed(page=page_pb2.PageRequest(first=2, after=first.page_info.end_cursor))
    back = await listed(page=page_pb2.PageRequest(last=2, before=second.page_info.start_cursor))
    assert [edge.node.name for edge in (*first.edges, *second.edges)] == names[:4]
    assert [edge.node.name for edge in back.edges] == names[:2]
    for filter, expected in (
        (pb.CampaignFilter(statuses=[pb.CAMPAIGN_STATUS_ACTIVE]), names),
        (pb.CampaignFilter(touchpoint_ids=[place]), ["1", "3"]),
        (pb.CampaignFilter(owner_id=f"emp_{NOBODY}"), []),
        (days("2026-03-30", "2026-03-03"), ["2", "3", "4"]),
        (days("2026-04-01", None), []),
    ):
        assert [edge.node.name for edge in (await listed(filter=filter)).edges] == expected, filter
    with commands.recorded():
        request = pb.BatchListCampaignsRequest(touchpoint_ids=[place, f"tou_{NOBODY}"])
        pages = (await customers.call(request)).pages
    assert [edge.node.name for edge in pages[place].edges] == ["1", "3"]
    assert not pages[f"tou_{NOBODY}"].edges
    assert len(commands.found) == 1
    assert await commands.unindexed() == []


async def test_partners_see_no_campaign_and_plan_none(customers: Running) -> None:
    made = (await customers.call(pb.CreateCampaignRequest(fields=fields()))).campaign
    outside = partner("shop")
    assert (
        (await customers.call(pb.BatchGetCampaignsRequest(ids=[made.id]), outside)).answers[made.id].HasField("error")
    )
    assert not (await customers.call(pb.ListCampaignsRequest(), outside)).page.edges
    refused = await customers.refused(pb.CreateCampaignRequest(fields=fields()), outside)
    assert refused[0] is grpc.StatusCode.PERMISSION_DENIED


def test_a_contact_belongs_to_the_campaign_that_began_last_of_those_that_run_there() -> None:
    place, other = f"tou_{NOBODY}", f"tou_{NOBODY[:-1]}1"
    old = Campaign(
        id=f"cmp_{NOBODY}",
        name="Old",
        objective="o",
        starts_on=date(2026, 1, 1),
        ends_on=date(2026, 12, 31),
        budget=Money(Decimal(1), "EUR"),
        status=Status.ACTIVE,
        touchpoints=(place,),
    )
    new = replace(old, id=f"cmp_{NOBODY[:-1]}1", starts_on=date(2026, 3, 1), ends_on=date(2026, 3, 31))
    over = replace(new, status=Status.COMPLETE)
    for campaigns, day, expected in (
        ([old, new], date(2026, 3, 1), new.id),
        ([new, old], date(2026, 3, 31), new.id),
        ([new, old], date(2026, 4, 1), old.id),
        ([over, old], date(2026, 3, 1), new.id),
        ([replace(new, status=Status.INACTIVE), old], date(2026, 3, 1), old.id),
        ([replace(new, status=Status.PLANNING)], date(2026, 3, 1), None),
        ([old], date(2025, 12, 31), None),
    ):
        found = campaign_at(campaigns, place, day)
        assert (found.id if found is not None else None) == expected
    assert campaign_at([old, new], other, date(2026, 3, 1)) is None
