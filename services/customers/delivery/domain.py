"""What a delivery is: a text that is to reach a customer or an address, and what becomes of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from chassis.errors import Conflict, InvalidInput, NotFound
from services.customers.consent.domain import (
    ADDRESS_FIELDS,
    ConsentPurpose,
    ContactReason,
    Ledger,
    Permission,
    require_address,
)
from services.customers.touchpoint.domain import Channel

PREFIX = "dlv"
# On which something can be sent to somebody.
CHANNELS = frozenset(
    {
        Channel.EMAIL,
        Channel.SMS,
        Channel.MESSENGER,
        Channel.SOCIAL_MEDIA,
        Channel.MOBILE_APP,
        Channel.LETTER,
    }
)
# What the customer did not ask for: it can be ended by a link, and is a contact of its own in the journey.
UNASKED = frozenset({ConsentPurpose.MARKETING, ConsentPurpose.SURVEY})
LIFETIME = timedelta(days=7)
_LONGEST_LIFETIME = timedelta(days=30)
# Together some ten hours: long enough for who asks to be tried again later, as mail servers do of unknown senders.
MAX_ATTEMPTS = 16
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=1)

_LONGEST_SUBJECT = 200
_LONGEST_TEXT = 100_000
_LONGEST_HTML = 500_000
_LONGEST_LABEL = 100
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ID = re.compile(rf"{PREFIX}_[0-9A-Z]{{26}}")


class DeliveryState(Enum):
    """REFUSED: the customer did not allow it at the moment of sending. BOUNCED: the address does not take it."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"
    BOUNCED = "BOUNCED"
    REFUSED = "REFUSED"


class DeliveryNotFound(NotFound):
    def __init__(self, id: str, path: tuple[str, ...] = ("id",)) -> None:
        super().__init__(f"there is no delivery {id}", path)


class Forgotten(Conflict):
    def __init__(self, id: str) -> None:
        super().__init__(f"what {id} said is not kept any more: queue it anew", ("id",))


class WrongState(Conflict):
    def __init__(self, id: str, state: DeliveryState) -> None:
        super().__init__(f"{id} is {state.value}", ("id",))


@dataclass(frozen=True, slots=True)
class Delivery:
    """InvalidInput: what cannot be sent, with the field.

    address: None, where the customer may be reached at the moment of sending. purpose: None, it needs no consent.
    tokens: name -> what {{name}} in the texts leads to; never shown, forgotten once it was sent. next_at: when it is
    due; while somebody sends it, when it counts as left alone, and so it stays. attempts: those that failed.
    """

    id: str
    channel: Channel
    text: str
    source: str
    queued_at: datetime
    expires_at: datetime
    next_at: datetime
    customer: str | None = None
    source_record: str | None = None
    address: str | None = None
    purpose: ConsentPurpose | None = None
    subject: str | None = None
    html: str | None = None
    language: str = "en"
    reference: str | None = None
    external_id: str | None = None
    tokens: Mapping[str, str] = field(default_factory=dict)
    team: str | None = None
    owner: str | None = None
    state: DeliveryState = DeliveryState.QUEUED
    attempts: int = 0
    last_error: str | None = None
    refusal: Permission | None = None
    sent_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.channel not in CHANNELS:
            raise InvalidInput(f"nothing is sent on {self.channel.value}", ("channel",))
        if self.customer is None and self.address is None:
            raise InvalidInput("it goes to a customer or to an address", ("customer_id",))
        if self.customer is None and self.purpose is not None:
            raise InvalidInput("only a customer can have allowed it", ("purpose",))
        if self.address is not None:
            require_address(self.channel, self.address)
        if not self.forgotten:
            self._require_words()
        for name, label in (
            ("source", self.source),
            ("external_id", self.external_id),
            ("reference", self.reference),
        ):
            if label is not None and not 1 <= len(label) <= _LONGEST_LABEL:
                raise InvalidInput(f"{name} has 1 to {_LONGEST_LABEL} characters", (name,))
        if not _LANGUAGE.fullmatch(self.language):
            raise InvalidInput("a language reads like de or en-GB (BCP 47)", ("language",))
        if not self.queued_at < self.expires_at <= self.queued_at + _LONGEST_LIFETIME:
            raise InvalidInput(f"it expires within {_LONGEST_LIFETIME.days} days", ("expires_at",))

    def _require_words(self) -> None:
        if self.channel is Channel.EMAIL and not self.subject:
            raise InvalidInput("an e-mail has a subject", ("subject",))
        if self.subject is not None and (_CONTROL.search(self.subject) or len(self.subject) > _LONGEST_SUBJECT):
            raise InvalidInput(f"a subject is one line of at most {_LONGEST_SUBJECT} characters", ("subject",))
        for name, text, most in (("text", self.text, _LONGEST_TEXT), ("html", self.html, _LONGEST_HTML)):
            if text is not None and not 1 <= len(text) <= most:
                raise InvalidInput(f"{name} has 1 to {most} characters", (name,))

    @property
    def forgotten(self) -> bool:
        """What it said was removed some time after nothing more became of it."""
        return not self.text and self.state is not DeliveryState.QUEUED

    @property
    def can_be_ended(self) -> bool:
        return self.customer is not None and self.purpose in UNASKED

    def whereto(self, ledger: Ledger | None, at: datetime) -> Permission:
        """May it be sent at that moment, and to which addresses? ledger: None, the customer is not there."""
        if self.purpose is None:
            if self.address is not None:
                return self._allowed((self.address,))
            return self._allowed(ledger.addresses(self.channel, at) if ledger is not None else ())
        found = (ledger or Ledger((), ())).permission(self.channel, self.purpose, at)
        if not found.allowed or self.address is None:
            return found
        if self.purpose is ConsentPurpose.SERVICE:
            return replace(found, addresses=(self.address,))
        if self.address.casefold() in map(str.casefold, found.addresses):
            return replace(found, addresses=(self.address,))
        # What was granted is granted for the addresses it was said for.
        return Permission(False, ContactReason.NO_CONSENT, self.channel, self.purpose)

    def _allowed(self, addresses: tuple[str, ...]) -> Permission:
        return Permission(True, ContactReason.NO_CONSENT_NEEDED, self.channel, ConsentPurpose.SERVICE, addresses)

    @property
    def needs_address(self) -> bool:
        """Else whoever carries it knows the customer by the id."""
        return self.channel in ADDRESS_FIELDS

    def sent(self, at: datetime) -> "Delivery":
        return replace(self, state=DeliveryState.SENT, sent_at=at, last_error=None, tokens={})

    def refused(self, permission: Permission) -> "Delivery":
        return replace(self, state=DeliveryState.REFUSED, refusal=permission)

    def failed(self, why: str) -> "Delivery":
        return replace(self, state=DeliveryState.FAILED, last_error=why)

    def bounced(self, why: str) -> "Delivery":
        return replace(self, state=DeliveryState.BOUNCED, last_error=why)

    def postponed(self, why: str, at: datetime) -> "Delivery":
        """An attempt failed: later again, each time after twice as long; after the last one it is given up."""
        tried = replace(self, attempts=self.attempts + 1, last_error=why)
        if tried.attempts >= MAX_ATTEMPTS:
            return tried.failed(why)
        return replace(tried, next_at=at + min(_FIRST_PAUSE * 2**self.attempts, _LONGEST_PAUSE))

    def released(self, at: datetime) -> "Delivery":
        """Nothing was tried."""
        return replace(self, next_at=at)

    def retried(self, at: datetime) -> "Delivery":
        """WrongState: it waits already, or was sent. Forgotten: there is nothing left to send."""
        if self.state in (DeliveryState.QUEUED, DeliveryState.SENT):
            raise WrongState(self.id, self.state)
        if self.forgotten:
            raise Forgotten(self.id)
        return replace(
            self,
            state=DeliveryState.QUEUED,
            attempts=0,
            last_error=None,
            refusal=None,
            next_at=at,
            expires_at=max(self.expires_at, min(at + LIFETIME, self.queued_at + _LONGEST_LIFETIME)),
        )

    def came_back(self) -> "Delivery":
        """Said more than once it happened once. WrongState: it was never sent."""
        if self.state is DeliveryState.BOUNCED:
            return self
        if self.state is not DeliveryState.SENT:
            raise WrongState(self.id, self.state)
        return self.bounced("it came back")


def id_in(message_id: str) -> str:
    """The delivery that a Message-ID was made for, or whose id it is. DeliveryNotFound: none of ours."""
    found = _ID.search(message_id)
    if found is None:
        raise DeliveryNotFound(message_id[:80], ("message_id",))
    return found.group()
