"""Spend over gRPC: each entry once, corrected and never counted twice."""

from typing import Any

import grpc
from rundblick.customers.v1 import campaign_pb2
from rundblick.customers.v1 import spend_pb2 as pb
from rundblick.metrics.v1 import event_pb2
from rundblick.shared.v1 import money_pb2, page_pb2

from chassis.mongo import Database
from tests.callers import partner
from tests.commands import Commands
from tests.customers.campaign.test_servicer import fields
from tests.customers.conftest import NOBODY, Running
from tests.customers.touchpoint.test_servicer import creating


def euros(amount: str, currency: str = "EUR") -> money_pb2.Money:
    return money_pb2.Money(amount=amount, currency=currency)


async def _told(database: Database) -> list[event_pb2.Event]:
    return [
        event
        async for entry in database["outbox"].find({"kind": "events"}).sort("_id", 1)
        for event in event_pb2.IngestEventsRequest.FromString(entry["payload"]).events
    ]


async def test_an_entry_of_a_source_is_kept_once_and_corrected(
    customers: Running, database: Database, commands: Commands
) -> None:
    campaign = (await customers.call(campaign_pb2.CreateCampaignRequest(fields=fields()))).campaign.id
    place = (await customers.call(creating())).touchpoint.id

    def entry(amount: str, currency: str = "EUR", **changed: Any) -> pb.RecordSpendRequest:
        given: dict[str, Any] = {
            "campaign_id": campaign,
            "touchpoint_id": place,
            "amount": euros(amount, currency),
            "day": "2026-03-02",
            "source": "books",
            "external_id": "7",
        }
        return pb.RecordSpendRequest(**(given | changed))

    first = (await customers.call(entry("10.50"))).spend
    with commands.recorded():
        again = (await customers.call(entry("10.5"))).spend
    assert again == first
    assert await commands.unindexed() == []
    corrected = (await customers.call(entry("12", note="with tax"))).spend
    assert (corrected.id, corrected.amount.amount, corrected.version) == (first.id, "12.00", 2)
    other = (await customers.call(entry("1", source="cards", external_id="7"))).spend
    assert other.id != first.id
    foreign = (await customers.call(entry("5", external_id="8", currency="CHF"))).spend

    events = await _told(database)
    assert [(e.subject_id, e.before.value, e.after.value) for e in events] == [
        (first.id, 0.0, 10.5),
        (first.id, 10.5, 12.0),
        (other.id, 0.0, 1.0),
        (foreign.id, 0.0, 0.0),
    ]
    assert dict(events[0].after.dimensions) == {
        "source": "books",
        "touchpoint": place,
        "channel": "WEB_FORM",
        "campaign": campaign,
    }
    assert events[3].after.exclusion_reason == "OTHER_CURRENCY"

    with commands.recorded():
        request = pb.BatchListSpendRequest(campaign_ids=[campaign], page=page_pb2.PageRequest(first=2))
        page = (await customers.call(request)).pages[campaign]
    assert (len(page.edges), page.page_info.has_next_page, len(commands.found)) == (2, True, 1)
    assert await commands.unindexed() == []
    before = page_pb2.PageRequest(last=5, before=page.page_info.end_cursor)
    back = (await customers.call(pb.BatchListSpendRequest(campaign_ids=[campaign], page=before))).pages[campaign]
    assert [edge.node for edge in back.edges] == [page.edges[0].node]


async def test_what_cannot_be_is_refused_and_nothing_is_told(customers: Running, database: Database) -> None:
    campaign = (await customers.call(campaign_pb2.CreateCampaignRequest(fields=fields()))).campaign.id
    good: dict[str, Any] = {"campaign_id": campaign, "amount": euros("1"), "day": "2026-03-02"}
    for changed, code, path in (
        ({"campaign_id": None}, grpc.StatusCode.INVALID_ARGUMENT, ("campaign_id",)),
        ({"campaign_id": f"cmp_{NOBODY}"}, grpc.StatusCode.NOT_FOUND, ("campaign_id",)),
        ({"touchpoint_id": f"tou_{NOBODY}"}, grpc.StatusCode.NOT_FOUND, ("touchpoint_id",)),
        ({"amount": euros("0")}, grpc.StatusCode.INVALID_ARGUMENT, ("amount", "amount")),
        ({"amount": euros("1", "EURO")}, grpc.StatusCode.INVALID_ARGUMENT, ("amount", "currency")),
        ({"day": "2026-02-30"}, grpc.StatusCode.INVALID_ARGUMENT, ("day",)),
    ):
        request = pb.RecordSpendRequest(**(good | changed))
        assert (await customers.refused(request))[0] is code
        assert (await customers.fault(request)).path == path
    assert (await customers.refused(pb.RecordSpendRequest(**good), partner("shop")))[0] is (
        grpc.StatusCode.PERMISSION_DENIED
    )
    assert await _told(database) == []
    assert await database["spend"].count_documents({}) == 0
