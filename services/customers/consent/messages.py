"""Consent as messages, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import consent_pb2 as pb
from rundblick.customers.v1 import touchpoint_pb2

from chassis.caller import Caller
from chassis.times import from_timestamp, to_timestamp
from services.customers.consent.domain import (
    ADDRESS_FIELDS,
    Consent,
    ConsentEntry,
    ConsentPurpose,
    ConsentStatus,
    ContactReason,
    Permission,
    Statement,
)
from services.customers.customer.domain import OWN_SOURCE
from services.customers.touchpoint.domain import Channel
from services.customers.touchpoint.messages import CHANNEL_FROM_PROTO, CHANNEL_TO_PROTO, kind_from_proto

PURPOSE_TO_PROTO: Mapping[ConsentPurpose, Any] = {
    kind: pb.ConsentPurpose.Value(f"CONSENT_PURPOSE_{kind.value}") for kind in ConsentPurpose
}
STATUS_TO_PROTO: Mapping[ConsentStatus, Any] = {
    kind: pb.ConsentStatus.Value(f"CONSENT_STATUS_{kind.value}") for kind in ConsentStatus
}
REASON_TO_PROTO: Mapping[ContactReason, Any] = {
    kind: pb.ContactReason.Value(f"CONTACT_REASON_{kind.value}") for kind in ContactReason
}
PURPOSE_FROM_PROTO: Mapping[int, ConsentPurpose] = {proto: kind for kind, proto in PURPOSE_TO_PROTO.items()}


def purpose_from_proto(number: int) -> ConsentPurpose:
    return kind_from_proto(PURPOSE_FROM_PROTO, number, "purpose")


def channel_from_proto(number: int) -> Channel:
    return kind_from_proto(CHANNEL_FROM_PROTO, number, "channel")


def statement_from_proto(message: pb.ConsentStatement, status: ConsentStatus, now: datetime) -> Statement:
    """InvalidInput: what cannot be kept, with the field."""
    return Statement(
        channel=channel_from_proto(message.channel),
        purpose=purpose_from_proto(message.purpose),
        status=status,
        source=message.source or OWN_SOURCE,
        occurred_at=_moment(message, "occurred_at") or now,
        recorded_at=now,
        address=message.address.strip() if message.HasField("address") else None,
        expires_at=_moment(message, "expires_at"),
        wording_version=message.wording_version if message.HasField("wording_version") else None,
        ip_address=message.ip_address if message.HasField("ip_address") else None,
    )


def _moment(message: pb.ConsentStatement, name: str) -> datetime | None:
    return from_timestamp(getattr(message, name), (name,)) if message.HasField(name) else None  # type: ignore[arg-type]


def entry_to_proto(entry: ConsentEntry, caller: Caller) -> pb.ConsentEntry:
    # Who works for the company is no business of partners.
    told = caller.sources is None or entry.recorded_by == caller.subject
    said = entry.said
    return pb.ConsentEntry(
        id=entry.id,
        customer_id=entry.customer,
        source_record_id=entry.source_record,
        channel=CHANNEL_TO_PROTO[said.channel],
        purpose=PURPOSE_TO_PROTO[said.purpose],
        status=STATUS_TO_PROTO[said.status],
        address=said.address,
        source=said.source,
        occurred_at=to_timestamp(said.occurred_at),
        recorded_at=to_timestamp(said.recorded_at),
        expires_at=to_timestamp(said.expires_at),
        wording_version=said.wording_version,
        ip_address=said.ip_address,
        recorded_by=entry.recorded_by if told else None,
        confirms_id=entry.confirms,
    )


def consent_to_proto(consent: Consent) -> pb.Consent:
    return pb.Consent(
        channel=CHANNEL_TO_PROTO[consent.channel],
        purpose=PURPOSE_TO_PROTO[consent.purpose],
        status=STATUS_TO_PROTO[consent.status],
        address=consent.address,
        since=to_timestamp(consent.since),
        expires_at=to_timestamp(consent.expires_at),
        entry_id=consent.entry,
    )


def permission_to_proto(permission: Permission) -> pb.ContactPermission:
    channel = permission.channel
    return pb.ContactPermission(
        allowed=permission.allowed,
        reason=REASON_TO_PROTO[permission.reason],
        channel=CHANNEL_TO_PROTO[channel] if channel is not None else touchpoint_pb2.CHANNEL_UNSPECIFIED,
        purpose=PURPOSE_TO_PROTO[permission.purpose],
        address=permission.addresses[0] if permission.addresses else None,
        since=to_timestamp(permission.since),
        reachable=bool(permission.addresses) or channel not in ADDRESS_FIELDS,
    )
