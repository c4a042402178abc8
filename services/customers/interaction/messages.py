"""Interactions as messages, and back."""

from collections.abc import Mapping
from typing import Any

from rundblick.customers.v1 import interaction_pb2 as pb

from chassis.caller import Caller
from chassis.errors import InvalidInput
from chassis.ids import new_id
from chassis.times import from_timestamp, to_timestamp
from services.customers.consent.messages import PURPOSE_TO_PROTO, permission_to_proto, purpose_from_proto
from services.customers.interaction.domain import Direction, Interaction, InteractionKind, Subject, SubjectKind

DIRECTION_TO_PROTO: Mapping[Direction, Any] = {
    kind: pb.Direction.Value(f"DIRECTION_{kind.value}") for kind in Direction
}
KIND_TO_PROTO: Mapping[InteractionKind, Any] = {
    kind: pb.InteractionKind.Value(f"INTERACTION_KIND_{kind.value}") for kind in InteractionKind
}
SUBJECT_TO_PROTO: Mapping[SubjectKind, Any] = {SubjectKind.ENQUIRY: pb.SUBJECT_KIND_ENQUIRY}
DIRECTION_FROM_PROTO: Mapping[int, Direction] = {proto: kind for kind, proto in DIRECTION_TO_PROTO.items()}
KIND_FROM_PROTO: Mapping[int, InteractionKind] = {proto: kind for kind, proto in KIND_TO_PROTO.items()}
SUBJECT_FROM_PROTO: Mapping[int, SubjectKind] = {proto: kind for kind, proto in SUBJECT_TO_PROTO.items()}


def from_proto(message: pb.Interaction) -> Interaction:
    if message.direction not in DIRECTION_FROM_PROTO:
        raise InvalidInput("direction is INBOUND or OUTBOUND", ("direction",))
    if message.kind not in KIND_FROM_PROTO:
        raise InvalidInput("the kind of interaction is not known", ("kind",))
    if not message.HasField("occurred_at"):
        raise InvalidInput("when it happened is missing", ("occurred_at",))
    subject = None
    if message.HasField("subject"):
        if message.subject.kind not in SUBJECT_FROM_PROTO:
            raise InvalidInput("the kind of subject is not known", ("subject", "kind"))
        subject = Subject(SUBJECT_FROM_PROTO[message.subject.kind], message.subject.id)
    return Interaction(
        id=message.id or new_id("int"),
        direction=DIRECTION_FROM_PROTO[message.direction],
        kind=KIND_FROM_PROTO[message.kind],
        occurred_at=from_timestamp(message.occurred_at, ("occurred_at",)),
        source=message.source or "rundblick",
        customer=message.customer_id or None,
        source_record=message.source_record_id or None,
        touchpoint=message.touchpoint_id or None,
        employee=message.employee_id or None,
        team=message.team_id or None,
        summary=message.summary if message.HasField("summary") else None,
        subject=subject,
        version=message.version,
        purpose=purpose_from_proto(message.purpose) if message.HasField("purpose") else None,
    )


def to_proto(interaction: Interaction, caller: Caller) -> pb.Interaction:
    subject, violation = interaction.subject, interaction.violation
    return pb.Interaction(
        id=interaction.id,
        customer_id=interaction.customer,
        source_record_id=interaction.source_record,
        touchpoint_id=interaction.touchpoint,
        direction=DIRECTION_TO_PROTO[interaction.direction],
        kind=KIND_TO_PROTO[interaction.kind],
        occurred_at=to_timestamp(interaction.occurred_at),
        employee_id=interaction.employee,
        team_id=interaction.team,
        source=interaction.source,
        summary=interaction.summary,
        subject=pb.Subject(kind=SUBJECT_TO_PROTO[subject.kind], id=subject.id) if subject else None,
        version=interaction.version,
        campaign_id=interaction.campaign,
        purpose=PURPOSE_TO_PROTO[interaction.purpose] if interaction.purpose is not None else None,
        # To a partner it would tell what others know of the customer.
        violation=permission_to_proto(violation) if violation is not None and caller.sources is None else None,
    )
