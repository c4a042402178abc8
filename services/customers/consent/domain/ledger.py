"""What follows from all entries of a customer: where the customer stands, and whether a contact is allowed.

A merge brings the entries of several customers together and never widens what each of them allowed:

- A refusal stands until somebody who spoke for the same source record grants again, later. While one stands, nothing
  on that channel is allowed for that purpose, at whatever address.
- A grant counts for the addresses of the records it was said for, as long as one of them says the address.

Nothing here depends on the order in which entries came in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from services.customers.consent.domain.entry import ADDRESS_FIELDS, ConsentEntry, ConsentPurpose, ConsentStatus
from services.customers.customer.domain import SourceRecord, taken_out
from services.customers.touchpoint.domain import Channel

_NEVER = datetime.max.replace(tzinfo=UTC)


class ContactReason(Enum):
    GRANTED = "GRANTED"
    NO_CONSENT_NEEDED = "NO_CONSENT_NEEDED"
    NO_CONSENT = "NO_CONSENT"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    PENDING = "PENDING"
    SUSPENDED = "SUSPENDED"
    CHANNEL_UNKNOWN = "CHANNEL_UNKNOWN"


@dataclass(frozen=True, slots=True)
class Permission:
    """addresses: where to, what was granted last first; empty: none is known, or the channel has none.

    since: when it was granted, refused, asked for, or when it expired. channel: None of a contact that is over and
    nobody said where it was.
    """

    allowed: bool
    reason: ContactReason
    channel: Channel | None
    purpose: ConsentPurpose
    addresses: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """Where the customer stands on a channel, for a purpose, at an address (None: all that it was said for)."""

    channel: Channel
    purpose: ConsentPurpose
    status: ConsentStatus
    address: str | None
    since: datetime
    entry: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """records: the source records of the customer today; entries: what was said for them, in any order."""

    records: Sequence[SourceRecord]
    entries: Sequence[ConsentEntry]

    def permission(self, channel: Channel | None, purpose: ConsentPurpose, at: datetime) -> Permission:
        """By what had been said until then. Without a channel nothing can be shown to be allowed but service."""
        if channel is None:
            allowed = purpose is ConsentPurpose.SERVICE
            reason = ContactReason.NO_CONSENT_NEEDED if allowed else ContactReason.CHANNEL_UNKNOWN
            return Permission(allowed, reason, None, purpose)
        said = self._said(channel, purpose, at)
        if said.standing:
            since = max(refusal.said.occurred_at for refusal in said.standing)
            return Permission(False, ContactReason.REVOKED, channel, purpose, since=since)
        if counting := [grant for grant in said.grants if said.status(grant) is ConsentStatus.GRANTED]:
            addresses = tuple(dict.fromkeys(a for grant in counting for a in said.addresses(grant)))
            return Permission(
                True,
                ContactReason.GRANTED,
                channel,
                purpose,
                addresses,
                max(grant.said.occurred_at for grant in counting),
            )
        if purpose is ConsentPurpose.SERVICE:
            known = said.known(record.id for record in self.records)
            return Permission(True, ContactReason.NO_CONSENT_NEEDED, channel, purpose, known)
        reason, since_then = said.why_not()
        return Permission(False, reason, channel, purpose, since=since_then)

    def consents(self, at: datetime) -> list[Consent]:
        """By channel and purpose; a refusal once for all addresses, else what holds for each address."""
        kinds = {(entry.said.channel, entry.said.purpose) for entry in self.entries}
        return [
            consent
            for channel, purpose in sorted(kinds, key=lambda kind: (kind[0].value, kind[1].value))
            for consent in self._said(channel, purpose, at).consents()
        ]

    def addresses(self, channel: Channel, at: datetime) -> tuple[str, ...]:
        """All that the customer has on this channel, whatever was said of them."""
        said = self._said(channel, ConsentPurpose.SERVICE, at)
        return said.known(record.id for record in self.records)

    def refused_since(self, pending: ConsentEntry) -> bool:
        """Did the customer refuse after it was asked for?"""
        return self._said(pending.said.channel, pending.said.purpose, _NEVER).withdrawn(pending) is not None

    def _said(self, channel: Channel, purpose: ConsentPurpose, at: datetime) -> "_Said":
        entries = [
            entry
            for entry in self.entries
            if (entry.said.channel, entry.said.purpose) == (channel, purpose) and entry.said.occurred_at <= at
        ]
        return _Said(channel, self.records, entries, at)


class _Said:
    """What was said of one channel and one purpose until one moment. grants: those not taken back, the last first."""

    def __init__(
        self, channel: Channel, records: Sequence[SourceRecord], entries: Sequence[ConsentEntry], at: datetime
    ) -> None:
        self._field = ADDRESS_FIELDS.get(channel)
        self._records = records
        self._at = at
        ordered = sorted(entries, key=lambda entry: (entry.said.occurred_at, entry.id), reverse=True)
        self._refusals = [entry for entry in ordered if entry.said.status is ConsentStatus.REVOKED]
        granted = [entry for entry in ordered if entry.said.status is ConsentStatus.GRANTED]
        self.standing = [one for one in self._refusals if not any(_lifts(grant, one) for grant in granted)]
        self.grants = [
            grant
            for grant in granted
            if self.withdrawn(grant) is None and not any(_replaces(other, grant) for other in granted)
        ]
        self._withdrawn = [grant for grant in granted if self.withdrawn(grant) is not None]
        confirmed = {entry.confirms for entry in granted}
        self._pending = [
            entry
            for entry in ordered
            if entry.said.status is ConsentStatus.PENDING and entry.id not in confirmed and self._waits(entry)
        ]

    def withdrawn(self, entry: ConsentEntry) -> ConsentEntry | None:
        """The refusal by which this was taken back, for good: a later grant is one of its own."""
        after = (one for one in self._refusals if one.said.occurred_at >= entry.said.occurred_at)
        return next((one for one in after if entry.source_record in one.covers), None)

    def _waits(self, pending: ConsentEntry) -> bool:
        in_time = pending.said.token_until is not None and self._at < pending.said.token_until
        return in_time and self.withdrawn(pending) is None

    def status(self, grant: ConsentEntry) -> ConsentStatus:
        if grant.said.expires_at is not None and grant.said.expires_at <= self._at:
            return ConsentStatus.EXPIRED
        if self._field is not None and grant.said.address is not None and not self.addresses(grant):
            return ConsentStatus.SUSPENDED
        return ConsentStatus.GRANTED

    def addresses(self, grant: ConsentEntry) -> tuple[str, ...]:
        """Where the grant counts: at the address it names if the customer still has it, else at all it was said for."""
        known = self.known(grant.covers)
        if grant.said.address is None:
            return known
        return tuple(address for address in known if address.casefold() == grant.said.address.casefold())

    def known(self, records: Iterable[str]) -> tuple[str, ...]:
        """The addresses that these records say, and that nobody took out since."""
        field, meant = self._field, frozenset(records)
        if field is None:
            return ()
        found = [
            address
            for record in self._records
            if record.id in meant
            for address in record.values.get(field, ())
            if not taken_out(address, field, record, self._records)
        ]
        return tuple(dict.fromkeys(found))

    def why_not(self) -> tuple[ContactReason, datetime | None]:
        """Of what is not granted and not refused."""
        if self._pending:
            return ContactReason.PENDING, self._pending[0].said.occurred_at
        if missing := [grant for grant in self.grants if self.status(grant) is ConsentStatus.SUSPENDED]:
            return ContactReason.SUSPENDED, missing[0].said.occurred_at
        if ends := [grant.said.expires_at for grant in self.grants if grant.said.expires_at is not None]:
            return ContactReason.EXPIRED, max(ends)
        return ContactReason.NO_CONSENT, None

    def consents(self) -> list[Consent]:
        if self.standing:
            return [_consent(self.standing[0], ConsentStatus.REVOKED, None)]
        shown: dict[str | None, Consent] = {}
        candidates = [
            *((one, ConsentStatus.GRANTED) for one in self.grants if self.status(one) is ConsentStatus.GRANTED),
            *((one, ConsentStatus.PENDING) for one in self._pending),
            *((one, self.status(one)) for one in self.grants),
            # Without an address it would read as if the customer refused all of it, which is over.
            *((one, ConsentStatus.REVOKED) for one in self._withdrawn if one.said.address is not None),
        ]
        for entry, status in candidates:
            decided = (self.withdrawn(entry) or entry) if status is ConsentStatus.REVOKED else entry
            key = entry.said.address.casefold() if entry.said.address is not None else None
            shown.setdefault(key, _consent(decided, status, entry.said.address))
        return [shown[key] for key in sorted(shown, key=lambda key: (key is not None, key))]


def _consent(entry: ConsentEntry, status: ConsentStatus, address: str | None) -> Consent:
    return Consent(
        entry.said.channel,
        entry.said.purpose,
        status,
        address,
        since=entry.said.occurred_at,
        entry=entry.id,
        expires_at=entry.said.expires_at,
    )


def _lifts(grant: ConsentEntry, refusal: ConsentEntry) -> bool:
    """Does it say otherwise of the same customer, later? At the same moment the refusal holds."""
    may = grant.sources is None or refusal.said.source in grant.sources
    return may and grant.said.occurred_at > refusal.said.occurred_at and refusal.source_record in grant.covers


def _replaces(later: ConsentEntry, earlier: ConsentEntry) -> bool:
    """Is it the newer word on the same address? At the same moment what ends first holds."""
    return (
        later.said.address == earlier.said.address
        and earlier.source_record in later.covers
        and _precedence(later) > _precedence(earlier)
    )


def _precedence(grant: ConsentEntry) -> tuple[datetime, timedelta]:
    return grant.said.occurred_at, _NEVER - (grant.said.expires_at or _NEVER)
