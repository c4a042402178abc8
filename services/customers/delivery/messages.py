"""Deliveries as messages, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import delivery_pb2 as pb

from chassis.errors import InvalidInput
from chassis.ids import new_id
from chassis.times import from_timestamp, to_timestamp
from services.customers.consent.messages import (
    PURPOSE_TO_PROTO,
    channel_from_proto,
    permission_to_proto,
    purpose_from_proto,
)
from services.customers.customer.domain import OWN_SOURCE
from services.customers.delivery.domain import LIFETIME, PREFIX, Delivery, DeliveryState
from services.customers.touchpoint.messages import CHANNEL_TO_PROTO

STATE_TO_PROTO: Mapping[DeliveryState, Any] = {
    kind: pb.DeliveryState.Value(f"DELIVERY_STATE_{kind.value}") for kind in DeliveryState
}
STATE_FROM_PROTO: Mapping[int, DeliveryState] = {proto: kind for kind, proto in STATE_TO_PROTO.items()}


def state_from_proto(number: int) -> DeliveryState:
    if number not in STATE_FROM_PROTO:
        raise InvalidInput("the state is not known", ("state",))
    return STATE_FROM_PROTO[number]


def from_proto(
    message: pb.NewDelivery,
    customer: str | None,
    source_record: str | None,
    now: datetime,
) -> Delivery:
    """InvalidInput: what cannot be sent, with the field."""
    expires = from_timestamp(message.expires_at, ("expires_at",)) if message.HasField("expires_at") else now + LIFETIME
    return Delivery(
        id=new_id(PREFIX),
        channel=channel_from_proto(message.channel),
        text=message.text,
        source=message.source or OWN_SOURCE,
        queued_at=now,
        expires_at=expires,
        next_at=now,
        customer=customer,
        source_record=source_record,
        address=message.address.strip() if message.HasField("address") else None,
        purpose=purpose_from_proto(message.purpose) if message.HasField("purpose") else None,
        subject=message.subject.strip() if message.HasField("subject") else None,
        html=message.html if message.HasField("html") else None,
        language=message.language or "en",
        reference=message.reference if message.HasField("reference") else None,
        external_id=message.external_id if message.HasField("external_id") else None,
        tokens={"survey": message.survey_token} if message.HasField("survey_token") else {},
    )


def to_proto(delivery: Delivery, *, bare: bool = False) -> pb.Delivery:
    """bare: without what is personal."""
    refusal = delivery.refusal
    return pb.Delivery(
        id=delivery.id,
        customer_id=delivery.customer,
        source_record_id=delivery.source_record,
        channel=CHANNEL_TO_PROTO[delivery.channel],
        address=None if bare else delivery.address,
        purpose=PURPOSE_TO_PROTO[delivery.purpose] if delivery.purpose is not None else None,
        subject=None if bare else delivery.subject,
        text="" if bare else delivery.text,
        html=None if bare else delivery.html,
        language=delivery.language,
        reference=delivery.reference,
        state=STATE_TO_PROTO[delivery.state],
        attempts=delivery.attempts,
        last_error=delivery.last_error,
        refusal=permission_to_proto(refusal) if refusal is not None else None,
        queued_at=to_timestamp(delivery.queued_at),
        expires_at=to_timestamp(delivery.expires_at),
        sent_at=to_timestamp(delivery.sent_at),
        source=delivery.source,
        external_id=delivery.external_id,
    )
