"""To which campaigns an enquiry is credited: to those that touched the customer before, by the deployment's rule."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

# Shares are whole millionths, so that those of one enquiry add up to exactly one.
WHOLE = 1_000_000

Shares = Mapping[str, int]


class Rule(Enum):
    """LAST_TOUCH: all to the last contact with a campaign before; FIRST_TOUCH: all to the first within the window;
    LINEAR: to all contacts within it alike.
    """

    LAST_TOUCH = "LAST_TOUCH"
    FIRST_TOUCH = "FIRST_TOUCH"
    LINEAR = "LINEAR"


@dataclass(frozen=True, slots=True)
class Attribution:
    """days: a contact that lies further back than this has no part in it."""

    rule: Rule = Rule.LAST_TOUCH
    days: int = 30

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Touch:
    """A contact that belongs to a campaign."""

    campaign: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """What attribution knows of an interaction. enquiry: that it belongs to, where the customer spoke."""

    id: str
    at: datetime
    source: str
    campaign: str | None = None
    enquiry: str | None = None
    customer: str | None = None
    touchpoint: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    """What an enquiry is credited to. contact: the customer's first of it; attribution: by which it was credited,
    and stays credited: figures do not move when the rule of the deployment changes.
    """

    enquiry: str
    contact: Contact
    shares: Shares
    attribution: Attribution
    version: int = 1


def attributed(touches: Iterable[Touch], at: datetime, attribution: Attribution) -> Shares:
    """Campaign -> its share in what happened at a moment; nothing when no campaign touched in time."""
    counted = [touch for touch in touches if timedelta() <= at - touch.at <= attribution.window]
    counted.sort(key=lambda touch: (touch.at, touch.campaign))
    if not counted:
        return {}
    if attribution.rule is Rule.LAST_TOUCH:
        return {counted[-1].campaign: WHOLE}
    if attribution.rule is Rule.FIRST_TOUCH:
        return {counted[0].campaign: WHOLE}
    shares: dict[str, int] = {}
    for place, touch in enumerate(counted):
        # The parts between whole marks: they differ by one at most, and together they are the whole.
        part = WHOLE * (place + 1) // len(counted) - WHOLE * place // len(counted)
        shares[touch.campaign] = shares.get(touch.campaign, 0) + part
    return shares


def credits_of(contacts: Iterable[Contact], known: Mapping[str, Credit], attribution: Attribution) -> dict[str, Credit]:
    """Enquiry -> what it is credited to, of all contacts of one customer; known: what was credited until now."""
    contacts = sorted(contacts, key=lambda contact: (contact.at, contact.id))
    touches = [Touch(contact.campaign, contact.at) for contact in contacts if contact.campaign is not None]
    found: dict[str, Credit] = {}
    first: dict[str, Contact] = {}
    for contact in contacts:
        if contact.enquiry is not None:
            first.setdefault(contact.enquiry, contact)
    for enquiry, contact in first.items():
        before = known.get(enquiry)
        how = before.attribution if before is not None else attribution
        shares = attributed(touches, contact.at, how)
        if shares or before is not None:
            found[enquiry] = Credit(enquiry, contact, shares, how)
    return found
