"""Enquiries are credited to campaigns by what touched their customers, whoever the customers turn out to be."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rundblick.customers.v1 import (
    campaign_pb2,
    campaign_pb2_grpc,
    customer_pb2,
    customer_pb2_grpc,
    interaction_pb2,
    interaction_pb2_grpc,
    touchpoint_pb2,
    touchpoint_pb2_grpc,
)
from rundblick.metrics.v1 import kpi_pb2, kpi_pb2_grpc
from rundblick.shared.v1 import money_pb2, verification_pb2, verification_pb2_grpc

from chassis.ids import new_id
from chassis.times import to_timestamp
from tests.flows.conftest import Trio

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Company:
    """What it says to customers, and what its figures say."""

    def __init__(self, trio: Trio) -> None:
        self.trio = trio
        self._customers: Any = customer_pb2_grpc.CustomerServiceStub(trio.channels["customers"])
        self._touchpoints: Any = touchpoint_pb2_grpc.TouchpointServiceStub(trio.channels["customers"])
        self._campaigns: Any = campaign_pb2_grpc.CampaignServiceStub(trio.channels["customers"])
        self._interactions: Any = interaction_pb2_grpc.InteractionServiceStub(trio.channels["customers"])
        self._checks: Any = verification_pb2_grpc.VerificationServiceStub(trio.channels["customers"])
        self._kpis: Any = kpi_pb2_grpc.KpiServiceStub(trio.channels["metrics"])

    async def customer(self, name: str) -> customer_pb2.Customer:
        request = customer_pb2.CreateCustomerRequest(
            kind=customer_pb2.CUSTOMER_KIND_PERSON,
            fields=customer_pb2.CustomerFields(display_name=name),
            external_id=customer_pb2.ExternalId(source="shop", id=name),
        )
        made: customer_pb2.Customer = (await self._customers.CreateCustomer(request, timeout=10)).customer
        return made

    async def campaign(self, key: str) -> tuple[str, str]:
        """A touchpoint and the campaign that runs there."""
        place = touchpoint_pb2.CreateTouchpointRequest(
            key=key,
            name=key,
            channel=touchpoint_pb2.CHANNEL_PRINT,
            nature=touchpoint_pb2.TOUCHPOINT_NATURE_PHYSICAL,
            control=touchpoint_pb2.TOUCHPOINT_CONTROL_PAID,
        )
        touchpoint: str = (await self._touchpoints.CreateTouchpoint(place, timeout=10)).touchpoint.id
        fields = campaign_pb2.CampaignFields(
            name=key,
            objective="o",
            starts_on="2026-03-01",
            ends_on="2026-03-31",
            status=campaign_pb2.CAMPAIGN_STATUS_ACTIVE,
            budget=money_pb2.Money(amount="1", currency="EUR"),
            touchpoint_ids=[touchpoint],
        )
        made = await self._campaigns.CreateCampaign(campaign_pb2.CreateCampaignRequest(fields=fields), timeout=10)
        return touchpoint, made.campaign.id

    async def contact(self, hours: int, customer: str | None, enquiry: str | None = None, **fields: Any) -> None:
        fact = interaction_pb2.Interaction(
            id=fields.pop("id", None) or new_id("int"),
            customer_id=customer,
            direction=interaction_pb2.DIRECTION_INBOUND,
            kind=interaction_pb2.INTERACTION_KIND_OTHER,
            occurred_at=to_timestamp(AT + timedelta(hours=hours)),
            source="shop",
            subject=interaction_pb2.Subject(kind=interaction_pb2.SUBJECT_KIND_ENQUIRY, id=enquiry) if enquiry else None,
            **fields,
        )
        request = interaction_pb2.RecordInteractionsRequest(interactions=[fact])
        answer = await self._interactions.RecordInteractions(request, timeout=10)
        assert answer.answers[0].HasField("value"), answer

    async def merge(self, into: str, other: str) -> None:
        request = customer_pb2.MergeCustomersRequest(id=into, duplicate_ids=[other])
        await self._customers.MergeCustomers(request, timeout=10)

    async def split(self, customer: str, former: str) -> None:
        request = customer_pb2.SplitCustomerRequest(id=customer, former_id=former)
        await self._customers.SplitCustomer(request, timeout=10)

    async def checked(self) -> verification_pb2.CheckBatchResponse:
        """What the self-check finds of it."""
        request = verification_pb2.CheckBatchRequest(part="attributions", size=100)
        found: verification_pb2.CheckBatchResponse = await self._checks.CheckBatch(request, timeout=10)
        return found

    async def credited(self, *campaigns: str) -> list[float]:
        """After all that is on its way has arrived; and the self-check finds nothing wrong."""
        await self.trio.settle()
        request = kpi_pb2.BatchGetSubjectResultsRequest(
            kind=kpi_pb2.SUBJECT_KIND_CAMPAIGN, ids=campaigns, keys=["attributed_enquiries"]
        )
        answers = (await self._kpis.BatchGetSubjectResults(request, timeout=10)).answers
        checked = await self.checked()
        assert checked.examined > 0
        assert list(checked.differences) == []
        return [round(answers[id].value.results[0].value, 6) for id in campaigns]


async def test_credit_follows_the_customer_through_late_facts_merges_and_splits(trio: Trio) -> None:
    company = Company(trio)
    poster, spring = await company.campaign("poster")
    fair, summer = await company.campaign("fair")
    ann, ben = await company.customer("Ann"), await company.customer("Ben")
    await company.contact(0, ben.id, touchpoint_id=poster)
    await company.contact(5, ann.id, new_id("enq"))
    # Nobody known: what the contact itself says is all there is.
    stranger = new_id("enq")
    await company.contact(9, None, stranger, touchpoint_id=fair)
    await company.contact(10, None, stranger)
    assert await company.credited(spring, summer) == [0.0, 1.0]

    await company.merge(ann.id, ben.id)
    assert await company.credited(spring, summer) == [1.0, 1.0]

    await company.split(ann.id, ben.id)
    assert await company.credited(spring, summer) == [0.0, 1.0]

    await company.contact(3, ann.id, touchpoint_id=fair)
    assert await company.credited(spring, summer) == [0.0, 2.0]


async def test_it_became_known_whose_a_contact_is_before_it_was_looked_at(trio: Trio) -> None:
    company = Company(trio)
    poster, spring = await company.campaign("poster")
    ann = await company.customer("Ann")
    await trio.settle()
    enquiry, first, second = new_id("enq"), new_id("int"), new_id("int")
    await company.contact(2, ann.id, new_id("enq"))
    for customer in (None, ann.id):
        # The enquiry began before the campaign touched anybody.
        await company.contact(0, customer, enquiry, id=first)
        await company.contact(1, customer, enquiry, id=second, touchpoint_id=poster)
    looks = [(owner, entry) for owner, entry in await trio.waiting() if entry.destination == "attribution"]
    for owner, entry in (looks[0], *looks[3:], *looks[1:3]):
        await trio.deliver(owner, entry)
    assert await company.credited(spring) == [1.0], "the later enquiry alone"


async def test_what_was_credited_wrongly_is_named(trio: Trio) -> None:
    company = Company(trio)
    poster, spring = await company.campaign("poster")
    ann = await company.customer("Ann")
    await company.contact(0, ann.id, new_id("enq"), touchpoint_id=poster)
    assert await company.credited(spring) == [1.0]
    await trio.databases["customers"]["credits"].update_many({}, {"$set": {f"shares.{spring}": 1}})
    [difference] = (await company.checked()).differences
    assert difference.what == "attribution"
