"""Interactions in the graph: the journey of a customer."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from rundblick.customers.v1 import interaction_pb2 as pb
from strawberry import federation
from strawberry.federation.schema_directives import Key
from strawberry.federation.types import FieldSet

from chassis.times import to_timestamp
from gateway.customers.campaign import Campaign
from gateway.customers.client import customers_of
from gateway.customers.consent import ConsentPurpose, purpose_of, purpose_value, why
from gateway.customers.employee import Employee
from gateway.customers.offer import Offer, load_offer
from gateway.customers.opportunity import Opportunity, load_opportunity
from gateway.customers.touchpoint import Channel, Touchpoint, channel_value
from gateway.shared import (
    Info,
    Message,
    Named,
    Node,
    PageInfo,
    enum_of,
    found,
    moment,
    owned,
    page_request,
    present,
)

if TYPE_CHECKING:
    from gateway.customers.customer import Customer

CustomerRef = Annotated["Customer", strawberry.lazy("gateway.customers.customer")]


@strawberry.enum
class Direction(Enum):
    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


@strawberry.enum
class InteractionKind(Enum):
    MESSAGE = "MESSAGE"
    CALL = "CALL"
    VISIT = "VISIT"
    MEETING = "MEETING"
    CAMPAIGN = "CAMPAIGN"
    PURCHASE = "PURCHASE"
    OTHER = "OTHER"


@federation.type(keys=[Key(fields=FieldSet("id"), resolvable=False)])
class Enquiry(Named, Node):
    """Known here by its id alone."""

    id: strawberry.ID


@federation.type(keys=[Key(fields=FieldSet("id"), resolvable=False)])
class Feedback(Named, Node):
    """Likewise."""

    id: strawberry.ID


InteractionSubject = Annotated[Enquiry | Feedback | Offer | Opportunity, strawberry.union("InteractionSubject")]


async def load_interaction(info: Info, id: str) -> Any:
    return await customers_of(info).interactions.load(id)


def _customer(record: pb.Interaction) -> Any:
    from gateway.customers.customer import Customer  # noqa: PLC0415  # the two know each other

    return Customer(id=strawberry.ID(record.customer_id)) if present(record, "customer_id") else None


def _touchpoint(record: pb.Interaction) -> Touchpoint | None:
    return Touchpoint(id=strawberry.ID(record.touchpoint_id)) if present(record, "touchpoint_id") else None


def _campaign(record: pb.Interaction) -> Campaign | None:
    return Campaign(id=strawberry.ID(record.campaign_id)) if present(record, "campaign_id") else None


def _employee(record: pb.Interaction) -> Employee | None:
    return Employee(id=strawberry.ID(record.employee_id)) if present(record, "employee_id") else None


# What others own.
_OF_OTHERS: dict[int, Any] = {pb.SUBJECT_KIND_ENQUIRY: Enquiry, pb.SUBJECT_KIND_FEEDBACK: Feedback}
# What this subgraph owns, and so knows whether it is there.
_OWN: dict[int, tuple[Any, Any]] = {
    pb.SUBJECT_KIND_OFFER: (Offer, load_offer),
    pb.SUBJECT_KIND_OPPORTUNITY: (Opportunity, load_opportunity),
}


async def _subject(root: Any, info: Info) -> Any:
    record = root.record if root.record is not None else found(await load_interaction(info, root.id), root.id)
    subject = record.subject
    if subject.kind in _OF_OTHERS:
        return _OF_OTHERS[subject.kind](id=strawberry.ID(subject.id))
    if subject.kind not in _OWN:
        return None
    kind, load = _OWN[subject.kind]
    loaded = await load(info, subject.id)
    return kind(id=strawberry.ID(subject.id), record=loaded) if loaded is not None else None


def _direction(record: pb.Interaction) -> Direction:
    return enum_of(Direction, pb.Direction, record.direction, "DIRECTION_")


def _kind(record: pb.Interaction) -> InteractionKind:
    return enum_of(InteractionKind, pb.InteractionKind, record.kind, "INTERACTION_KIND_")


def _purpose(record: pb.Interaction) -> ConsentPurpose | None:
    return purpose_of(record.purpose) if present(record, "purpose") else None


def _violation(root: Any, info: Info) -> Any:
    def said(record: pb.Interaction) -> Message | None:
        return why(record.violation, info.context.language) if record.HasField("violation") else None

    return owned(load_interaction, said)(root, info)


@federation.type(keys=["id"], description="A contact between a customer and the company.")
class Interaction(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    customer: CustomerRef | None = strawberry.field(resolver=owned(load_interaction, _customer))
    touchpoint: Touchpoint | None = strawberry.field(resolver=owned(load_interaction, _touchpoint))
    campaign: Campaign | None = strawberry.field(
        resolver=owned(load_interaction, _campaign),
        description="By the code that was named, else the one that ran at its touchpoint.",
    )
    direction: Direction = strawberry.field(resolver=owned(load_interaction, _direction))
    kind: InteractionKind = strawberry.field(resolver=owned(load_interaction, _kind))
    occurred_at: datetime = strawberry.field(resolver=owned(load_interaction, lambda r: moment(r, "occurred_at")))
    employee: Employee | None = strawberry.field(resolver=owned(load_interaction, _employee))
    source: str = strawberry.field(resolver=owned(load_interaction, lambda record: record.source))
    external_id: str | None = strawberry.field(
        resolver=owned(load_interaction, lambda r: present(r, "external_id")), description="Its source's own id."
    )
    summary: str | None = strawberry.field(resolver=owned(load_interaction, lambda r: present(r, "summary")))
    subject: InteractionSubject | None = strawberry.field(
        resolver=_subject, description="What it was about; null: of a kind, or with an id, that is not known."
    )
    purpose: ConsentPurpose | None = strawberry.field(
        resolver=owned(load_interaction, _purpose), description="Of what the company said to the customer."
    )
    violation: Message | None = strawberry.field(
        resolver=_violation,
        description="Why the customer should not have been contacted so, as far as it was known when it was recorded.",
    )

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Interaction":
        return cls(id=id)


@strawberry.type
class InteractionEdge:
    cursor: str
    node: Interaction


@strawberry.type
class InteractionConnection:
    edges: list[InteractionEdge]
    page_info: PageInfo
    freshness: datetime | None = strawberry.field(
        description="What was acknowledged anywhere before is in it; null: not known yet."
    )


@strawberry.input(
    description="All of it holds; of each list one of its values. Times are half-open: from, and before to."
)
class InteractionFilter:
    touchpoints: list[strawberry.ID] | None = None
    channels: list[Channel] | None = strawberry.field(default=None, description="Of the touchpoint.")
    kinds: list[InteractionKind] | None = None
    direction: Direction | None = None
    campaigns: list[strawberry.ID] | None = None
    employees: list[strawberry.ID] | None = None
    purposes: list[ConsentPurpose] | None = None
    sources: list[str] | None = None
    violations: bool = strawberry.field(default=False, description="Those alone that should not have gone out.")
    from_: datetime | None = strawberry.field(name="from", default=None)
    to: datetime | None = None


async def journey(
    info: Info,
    customer: str,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    filter: InteractionFilter | None,
) -> InteractionConnection:
    arguments = pb.BatchListInteractionsRequest(page=page_request(first, after, last, before))
    if filter is not None:
        arguments.filter.CopyFrom(_wanted(filter))
    page: pb.InteractionPage = await customers_of(info).journeys.load(customer, arguments)
    return InteractionConnection(
        edges=[InteractionEdge(cursor=edge.cursor, node=interaction_of(edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
        freshness=moment(page, "freshness"),
    )


def _wanted(filter: InteractionFilter) -> pb.InteractionFilter:
    wanted: dict[str, Any] = {
        "touchpoint_ids": filter.touchpoints,
        "channels": [channel_value(channel) for channel in filter.channels or ()],
        "kinds": [kind_value(kind) for kind in filter.kinds or ()],
        "direction": direction_value(filter.direction) if filter.direction else None,
        "campaign_ids": filter.campaigns,
        "employee_ids": filter.employees,
        "purposes": [purpose_value(purpose) for purpose in filter.purposes or ()],
        "sources": filter.sources,
        "violations": filter.violations,
        "from": to_timestamp(filter.from_),
        "to": to_timestamp(filter.to),
    }
    return pb.InteractionFilter(**wanted)


def direction_value(direction: Direction) -> Any:
    return pb.Direction.Value(f"DIRECTION_{direction.value}")


def kind_value(kind: InteractionKind) -> Any:
    return pb.InteractionKind.Value(f"INTERACTION_KIND_{kind.value}")


def interaction_of(record: pb.Interaction) -> Interaction:
    return Interaction(id=strawberry.ID(record.id), record=record)
