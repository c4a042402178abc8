"""Interactions as messages, and back."""

from collections.abc import Mapping
from typing import Any

from rundblick.customers.v1 import interaction_pb2 as pb

from chassis.caller import Caller
from chassis.errors import InvalidInput
from chassis.ids import derived_id, new_id
from chassis.times import from_timestamp, to_timestamp
from services.customers.consent.messages import PURPOSE_TO_PROTO, permission_to_proto, purpose_from_proto
from services.customers.customer.domain import OWN_SOURCE
from services.customers.interaction.domain import Direction, Interaction, InteractionKind, Subject, SubjectKind, Wanted
from services.customers.touchpoint.messages import CHANNEL_FROM_PROTO, kind_from_proto

_MOST_VALUES = 100
_LISTS = ("touchpoint_ids", "kinds", "channels", "campaign_ids", "purposes", "sources", "employee_ids")

DIRECTION_TO_PROTO: Mapping[Direction, Any] = {
    kind: pb.Direction.Value(f"DIRECTION_{kind.value}") for kind in Direction
}
KIND_TO_PROTO: Mapping[InteractionKind, Any] = {
    kind: pb.InteractionKind.Value(f"INTERACTION_KIND_{kind.value}") for kind in InteractionKind
}
SUBJECT_TO_PROTO: Mapping[SubjectKind, Any] = {
    kind: pb.SubjectKind.Value(f"SUBJECT_KIND_{kind.value}") for kind in SubjectKind
}
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
            raise InvalidInput("the kind of subject is not known", ("subject",))
        subject = Subject(SUBJECT_FROM_PROTO[message.subject.kind], message.subject.id)
    source = message.source or OWN_SOURCE
    external_id = message.external_id if message.HasField("external_id") else None
    if external_id is not None and message.id:
        raise InvalidInput("an interaction has an id or an external id", ("external_id",))
    return Interaction(
        # No look is needed to see whether it is there, and two who send it at once cannot make it twice.
        id=message.id or (new_id("int") if external_id is None else derived_id("int", source, external_id)),
        direction=DIRECTION_FROM_PROTO[message.direction],
        kind=KIND_FROM_PROTO[message.kind],
        occurred_at=from_timestamp(message.occurred_at, ("occurred_at",)),
        source=source,
        customer=message.customer_id or None,
        source_record=message.source_record_id or None,
        touchpoint=message.touchpoint_id or None,
        employee=message.employee_id or None,
        team=message.team_id or None,
        summary=message.summary if message.HasField("summary") else None,
        subject=subject,
        version=message.version,
        purpose=purpose_from_proto(message.purpose) if message.HasField("purpose") else None,
        external_id=external_id,
    )


def wanted_from_proto(filter: pb.InteractionFilter) -> Wanted:
    for name in _LISTS:
        if len(getattr(filter, name)) > _MOST_VALUES:
            raise InvalidInput(f"a list has at most {_MOST_VALUES} values", ("filter", name))
    return Wanted(
        touchpoints=frozenset(filter.touchpoint_ids),
        channels=frozenset(kind_from_proto(CHANNEL_FROM_PROTO, one, "channels") for one in filter.channels),
        campaigns=frozenset(filter.campaign_ids),
        sources=frozenset(filter.sources),
        employees=frozenset(filter.employee_ids),
        kinds=frozenset(kind_from_proto(KIND_FROM_PROTO, one, "kinds") for one in filter.kinds),
        purposes=frozenset(purpose_from_proto(one) for one in filter.purposes),
        direction=kind_from_proto(DIRECTION_FROM_PROTO, filter.direction, "direction")
        if filter.HasField("direction")
        else None,
        since=from_timestamp(getattr(filter, "from"), ("filter", "from")) if filter.HasField("from") else None,
        until=from_timestamp(filter.to, ("filter", "to")) if filter.HasField("to") else None,
        violations=filter.violations,
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
        external_id=interaction.external_id,
    )
