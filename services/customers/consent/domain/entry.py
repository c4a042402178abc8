"""One entry of the ledger: what a customer said once about being contacted, and what proves it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from ipaddress import ip_address

from chassis.errors import Conflict, InvalidInput
from services.customers.customer.domain import checked
from services.customers.touchpoint.domain import Channel

_LONGEST_SOURCE = 100
_LONGEST_WORDING = 100
# Clocks of other systems may be that much ahead.
_AHEAD = timedelta(minutes=5)

# Channels on which a customer is reached at an address that customers have as a field.
ADDRESS_FIELDS: Mapping[Channel, str] = {Channel.EMAIL: "emails", Channel.PHONE: "phones", Channel.SMS: "phones"}


class ConsentPurpose(Enum):
    """SERVICE needs no consent: it is what the customer asked for, or what a contract brings with it."""

    SERVICE = "SERVICE"
    MARKETING = "MARKETING"
    SURVEY = "SURVEY"


class ConsentStatus(Enum):
    """The last two are of today's view only: no entry has them."""

    PENDING = "PENDING"
    GRANTED = "GRANTED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    SUSPENDED = "SUSPENDED"


class TokenUnusable(Conflict):
    def __init__(self, why: str) -> None:
        super().__init__(f"this consent cannot be confirmed: {why}", ("token",))


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said, before it is settled whose entry it becomes. InvalidInput: what cannot be kept, with the field.

    token_hash, token_until: of what waits for its confirmation, what confirms it and until when.
    """

    channel: Channel
    purpose: ConsentPurpose
    status: ConsentStatus
    source: str
    occurred_at: datetime
    recorded_at: datetime
    address: str | None = None
    expires_at: datetime | None = None
    wording_version: str | None = None
    ip_address: str | None = None
    token_hash: bytes | None = None
    token_until: datetime | None = None

    def __post_init__(self) -> None:
        if not self.source or len(self.source) > _LONGEST_SOURCE:
            raise InvalidInput(f"a source has 1 to {_LONGEST_SOURCE} characters", ("source",))
        if self.occurred_at > self.recorded_at + _AHEAD:
            raise InvalidInput("it lies in the future", ("occurred_at",))
        if self.expires_at is not None and self.status is ConsentStatus.REVOKED:
            raise InvalidInput("a refusal does not expire", ("expires_at",))
        if self.expires_at is not None and self.expires_at <= self.occurred_at:
            raise InvalidInput("it ends before it begins", ("expires_at",))
        if self.wording_version is not None and not 1 <= len(self.wording_version) <= _LONGEST_WORDING:
            raise InvalidInput(f"a wording version has 1 to {_LONGEST_WORDING} characters", ("wording_version",))
        if self.ip_address is not None:
            _require_ip(self.ip_address)
        if self.address is not None:
            require_address(self.channel, self.address)

    def awaiting(self, token_hash: bytes, until: datetime) -> "Statement":
        """The same, until it is confirmed. InvalidInput: it names no address where the token could be sent."""
        if self.address is None:
            raise InvalidInput("a double opt-in names an e-mail address or a phone number", ("address",))
        return replace(self, status=ConsentStatus.PENDING, token_hash=token_hash, token_until=until)


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """A statement of a customer, kept for good.

    covers: the source records the customer had when it was recorded; who speaks for a customer speaks for these,
    whomever it is merged with later. sources: the only sources whose refusals it lifts; None: of all. recorded_by: the
    subject of who recorded it. confirms: the entry that waited for this one.
    """

    id: str
    customer: str
    source_record: str
    said: Statement
    covers: frozenset[str]
    sources: frozenset[str] | None = None
    recorded_by: str | None = None
    owner: str | None = None
    team: str | None = None
    confirms: str | None = None


def confirmation(
    pending: ConsentEntry,
    *,
    used: bool,
    refused: bool,
    id: str,
    customer: str,
    ip_address: str | None,
    recorded_by: str,
    now: datetime,
) -> ConsentEntry:
    """The grant that was waited for. TokenUnusable: why it comes too late."""
    said = pending.said
    if used:
        raise TokenUnusable("the token was used")
    if said.token_until is None or now >= said.token_until:
        raise TokenUnusable("the token has expired")
    if said.expires_at is not None and now >= said.expires_at:
        raise TokenUnusable("it would have ended by now")
    if refused:
        raise TokenUnusable("the customer refused meanwhile")
    granted = replace(
        said,
        status=ConsentStatus.GRANTED,
        occurred_at=now,
        recorded_at=now,
        ip_address=ip_address,
        token_hash=None,
        token_until=None,
    )
    return replace(pending, id=id, customer=customer, said=granted, recorded_by=recorded_by, confirms=pending.id)


def require_address(channel: Channel, address: str) -> None:
    """InvalidInput: the channel has no addresses, or this is none of them."""
    field = ADDRESS_FIELDS.get(channel)
    if field is None:
        raise InvalidInput(f"{channel.value} has no addresses to name", ("address",))
    try:
        checked({field: [address]})
    except InvalidInput as error:
        raise InvalidInput(error.message, ("address",)) from None


def _require_ip(text: str) -> None:
    try:
        ip_address(text)
    except ValueError:
        raise InvalidInput("this is not an IP address", ("ip_address",)) from None
