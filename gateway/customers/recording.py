"""Mutations that record interactions: one, or many at once with an answer for each."""

from datetime import datetime
from typing import Any

import strawberry
from rundblick.customers.v1 import customer_pb2
from rundblick.customers.v1 import interaction_pb2 as pb

from chassis.ids import prefix_of
from chassis.times import to_timestamp
from gateway.customers.client import customers_of
from gateway.customers.consent import ConsentPurpose, purpose_value
from gateway.customers.interaction import (
    Direction,
    Interaction,
    InteractionKind,
    direction_value,
    interaction_of,
    kind_value,
)
from gateway.shared import ExternalIdInput, Info, UserError, UserErrorCode, input_path, mutate

MOST_INTERACTIONS = 1_000
_SUBJECTS = {
    "fbk": pb.SUBJECT_KIND_FEEDBACK,
    "off": pb.SUBJECT_KIND_OFFER,
    "opp": pb.SUBJECT_KIND_OPPORTUNITY,
}


@strawberry.input(description="A contact that happened; facts are never refused for what they say.")
class InteractionFields:
    id: strawberry.ID | None = strawberry.field(default=None, description="int_ and a ULID; the same is taken once.")
    external_id: str | None = strawberry.field(
        default=None,
        description="The sender's own, unique per source, instead of an id: said again it corrects what is there.",
    )
    version: int | None = strawberry.field(
        default=None,
        description="Of what the sender says: an older one corrects nothing. Null: what is said last.",
    )
    customer: strawberry.ID | None = None
    customer_external_id: ExternalIdInput | None = strawberry.field(
        default=None, description="The customer in the words of a source system, instead of customer."
    )
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
    subject: strawberry.ID | None = strawberry.field(
        default=None,
        description="What it was about: feedback, an offer, an opportunity. Enquiries say it themselves.",
    )


@strawberry.input
class RecordInteractionInput(InteractionFields):
    idempotency_key: str | None = None


@strawberry.input
class RecordInteractionsInput:
    interactions: list[InteractionFields] = strawberry.field(description="At most 1000.")
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
    key = fields.customer_external_id
    return pb.Interaction(
        id=fields.id or "",
        external_id=fields.external_id,
        version=fields.version or 0,
        customer_id=fields.customer,
        customer_external_id=customer_pb2.ExternalId(source=key.source, id=key.id) if key is not None else None,
        touchpoint_id=fields.touchpoint,
        code=fields.code,
        direction=direction_value(fields.direction),
        kind=kind_value(fields.kind),
        occurred_at=to_timestamp(fields.occurred_at),
        employee_id=fields.employee,
        source=fields.source,
        summary=fields.summary,
        purpose=purpose_value(fields.purpose) if fields.purpose is not None else None,
        subject=_subject(fields.subject) if fields.subject is not None else None,
    )


def _subject(id: str) -> pb.Subject:
    """Of a kind that is not known where the id is none of these: the service says so, of this interaction alone."""
    return pb.Subject(kind=_SUBJECTS.get(prefix_of(id) or "", pb.SUBJECT_KIND_UNSPECIFIED), id=id)


@strawberry.type
class InteractionMutation:
    @strawberry.mutation
    async def record_interaction(self, info: Info, input: RecordInteractionInput) -> RecordInteractionPayload | None:
        async def work() -> dict[str, Any]:
            recorded, user_errors = await _record(info, [input], input.idempotency_key, ())
            return {"interaction": recorded[0], "faults": user_errors}

        def payload(
            user_errors: list[UserError], interaction: Interaction | None = None, faults: list[UserError] | None = None
        ) -> RecordInteractionPayload:
            return RecordInteractionPayload(user_errors=[*user_errors, *(faults or ())], interaction=interaction)

        return await mutate(payload, work())

    @strawberry.mutation
    async def record_interactions(self, info: Info, input: RecordInteractionsInput) -> RecordInteractionsPayload | None:
        async def work() -> dict[str, Any]:
            if len(input.interactions) > MOST_INTERACTIONS:
                many = f"at most {MOST_INTERACTIONS} interactions are recorded at once"
                path = input_path(("interactions",))
                return {"faults": [UserError(code=UserErrorCode.INVALID, message=many, path=path)]}
            recorded, user_errors = await _record(info, input.interactions, input.idempotency_key, ("interactions",))
            return {"interactions": recorded, "faults": user_errors}

        def payload(
            user_errors: list[UserError],
            interactions: list[Interaction | None] | None = None,
            faults: list[UserError] | None = None,
        ) -> RecordInteractionsPayload:
            return RecordInteractionsPayload(user_errors=[*user_errors, *(faults or ())], interactions=interactions)

        return await mutate(payload, work())


async def _record(
    info: Info, facts: Any, idempotency_key: str | None, place: tuple[str, ...]
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
            at = (*place, str(position)) if place else ()
            path = input_path((*at, *one.error.path))
            faults.append(UserError(code=UserErrorCode(one.error.code), message=one.error.message, path=path))
    return recorded, faults
