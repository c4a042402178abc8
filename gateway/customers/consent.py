"""Consent in the graph: where a customer stands, what was said, and whether a contact is allowed, in words."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from rundblick.customers.v1 import consent_pb2 as pb
from rundblick.customers.v1 import touchpoint_pb2
from strawberry.scalars import JSON

from chassis.errors import NotFound
from gateway.customers.client import customers_of
from gateway.customers.touchpoint import Channel
from gateway.rights import personal
from gateway.shared import Info, Message, PageInfo, enum_of, moment, needed, page_request, present

# Code -> the sentence in English and in German; each parameter in it is a parameter of the message.
_WHY: dict[Any, tuple[str, str]] = {
    pb.CONTACT_REASON_GRANTED: ("The customer consented on {since}.", "Der Kunde hat am {since} eingewilligt."),
    pb.CONTACT_REASON_NO_CONSENT_NEEDED: (
        "No consent is needed for this, and the customer did not object.",
        "Dafür ist keine Einwilligung nötig, und der Kunde hat nicht widersprochen.",
    ),
    pb.CONTACT_REASON_NO_CONSENT: ("The customer did not consent.", "Der Kunde hat nicht eingewilligt."),
    pb.CONTACT_REASON_REVOKED: ("The customer refused on {since}.", "Der Kunde hat am {since} widersprochen."),
    pb.CONTACT_REASON_EXPIRED: ("The consent expired on {since}.", "Die Einwilligung ist am {since} abgelaufen."),
    pb.CONTACT_REASON_PENDING: (
        "The consent of {since} has not been confirmed yet.",
        "Die Einwilligung vom {since} ist noch nicht bestätigt.",
    ),
    pb.CONTACT_REASON_SUSPENDED: (
        "The customer no longer has the address that the consent of {since} names.",
        "Der Kunde hat die Adresse nicht mehr, die die Einwilligung vom {since} nennt.",
    ),
    pb.CONTACT_REASON_CHANNEL_UNKNOWN: (
        "Nobody said on which channel it was, so no consent can be shown.",
        "Der Kanal ist nicht genannt, also lässt sich keine Einwilligung nachweisen.",
    ),
}


@strawberry.enum(description="What a contact is for. SERVICE is allowed unless the customer objects.")
class ConsentPurpose(Enum):
    SERVICE = "SERVICE"
    MARKETING = "MARKETING"
    SURVEY = "SURVEY"


@strawberry.enum(
    description="EXPIRED, SUSPENDED: granted, but it is over, or the customer no longer has the address it names."
)
class ConsentStatus(Enum):
    PENDING = "PENDING"
    GRANTED = "GRANTED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    SUSPENDED = "SUSPENDED"


def purpose_of(number: int) -> ConsentPurpose:
    return enum_of(ConsentPurpose, pb.ConsentPurpose, number, "CONSENT_PURPOSE_")


def purpose_value(purpose: ConsentPurpose) -> Any:
    return pb.ConsentPurpose.Value(f"CONSENT_PURPOSE_{purpose.value}")


def _channel(number: int) -> Channel:
    return enum_of(Channel, touchpoint_pb2.Channel, number, "CHANNEL_")


def channel_value(channel: Channel) -> Any:
    return touchpoint_pb2.Channel.Value(f"CHANNEL_{channel.value}")


def _status(number: int) -> ConsentStatus:
    return enum_of(ConsentStatus, pb.ConsentStatus, number, "CONSENT_STATUS_")


def why(record: pb.ContactPermission, language: str) -> Message:
    """Why a contact is allowed or not. language: any other than German is English."""
    code = pb.ContactReason.Name(record.reason).removeprefix("CONTACT_REASON_")
    channel = _channel(record.channel).value if record.channel else None
    since = moment(record, "since")
    parameters = {"channel": channel, "purpose": purpose_of(record.purpose).value}
    if since is not None:
        parameters["since"] = since.isoformat()
    german = language == "de"
    day = (since.strftime("%d.%m.%Y") if german else since.date().isoformat()) if since is not None else ""
    sentence = _WHY[record.reason][1 if german else 0].format(since=day)
    return Message(code=f"CONTACT_{code}", parameters=JSON(parameters), text=sentence)


def _from_record(name: str) -> Any:
    return lambda root, info: present(root.record, name)


@strawberry.type(description="Whether a contact is allowed, and why or why not.")
class ContactPermission:
    record: strawberry.Private[Any]

    allowed: bool
    reason: Message
    address: str | None = strawberry.field(
        resolver=personal("ContactPermission", "address", _from_record("address")),
        description="Where to; null: none is known, or the channel has none. Scope customers:personal.",
    )
    since: datetime | None


@strawberry.type(description="Where the customer stands on a channel, for a purpose.")
class Consent:
    record: strawberry.Private[Any]

    channel: Channel
    purpose: ConsentPurpose
    status: ConsentStatus
    address: str | None = strawberry.field(
        resolver=personal("Consent", "address", _from_record("address")),
        description="null: all addresses it was said for; of a refusal simply all. Scope customers:personal.",
    )
    since: datetime
    expires_at: datetime | None
    entry: strawberry.ID = strawberry.field(description="The ConsentRecord that decided.")


@strawberry.type(description="What was said once, with what proves it; never changed.")
class ConsentRecord:
    record: strawberry.Private[Any]

    id: strawberry.ID
    channel: Channel
    purpose: ConsentPurpose
    status: ConsentStatus
    address: str | None = strawberry.field(
        resolver=personal("ConsentRecord", "address", _from_record("address")),
        description="The only address a grant is for; null: any. Scope customers:personal.",
    )
    source_record: strawberry.ID = strawberry.field(description="The record of the customer it came in for.")
    source: str
    occurred_at: datetime
    recorded_at: datetime
    expires_at: datetime | None
    wording_version: str | None = strawberry.field(description="Of the text that the customer agreed to.")
    ip_address: str | None = strawberry.field(
        resolver=personal("ConsentRecord", "ipAddress", _from_record("ip_address")),
        description="From where it was said, if somebody noted it. Scope customers:personal.",
    )
    recorded_by: str | None = strawberry.field(description="The subject of who recorded it.")
    confirms: strawberry.ID | None = strawberry.field(description="The record that waited for this one.")


@strawberry.type
class ConsentRecordEdge:
    cursor: str
    node: ConsentRecord


@strawberry.type
class ConsentRecordConnection:
    edges: list[ConsentRecordEdge]
    page_info: PageInfo


def record_of(record: pb.ConsentEntry) -> ConsentRecord:
    return ConsentRecord(
        record=record,
        id=strawberry.ID(record.id),
        channel=_channel(record.channel),
        purpose=purpose_of(record.purpose),
        status=_status(record.status),
        source_record=strawberry.ID(record.source_record_id),
        source=record.source,
        occurred_at=needed(record, "occurred_at"),
        recorded_at=needed(record, "recorded_at"),
        expires_at=moment(record, "expires_at"),
        wording_version=present(record, "wording_version"),
        recorded_by=present(record, "recorded_by"),
        confirms=present(record, "confirms_id"),
    )


async def consents(info: Info, customer: str) -> list[Consent]:
    found: pb.ConsentList = await customers_of(info).consents.load(customer, pb.BatchListConsentsRequest())
    return [
        Consent(
            record=one,
            channel=_channel(one.channel),
            purpose=purpose_of(one.purpose),
            status=_status(one.status),
            since=needed(one, "since"),
            expires_at=moment(one, "expires_at"),
            entry=strawberry.ID(one.entry_id),
        )
        for one in found.consents
    ]


async def consent_history(
    info: Info, customer: str, first: int | None, after: str | None, last: int | None, before: str | None
) -> ConsentRecordConnection:
    arguments = pb.BatchListConsentEntriesRequest(page=page_request(first, after, last, before))
    page: pb.ConsentEntryPage = await customers_of(info).consent_history.load(customer, arguments)
    return ConsentRecordConnection(
        edges=[ConsentRecordEdge(cursor=edge.cursor, node=record_of(edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
    )


async def may_contact(info: Info, customer: str, channel: Channel, purpose: ConsentPurpose) -> ContactPermission:
    arguments = pb.BatchGetContactPermissionsRequest(channel=channel_value(channel), purpose=purpose_value(purpose))
    answer: pb.ContactPermissionAnswer = await customers_of(info).permissions.load(customer, arguments)
    if not answer.HasField("value"):
        raise NotFound(f"there is no {customer}")
    found = answer.value
    return ContactPermission(
        record=found, allowed=found.allowed, reason=why(found, info.context.language), since=moment(found, "since")
    )
