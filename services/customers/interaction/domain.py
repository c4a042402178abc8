"""What an interaction is: a contact between a customer and the company, at a touchpoint, at a moment."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from chassis.errors import InvalidInput
from chassis.ids import prefix_of
from services.customers.consent.domain import ConsentPurpose, Permission
from services.customers.touchpoint.domain import Channel

_LONGEST_SUMMARY = 500
_LONGEST_SOURCE = 100
_LONGEST_EXTERNAL_ID = 200


class Direction(Enum):
    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class InteractionKind(Enum):
    MESSAGE = "MESSAGE"
    CALL = "CALL"
    VISIT = "VISIT"
    MEETING = "MEETING"
    CAMPAIGN = "CAMPAIGN"
    PURCHASE = "PURCHASE"
    OTHER = "OTHER"


class SubjectKind(Enum):
    ENQUIRY = "ENQUIRY"
    FEEDBACK = "FEEDBACK"
    OFFER = "OFFER"
    OPPORTUNITY = "OPPORTUNITY"


@dataclass(frozen=True, slots=True)
class Subject:
    kind: SubjectKind
    id: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """InvalidInput: what cannot be kept, with the field. campaign: that it belongs to, by its code or its touchpoint.

    violation: the permission that was missing when it went out, as it was known when it was recorded. external_id: its
    sender's own, unique per source.
    """

    id: str
    direction: Direction
    kind: InteractionKind
    occurred_at: datetime
    source: str
    customer: str | None = None
    source_record: str | None = None
    touchpoint: str | None = None
    employee: str | None = None
    team: str | None = None
    summary: str | None = None
    subject: Subject | None = None
    campaign: str | None = None
    purpose: ConsentPurpose | None = None
    violation: Permission | None = None
    version: int = 0
    external_id: str | None = None

    def __post_init__(self) -> None:
        if prefix_of(self.id) != "int":
            raise InvalidInput("the id of an interaction reads int_ and a ULID", ("id",))
        if not self.source or len(self.source) > _LONGEST_SOURCE:
            raise InvalidInput(f"a source has 1 to {_LONGEST_SOURCE} characters", ("source",))
        if self.summary is not None and len(self.summary) > _LONGEST_SUMMARY:
            raise InvalidInput(f"a summary has at most {_LONGEST_SUMMARY} characters", ("summary",))
        if self.external_id is not None and not 0 < len(self.external_id) <= _LONGEST_EXTERNAL_ID:
            raise InvalidInput(f"an external id has 1 to {_LONGEST_EXTERNAL_ID} characters", ("external_id",))
        for name, id, prefix in (
            ("customer_id", self.customer, "cus"),
            ("source_record_id", self.source_record, "src"),
            ("touchpoint_id", self.touchpoint, "tou"),
            ("employee_id", self.employee, "emp"),
            ("team_id", self.team, "tea"),
        ):
            if id is not None and prefix_of(id) != prefix:
                raise InvalidInput(f"{name} reads {prefix}_ and a ULID", (name,))


def corrected(known: Interaction, said: Interaction) -> Interaction:
    """As it is after this was said. A newer version corrects it; whose it is and where it came from is no matter of
    correction, but what came without a source record takes the one now said. Another source corrects nothing.
    """
    if said.source != known.source:
        return known
    if said.external_id is not None and not said.version and _content(said) != _content(known):
        # Who numbers nothing means what is said last.
        said = replace(said, version=known.version + 1)
    if said.version > known.version:
        kept = (known.customer, known.source_record)
        known = replace(said, customer=kept[0], source_record=kept[1])
    if known.source_record is None and said.source_record is not None:
        known = replace(known, source_record=said.source_record, customer=said.customer)
    return known


def _content(interaction: Interaction) -> Interaction:
    """What its sender says of it, without what is found out here."""
    return replace(interaction, version=0, customer=None, source_record=None, campaign=None, violation=None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of a journey: what all of holds, of each set one of its values. An empty set says nothing.

    since, until: half-open. violations: those alone that should not have gone out.
    """

    touchpoints: frozenset[str] = frozenset()
    channels: frozenset[Channel] = frozenset()
    campaigns: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    employees: frozenset[str] = frozenset()
    kinds: frozenset[InteractionKind] = frozenset()
    purposes: frozenset[ConsentPurpose] = frozenset()
    direction: Direction | None = None
    since: datetime | None = None
    until: datetime | None = None
    violations: bool = False
