"""What an e-mail says to us: who speaks in it, whether anybody wrote it, and to which conversation it belongs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from chassis.errors import InvalidInput

# Of customers known by their address, and of enquiries opened by e-mail.
SOURCE = "email"
LONGEST_ID = 500
_MOST_REFERENCES = 50

_ENQUIRY = re.compile(r"enq_([0-9A-HJKMNP-TV-Z]{26})", re.IGNORECASE)
_DELIVERY = re.compile(r"dlv_[0-9A-HJKMNP-TV-Z]{26}")


class Unreadable(InvalidInput):
    """It is no e-mail, or says too little to be taken."""

    def __init__(self, why: str) -> None:
        super().__init__(why, ("content",))


class Author(Enum):
    """SYSTEM: nobody wrote it, such as absence notes and reports of what could not be delivered."""

    CUSTOMER = "CUSTOMER"
    EMPLOYEE = "EMPLOYEE"
    SYSTEM = "SYSTEM"


class Origin(Enum):
    """PERSON: somebody wrote it. GENERATED: a program sent it of its own accord. REPLY: a program answered."""

    PERSON = "PERSON"
    GENERATED = "GENERATED"
    REPLY = "REPLY"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """address: in small letters. name: as its owner writes it, perhaps empty."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """id: its Message-ID, without brackets. text: what was newly written in it.

    references: Message-IDs it answers or follows, the nearest first. at: when it came in; of what went out, when it was
    sent. undelivered: Message-IDs of what this reports as not delivered, for good.
    """

    id: str
    sender: Mailbox
    recipients: tuple[Mailbox, ...]
    subject: str
    text: str
    at: datetime
    reply_to: Mailbox | None = None
    references: tuple[str, ...] = ()
    origin: Origin = Origin.PERSON
    undelivered: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.id) <= LONGEST_ID:
            raise Unreadable(f"a Message-ID has 1 to {LONGEST_ID} characters")


@dataclass(frozen=True, slots=True)
class Company:
    """Its own addresses: whole ones, and domains of which all are its own; in small letters."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str]) -> "Company":
        """InvalidInput: one is neither an address nor a domain."""
        addresses, domains = set(), set()
        for name in (one.strip().lower() for one in names):
            user, at, domain = name.rpartition("@")
            if not domain or any(sign.isspace() for sign in name) or (at and not user):
                raise InvalidInput("own addresses read like help@company.example or company.example", ("own",))
            if at:
                addresses.add(name)
            else:
                domains.add(name)
        return cls(frozenset(addresses), frozenset(domains))

    def owns(self, mailbox: Mailbox) -> bool:
        """Also help+anything@ where help@ is its own."""
        user, _, domain = mailbox.address.rpartition("@")
        return domain in self.domains or f"{user.partition('+')[0]}@{domain}" in self.addresses

    def __or__(self, other: "Company") -> "Company":
        return Company(self.addresses | other.addresses, self.domains | other.domains)


@dataclass(frozen=True, slots=True)
class Spoken:
    """Who speaks in a mail. internal: it did not leave the company. customer: whom the company talks with, if known."""

    author: Author
    internal: bool
    customer: Mailbox | None


def spoken(mail: Mail, company: Company) -> Spoken:
    outside = next((one for one in mail.recipients if not company.owns(one)), None)
    form = mail.reply_to is not None and not company.owns(mail.reply_to) and mail.origin is not Origin.REPLY
    if company.owns(mail.sender) and form:
        # A form on the company's own site writes in the name of who filled it in, however it is sent.
        return Spoken(Author.CUSTOMER, internal=False, customer=mail.reply_to)
    ours = company.owns(mail.sender)
    other = outside if ours else mail.sender
    if mail.origin is not Origin.PERSON:
        return Spoken(Author.SYSTEM, internal=ours and outside is None, customer=other)
    if ours:
        return Spoken(Author.EMPLOYEE, internal=outside is None, customer=outside)
    return Spoken(Author.CUSTOMER, internal=False, customer=other)


def nearest(references: Iterable[str]) -> tuple[str, ...]:
    """Each once, in their order, and not more than matter."""
    kept = [id for id in dict.fromkeys(references) if 1 <= len(id) <= LONGEST_ID]
    return tuple(kept[:_MOST_REFERENCES])


def named_enquiry(mail: Mail) -> str | None:
    """The enquiry whose id is in the subject, or behind a + in an address it went to."""
    for text in (mail.subject, *(one.address.rpartition("@")[0] for one in mail.recipients)):
        if found := _ENQUIRY.search(text):
            return f"enq_{found[1].upper()}"
    return None


def deliveries_in(message_ids: Iterable[str]) -> list[str]:
    """Those of our own deliveries among these Message-IDs: we send each under its id."""
    return [found[0] for id in message_ids if (found := _DELIVERY.search(id))]


@dataclass(frozen=True, slots=True)
class Taken:
    """Where a mail went: Message-ID -> message of an enquiry."""

    id: str
    enquiry: str
    message: str
    references: tuple[str, ...]
    at: datetime
    team: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """How far a mailbox is read: all up to this UID, which counts for this UIDVALIDITY alone (RFC 9051, 2.3.1.1)."""

    mailbox: str
    validity: int = 0
    uid: int = 0


@dataclass(frozen=True, slots=True)
class Parked:
    """A mail that could not be taken; it lies in the mailbox as before. why: without personal data."""

    mailbox: str
    validity: int
    uid: int
    why: str
    at: datetime

    @property
    def id(self) -> str:
        return f"{self.mailbox}/{self.validity}/{self.uid}"


class Box(Protocol):
    """A mailbox that was opened. validity: for which its UIDs count. DomainError: it cannot be reached."""

    validity: int

    async def after(self, uid: int, most: int) -> list[int]:
        """The next UIDs, in their order."""
        ...

    async def content(self, uid: int) -> bytes | None:
        """None: it is there no more. Unreadable: it is too large."""
        ...
