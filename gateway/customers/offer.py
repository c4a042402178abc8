"""Offers in the graph: what a company can offer or do next, to whom, and what came of it."""

from datetime import date, datetime
from enum import Enum
from typing import Any

import strawberry
from rundblick.customers.v1 import offer_pb2 as pb
from rundblick.customers.v1 import touchpoint_pb2
from strawberry import federation

from gateway.customers.client import customers_of
from gateway.customers.consent import ConsentPurpose, purpose_of
from gateway.customers.state import LifecycleStage
from gateway.customers.touchpoint import Channel, Touchpoint
from gateway.errors import ServiceError, bad_input
from gateway.shared import (
    Info,
    Money,
    Named,
    Node,
    PageInfo,
    enum_of,
    needed,
    owned,
    page_request,
    present,
)


@strawberry.enum(description="NEXT_STEP: something an employee does.")
class OfferKind(Enum):
    OFFER = "OFFER"
    NEXT_STEP = "NEXT_STEP"


@strawberry.enum(description="TASK needs no contact with the customer.")
class OfferStep(Enum):
    CALL = "CALL"
    MEETING = "MEETING"
    TASK = "TASK"


@strawberry.enum(description="ACCEPTED: the answer was yes. CONVERTED: bought or done, whether it was offered or not.")
class OfferResult(Enum):
    SHOWN = "SHOWN"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    CONVERTED = "CONVERTED"


@strawberry.type(description="At most so many times shown to a customer in so many days.")
class OfferCap:
    most: int
    days: int


def channel_of(number: int) -> Channel:
    return enum_of(Channel, touchpoint_pb2.Channel, number, "CHANNEL_")


async def load_offer(info: Info, id: str) -> Any:
    return await customers_of(info).offers.load(id)


def _field(name: str, get: Any = None) -> Any:
    """Of what was defined."""
    return owned(load_offer, lambda record: (get or present)(record.fields, name))


def _plain(fields: pb.OfferFields, name: str) -> Any:
    return getattr(fields, name)


def _list(fields: pb.OfferFields, name: str) -> list[str]:
    return list(getattr(fields, name))


def _kind(fields: pb.OfferFields, _: str) -> OfferKind:
    return enum_of(OfferKind, pb.OfferKind, fields.kind, "OFFER_KIND_")


def _step(fields: pb.OfferFields, _: str) -> OfferStep | None:
    return enum_of(OfferStep, pb.OfferStep, fields.step, "OFFER_STEP_") if fields.HasField("step") else None


def _money(fields: pb.OfferFields, _: str) -> Money | None:
    return Money.of(fields.value) if fields.HasField("value") else None


def _day(fields: pb.OfferFields, name: Any) -> date | None:
    return date.fromisoformat(getattr(fields, name)) if fields.HasField(name) else None


def _cap(fields: pb.OfferFields, _: str) -> OfferCap | None:
    return OfferCap(most=fields.cap.most, days=fields.cap.days) if fields.HasField("cap") else None


def _purpose(fields: pb.OfferFields, _: str) -> ConsentPurpose:
    return purpose_of(fields.purpose)


def _stages(fields: pb.OfferFields, _: str) -> list[LifecycleStage]:
    return [LifecycleStage(stage) for stage in fields.stages]


def _channels(fields: pb.OfferFields, _: str) -> list[Channel]:
    return [channel_of(channel) for channel in fields.channels]


@federation.type(keys=["id"], description="What can be offered to customers, or done with them next.")
class Offer(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    key: str = strawberry.field(resolver=_field("key", _plain))
    title: str = strawberry.field(resolver=_field("title", _plain))
    description: str | None = strawberry.field(resolver=_field("description"))
    kind: OfferKind = strawberry.field(resolver=_field("kind", _kind))
    step: OfferStep | None = strawberry.field(resolver=_field("step", _step), description="Of a NEXT_STEP.")
    eligibility: str | None = strawberry.field(
        resolver=_field("eligibility"), description="CEL over the facts of a customer; null: everybody."
    )
    value: Money | None = strawberry.field(resolver=_field("value", _money))
    valid_from: date | None = strawberry.field(resolver=_field("valid_from", _day))
    valid_to: date | None = strawberry.field(resolver=_field("valid_to", _day), description="The last day.")
    excludes: list[str] = strawberry.field(
        resolver=_field("excludes", _list), description="Keys of offers of which a customer has one alone."
    )
    cap: OfferCap | None = strawberry.field(resolver=_field("cap", _cap))
    topics: list[str] = strawberry.field(resolver=_field("topics", _list), description="Needs that it answers.")
    stages: list[LifecycleStage] = strawberry.field(
        resolver=_field("stages", _stages), description="Of the lifecycle, that it suits; none: all."
    )
    purpose: ConsentPurpose = strawberry.field(
        resolver=_field("purpose", _purpose), description="What a customer must allow to be contacted with it."
    )
    channels: list[Channel] = strawberry.field(
        resolver=_field("channels", _channels), description="The preferred first; none: any."
    )
    active: bool = strawberry.field(resolver=owned(load_offer, lambda record: record.active))
    source: str = strawberry.field(resolver=owned(load_offer, lambda record: record.source))
    version: int = strawberry.field(resolver=owned(load_offer, lambda record: record.version))

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Offer":
        return cls(id=id)


@strawberry.type
class OfferEdge:
    cursor: str
    node: Offer


@strawberry.type
class OfferConnection:
    edges: list[OfferEdge]
    page_info: PageInfo


@strawberry.type(description="What came of an offer to a customer.")
class OfferOutcome:
    id: strawberry.ID
    offer: Offer
    result: OfferResult
    at: datetime
    channel: Channel | None
    touchpoint: Touchpoint | None
    value: Money | None
    source: str
    external_id: str | None


@strawberry.type
class OfferOutcomeEdge:
    cursor: str
    node: OfferOutcome


@strawberry.type
class OfferOutcomeConnection:
    edges: list[OfferOutcomeEdge]
    page_info: PageInfo


def offer_of(record: pb.Offer) -> Offer:
    return Offer(id=strawberry.ID(record.id), record=record)


def outcome_of(record: pb.OfferOutcome) -> OfferOutcome:
    return OfferOutcome(
        id=strawberry.ID(record.id),
        offer=Offer(id=strawberry.ID(record.offer_id)),
        result=enum_of(OfferResult, pb.OfferResult, record.result, "OFFER_RESULT_"),
        at=needed(record, "at"),
        channel=channel_of(record.channel) if record.HasField("channel") else None,
        touchpoint=Touchpoint(id=strawberry.ID(record.touchpoint_id)) if record.HasField("touchpoint_id") else None,
        value=Money.of(record.value) if record.HasField("value") else None,
        source=record.source,
        external_id=present(record, "external_id"),
    )


async def offer_outcomes(
    info: Info, customer: str, first: int | None, after: str | None, last: int | None, before: str | None
) -> OfferOutcomeConnection:
    arguments = pb.BatchListOfferOutcomesRequest(page=page_request(first, after, last, before))
    page: pb.OfferOutcomePage = await customers_of(info).offer_outcomes.load(customer, arguments)
    return OfferOutcomeConnection(
        edges=[OfferOutcomeEdge(cursor=edge.cursor, node=outcome_of(edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
    )


@strawberry.type
class OfferQuery:
    @strawberry.field(description="In the order of their keys. active: null: all.")
    async def offers(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        active: bool | None = None,
    ) -> OfferConnection | None:
        client = customers_of(info)
        request = pb.ListOffersRequest(page=page_request(first, after, last, before), active=active)
        answer: pb.ListOffersResponse = await client.call(client.stubs.offers.ListOffers, request)
        return OfferConnection(
            edges=[OfferEdge(cursor=edge.cursor, node=offer_of(edge.node)) for edge in answer.page.edges],
            page_info=PageInfo.of(answer.page.page_info),
        )

    @strawberry.field(description="By id or by key; null when there is none.")
    async def offer(self, info: Info, id: strawberry.ID | None = None, key: str | None = None) -> Offer | None:
        client = customers_of(info)
        if (id is None) == (key is None):
            raise bad_input("give id or key", "id")
        if key is None:
            record = await client.offers.load(id or "")
            return offer_of(record) if record is not None else None
        try:
            answer = await client.call(client.stubs.offers.FindOffer, pb.FindOfferRequest(key=key))
        except ServiceError as error:
            if error.error.code == "NOT_FOUND":
                return None
            raise
        return offer_of(answer.offer)
