"""Offers and what came of them as messages, and back."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from rundblick.customers.v1 import offer_pb2 as pb

from chassis.times import from_timestamp, to_timestamp
from services.customers.campaign.messages import day_from_proto, money_from_proto, money_to_proto
from services.customers.consent.domain import ConsentPurpose
from services.customers.consent.messages import PURPOSE_TO_PROTO, channel_from_proto, purpose_from_proto
from services.customers.customer.domain import OWN_SOURCE
from services.customers.offer.domain import Cap, Kind, Offer, Outcome, Result, Step
from services.customers.touchpoint.messages import CHANNEL_TO_PROTO, kind_from_proto

KIND_TO_PROTO: Mapping[Kind, Any] = {kind: pb.OfferKind.Value(f"OFFER_KIND_{kind.value}") for kind in Kind}
STEP_TO_PROTO: Mapping[Step, Any] = {step: pb.OfferStep.Value(f"OFFER_STEP_{step.value}") for step in Step}
RESULT_TO_PROTO: Mapping[Result, Any] = {one: pb.OfferResult.Value(f"OFFER_RESULT_{one.value}") for one in Result}
KIND_FROM_PROTO: Mapping[int, Kind] = {number: kind for kind, number in KIND_TO_PROTO.items()}
STEP_FROM_PROTO: Mapping[int, Step] = {number: step for step, number in STEP_TO_PROTO.items()}
RESULT_FROM_PROTO: Mapping[int, Result] = {number: one for one, number in RESULT_TO_PROTO.items()}


def from_proto(fields: pb.OfferFields, id: str) -> Offer:
    """InvalidInput: what cannot be offered, with the field."""

    def day(name: Any) -> date | None:
        return day_from_proto(getattr(fields, name), name) if fields.HasField(name) else None

    return Offer(
        id=id,
        key=fields.key,
        title=fields.title,
        description=fields.description if fields.HasField("description") else None,
        kind=kind_from_proto(KIND_FROM_PROTO, fields.kind, "kind") if fields.kind else Kind.OFFER,
        step=kind_from_proto(STEP_FROM_PROTO, fields.step, "step") if fields.HasField("step") else None,
        eligibility=fields.eligibility if fields.HasField("eligibility") else None,
        value=money_from_proto(fields.value, "value") if fields.HasField("value") else None,
        valid_from=day("valid_from"),
        valid_to=day("valid_to"),
        excludes=tuple(fields.excludes),
        cap=Cap(fields.cap.most, fields.cap.days) if fields.HasField("cap") else None,
        topics=tuple(fields.topics),
        stages=tuple(fields.stages),
        purpose=purpose_from_proto(fields.purpose) if fields.purpose else ConsentPurpose.MARKETING,
        channels=tuple(channel_from_proto(channel) for channel in fields.channels),
    )


def to_proto(offer: Offer) -> pb.Offer:
    fields = pb.OfferFields(
        key=offer.key,
        title=offer.title,
        description=offer.description,
        kind=KIND_TO_PROTO[offer.kind],
        step=STEP_TO_PROTO[offer.step] if offer.step is not None else None,
        eligibility=offer.eligibility,
        value=money_to_proto(offer.value),
        valid_from=offer.valid_from.isoformat() if offer.valid_from is not None else None,
        valid_to=offer.valid_to.isoformat() if offer.valid_to is not None else None,
        excludes=offer.excludes,
        cap=pb.OfferCap(most=offer.cap.most, days=offer.cap.days) if offer.cap is not None else None,
        topics=offer.topics,
        stages=offer.stages,
        purpose=PURPOSE_TO_PROTO[offer.purpose],
        channels=[CHANNEL_TO_PROTO[channel] for channel in offer.channels],
    )
    return pb.Offer(id=offer.id, fields=fields, active=offer.active, source=offer.source, version=offer.version)


def outcome_from_proto(request: pb.RecordOfferOutcomeRequest, offer: Offer, id: str, now: datetime) -> Outcome:
    """InvalidInput: what cannot be kept, with the field."""
    return Outcome(
        id=id,
        offer=offer.id,
        key=offer.key,
        result=kind_from_proto(RESULT_FROM_PROTO, request.result, "result"),
        at=from_timestamp(request.at, ("at",)) if request.HasField("at") else now,
        source=request.source or OWN_SOURCE,
        channel=channel_from_proto(request.channel) if request.HasField("channel") else None,
        touchpoint=request.touchpoint_id if request.HasField("touchpoint_id") else None,
        value=money_from_proto(request.value, "value") if request.HasField("value") else None,
        external_id=request.external_id if request.HasField("external_id") else None,
    )


def outcome_to_proto(outcome: Outcome) -> pb.OfferOutcome:
    return pb.OfferOutcome(
        id=outcome.id,
        customer_id=outcome.customer,
        source_record_id=outcome.source_record,
        offer_id=outcome.offer,
        result=RESULT_TO_PROTO[outcome.result],
        at=to_timestamp(outcome.at),
        channel=CHANNEL_TO_PROTO[outcome.channel] if outcome.channel is not None else None,
        touchpoint_id=outcome.touchpoint,
        value=money_to_proto(outcome.value),
        source=outcome.source,
        external_id=outcome.external_id,
    )
