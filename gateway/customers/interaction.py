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
from gateway.customers.touchpoint import Touchpoint
from gateway.shared import (
    Info,
    Message,
    Named,
    Node,
    PageInfo,
    UserError,
    UserErrorCode,
    enum_of,
    input_path,
    moment,
    mutate,
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


InteractionSubject = Annotated[Enquiry, strawberry.union("InteractionSubject")]


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


def _subject(record: pb.Interaction) -> Enquiry | None:
    if not record.HasField("subject") or record.subject.kind != pb.SUBJECT_KIND_ENQUIRY:
        return None
    return Enquiry(id=strawberry.ID(record.subject.id))


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
    summary: str | None = strawberry.field(resolver=owned(load_interaction, lambda r: present(r, "summary")))
    subject: InteractionSubject | None = strawberry.field(resolver=owned(load_interaction, _subject))
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


@strawberry.input(description="Times are half-open: from, and before to.")
class InteractionFilter:
    touchpoints: list[strawberry.ID] | None = None
    direction: Direction | None = None
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
        wanted: dict[str, Any] = {
            "touchpoint_ids": filter.touchpoints,
            "direction": pb.Direction.Value(f"DIRECTION_{filter.direction.value}") if filter.direction else None,
            "from": to_timestamp(filter.from_),
            "to": to_timestamp(filter.to),
        }
        arguments.filter.CopyFrom(pb.InteractionFilter(**wanted))
    page: pb.InteractionPage = await customers_of(info).journeys.load(customer, arguments)
    return InteractionConnection(
        edges=[InteractionEdge(cursor=edge.cursor, node=interaction_of(edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
        freshness=moment(page, "freshness"),
    )


def interaction_of(record: pb.Interaction) -> Interaction:
    return Interaction(id=strawberry.ID(record.id), record=record)


@strawberry.input(description="A contact that happened; facts are never refused for what they say.")
class InteractionFields:
    id: strawberry.ID | None = strawberry.field(default=None, description="int_ and a ULID; the same is taken once.")
    customer: strawberry.ID | None = None
    touchpoint: strawberry.ID | None = None
    code: str | None = strawberry.field(
        default=None, description="Of a touchpoint: it happened there, for the code's campaign."
    )
    direction: Direction
    kind: InteractionKind
    occurred_at: datetime
    employee: strawberry.ID | None = None
    source: str = "rundblick"
    summary: str | None = None
    purpose: ConsentPurpose | None = strawberry.field(
        default=None, description="Of what goes out: whether it was allowed is said in its violation."
    )


@strawberry.input
class RecordInteractionInput(InteractionFields):
    idempotency_key: str | None = None


@strawberry.input
class RecordInteractionsInput:
    interactions: list[InteractionFields]
    idempotency_key: str | None = None


@strawberry.type
class RecordInteractionPayload:
    user_errors: list[UserError]
    interaction: Interaction | None = None


@strawberry.type
class RecordInteractionsPayload:
    user_errors: list[UserError]
    interactions: list[Interaction | None] | None = strawberry.field(
        default=None, description="In the order of the input; null where it was not taken."
    )


def _fact(fields: InteractionFields) -> pb.Interaction:
    return pb.Interaction(
        id=fields.id or "",
        customer_id=fields.customer,
        touchpoint_id=fields.touchpoint,
        code=fields.code,
        direction=pb.Direction.Value(f"DIRECTION_{fields.direction.value}"),
        kind=pb.InteractionKind.Value(f"INTERACTION_KIND_{fields.kind.value}"),
        occurred_at=to_timestamp(fields.occurred_at),
        employee_id=fields.employee,
        source=fields.source,
        summary=fields.summary,
        purpose=purpose_value(fields.purpose) if fields.purpose is not None else None,
    )


@strawberry.type
class InteractionMutation:
    @strawberry.mutation
    async def record_interaction(self, info: Info, input: RecordInteractionInput) -> RecordInteractionPayload | None:
        async def work() -> dict[str, Any]:
            recorded, user_errors = await _record(info, [input], input.idempotency_key)
            return {"interaction": recorded[0], "faults": user_errors}

        def payload(
            user_errors: list[UserError], interaction: Interaction | None = None, faults: list[UserError] | None = None
        ) -> RecordInteractionPayload:
            return RecordInteractionPayload(user_errors=[*user_errors, *(faults or ())], interaction=interaction)

        return await mutate(payload, work())

    @strawberry.mutation
    async def record_interactions(self, info: Info, input: RecordInteractionsInput) -> RecordInteractionsPayload | None:
        async def work() -> dict[str, Any]:
            recorded, user_errors = await _record(info, input.interactions, input.idempotency_key)
            return {"interactions": recorded, "faults": user_errors}

        def payload(
            user_errors: list[UserError],
            interactions: list[Interaction | None] | None = None,
            faults: list[UserError] | None = None,
        ) -> RecordInteractionsPayload:
            return RecordInteractionsPayload(user_errors=[*user_errors, *(faults or ())], interactions=interactions)

        return await mutate(payload, work())


async def _record(
    info: Info, facts: Any, idempotency_key: str | None
) -> tuple[list[Interaction | None], list[UserError]]:
    client = customers_of(info)
    request = pb.RecordInteractionsRequest(idempotency_key=idempotency_key, interactions=map(_fact, facts))
    answer: pb.RecordInteractionsResponse = await client.call(client.stubs.interactions.RecordInteractions, request)
    recorded: list[Interaction | None] = []
    faults = []
    for position, one in enumerate(answer.answers):
        if one.HasField("value"):
            recorded.append(interaction_of(one.value))
        else:
            recorded.append(None)
            place = ("interactions", str(position)) if len(answer.answers) > 1 else ()
            path = input_path((*place, *one.error.path))
            faults.append(UserError(code=UserErrorCode(one.error.code), message=one.error.message, path=path))
    return recorded, faults
