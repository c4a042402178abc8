"""Mutations of offers: what is offered, and what came of it."""

from datetime import date, datetime
from typing import Any

import strawberry
from rundblick.customers.v1 import customer_pb2
from rundblick.customers.v1 import offer_pb2 as pb

from chassis.times import to_timestamp
from gateway.customers.client import customers_of
from gateway.customers.consent import ConsentPurpose, channel_value, purpose_value
from gateway.customers.offer import Offer, OfferKind, OfferOutcome, OfferResult, OfferStep, offer_of, outcome_of
from gateway.customers.state import LifecycleStage
from gateway.customers.touchpoint import Channel
from gateway.shared import ExternalIdInput, Info, MoneyInput, UserError, mutate


@strawberry.input
class OfferCapInput:
    most: int
    days: int


@strawberry.input(description="All of an offer: what is not said is not so.")
class DefineOfferInput:
    key: str
    version: int | None = strawberry.field(default=None, description="The one the change was made from; null: new.")
    title: str
    description: str | None = None
    kind: OfferKind | None = strawberry.field(default=None, description="null: OFFER")
    step: OfferStep | None = strawberry.field(default=None, description="Of a NEXT_STEP.")
    eligibility: str | None = strawberry.field(
        default=None, description="CEL over the facts of a customer; null: everybody."
    )
    value: MoneyInput | None = None
    valid_from: date | None = None
    valid_to: date | None = strawberry.field(default=None, description="The last day.")
    excludes: list[str] = strawberry.field(
        default_factory=list, description="Keys of offers of which a customer has one alone."
    )
    cap: OfferCapInput | None = None
    topics: list[str] = strawberry.field(default_factory=list, description="Needs that it answers.")
    stages: list[LifecycleStage] = strawberry.field(default_factory=list, description="Of the lifecycle; none: all.")
    purpose: ConsentPurpose | None = strawberry.field(default=None, description="null: MARKETING")
    channels: list[Channel] = strawberry.field(default_factory=list, description="The preferred first; none: any.")
    idempotency_key: str | None = None


@strawberry.input
class ArchiveOfferInput:
    id: strawberry.ID
    version: int = strawberry.field(description="The one the change was made from.")
    idempotency_key: str | None = None


@strawberry.input(description="Name the customer by id or by externalId.")
class RecordOfferOutcomeInput:
    offer: str = strawberry.field(description="Its id or key.")
    customer: strawberry.ID | None = None
    customer_external_id: ExternalIdInput | None = None
    result: OfferResult
    at: datetime | None = strawberry.field(default=None, description="null: now")
    channel: Channel | None = strawberry.field(default=None, description="null: that of the touchpoint")
    touchpoint: strawberry.ID | None = None
    value: MoneyInput | None = None
    source: str = "rundblick"
    external_id: str | None = strawberry.field(
        default=None, description="Unique per source: what has one already is the same outcome."
    )
    idempotency_key: str | None = None


@strawberry.type
class DefineOfferPayload:
    user_errors: list[UserError]
    offer: Offer | None = None


@strawberry.type
class ArchiveOfferPayload:
    user_errors: list[UserError]
    offer: Offer | None = None


@strawberry.type
class RecordOfferOutcomePayload:
    user_errors: list[UserError]
    outcome: OfferOutcome | None = None


def _fields(input: DefineOfferInput) -> pb.OfferFields:
    return pb.OfferFields(
        key=input.key,
        title=input.title,
        description=input.description,
        kind=pb.OfferKind.Value(f"OFFER_KIND_{(input.kind or OfferKind.OFFER).value}"),
        step=pb.OfferStep.Value(f"OFFER_STEP_{input.step.value}") if input.step is not None else None,
        eligibility=input.eligibility,
        value=input.value.to_proto() if input.value is not None else None,
        valid_from=input.valid_from.isoformat() if input.valid_from is not None else None,
        valid_to=input.valid_to.isoformat() if input.valid_to is not None else None,
        excludes=input.excludes,
        cap=pb.OfferCap(most=input.cap.most, days=input.cap.days) if input.cap is not None else None,
        topics=input.topics,
        stages=[stage.value for stage in input.stages],
        purpose=purpose_value(input.purpose or ConsentPurpose.MARKETING),
        channels=[channel_value(channel) for channel in input.channels],
    )


@strawberry.type
class OfferMutation:
    @strawberry.mutation(description="A new offer, or the next version of one; an archived one is active again.")
    async def define_offer(self, info: Info, input: DefineOfferInput) -> DefineOfferPayload | None:
        client = customers_of(info)
        request = pb.DefineOfferRequest(
            idempotency_key=input.idempotency_key, fields=_fields(input), version=input.version
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.offers.DefineOffer, request)
            return {"offer": offer_of(answer.offer)}

        return await mutate(DefineOfferPayload, work())

    @strawberry.mutation(description="It is recommended to nobody any more; what came of it stays.")
    async def archive_offer(self, info: Info, input: ArchiveOfferInput) -> ArchiveOfferPayload | None:
        client = customers_of(info)
        request = pb.ArchiveOfferRequest(idempotency_key=input.idempotency_key, id=input.id, version=input.version)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.offers.ArchiveOffer, request)
            return {"offer": offer_of(answer.offer)}

        return await mutate(ArchiveOfferPayload, work())

    @strawberry.mutation(description="What came of an offer. Record CONVERTED wherever it happens, offered or not.")
    async def record_offer_outcome(
        self, info: Info, input: RecordOfferOutcomeInput
    ) -> RecordOfferOutcomePayload | None:
        client = customers_of(info)
        external = input.customer_external_id
        request = pb.RecordOfferOutcomeRequest(
            idempotency_key=input.idempotency_key,
            offer=input.offer,
            customer_id=input.customer,
            customer_external_id=customer_pb2.ExternalId(source=external.source, id=external.id) if external else None,
            result=pb.OfferResult.Value(f"OFFER_RESULT_{input.result.value}"),
            at=to_timestamp(input.at),
            channel=channel_value(input.channel) if input.channel is not None else None,
            touchpoint_id=input.touchpoint,
            value=input.value.to_proto() if input.value is not None else None,
            source=input.source,
            external_id=input.external_id,
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.offers.RecordOfferOutcome, request)
            return {"outcome": outcome_of(answer.outcome)}

        return await mutate(RecordOfferOutcomePayload, work())
