"""Enquiries as messages, and back."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.errors import InvalidInput
from chassis.times import to_timestamp
from services.feedback.enquiry.domain.facts import (
    AuthorKind,
    Enquiry,
    Level,
    Message,
    Priority,
    Reason,
    Status,
    Visibility,
    Wait,
    WaitEnd,
    WaitFlag,
    WaitKind,
)
from services.feedback.enquiry.domain.levels import LevelState, state_of

Kind = TypeVar("Kind", bound=Enum)

STATUS_TO_PROTO: Mapping[Status, Any] = {
    kind: pb.EnquiryStatus.Value(f"ENQUIRY_STATUS_{kind.value}") for kind in Status
}
PRIORITY_TO_PROTO: Mapping[Priority, Any] = {kind: pb.Priority.Value(f"PRIORITY_{kind.value}") for kind in Priority}
AUTHOR_TO_PROTO: Mapping[AuthorKind, Any] = {
    kind: pb.AuthorKind.Value(f"AUTHOR_KIND_{kind.value}") for kind in AuthorKind
}
VISIBILITY_TO_PROTO: Mapping[Visibility, Any] = {
    kind: pb.Visibility.Value(f"VISIBILITY_{kind.value}") for kind in Visibility
}
REASON_TO_PROTO: Mapping[Reason, Any] = {
    kind: pb.ExclusionReason.Value(f"EXCLUSION_REASON_{kind.value}") for kind in Reason
}
WAIT_TO_PROTO: Mapping[WaitKind, Any] = {kind: pb.WaitKind.Value(f"WAIT_KIND_{kind.value}") for kind in WaitKind}
END_TO_PROTO: Mapping[WaitEnd, Any] = {kind: pb.WaitEnd.Value(f"WAIT_END_{kind.value}") for kind in WaitEnd}
FLAG_TO_PROTO: Mapping[WaitFlag, Any] = {kind: pb.WaitFlag.Value(f"WAIT_FLAG_{kind.value}") for kind in WaitFlag}


LEVEL_TO_PROTO: Mapping[LevelState, Any] = {
    state: pb.ServiceLevelState.Value(f"SERVICE_LEVEL_STATE_{state.value}") for state in LevelState
}


def _turned(table: Mapping[Kind, Any]) -> Mapping[int, Kind]:
    return {proto: kind for kind, proto in table.items()}


STATUS_FROM_PROTO = _turned(STATUS_TO_PROTO)
PRIORITY_FROM_PROTO = _turned(PRIORITY_TO_PROTO)
AUTHOR_FROM_PROTO = _turned(AUTHOR_TO_PROTO)
VISIBILITY_FROM_PROTO = _turned(VISIBILITY_TO_PROTO)
REASON_FROM_PROTO = _turned(REASON_TO_PROTO)


def kind_from_proto(table: Mapping[int, Kind], number: int, *path: str, default: Kind | None = None) -> Kind:
    """InvalidInput: not known, or not said where there is no default."""
    if number == 0 and default is not None:
        return default
    if number not in table:
        raise InvalidInput(f"{path[-1]} is one of {', '.join(kind.value for kind in table.values())}", path)
    return table[number]


def to_proto(enquiry: Enquiry, now: datetime) -> pb.Enquiry:
    derived = enquiry.derived
    return pb.Enquiry(
        id=enquiry.id,
        customer_id=enquiry.customer,
        source_record_id=enquiry.source_record,
        touchpoint_id=enquiry.touchpoint,
        source=enquiry.source,
        external_id=enquiry.external_id,
        subject=enquiry.subject,
        category=enquiry.category,
        service=enquiry.service,
        status=STATUS_TO_PROTO[derived.status],
        priority=PRIORITY_TO_PROTO[enquiry.priority],
        assignee_id=enquiry.assignee,
        team_id=enquiry.team,
        opened_at=to_timestamp(enquiry.opened_at),
        first_responded_at=to_timestamp(derived.first_responded_at),
        resolved_at=to_timestamp(derived.resolved_at),
        reopen_count=derived.reopen_count,
        waits=[_wait_to_proto(wait, now) for wait in derived.waits],
        service_levels=[_level_to_proto(level, now) for level in enquiry.levels],
        version=enquiry.version,
        excluded=_reason_to_proto(derived.excluded),
        merged_into_id=enquiry.merged_into,
        campaign_id=enquiry.campaign,
        touchpoint_ids=derived.touchpoints,
        history=[
            pb.StatusChange(
                at=to_timestamp(change.at),
                status=STATUS_TO_PROTO[change.status],
                excluded=_reason_to_proto(change.excluded),
                by_id=change.by,
            )
            for change in derived.history
        ],
        assignments=[
            pb.Assignment(at=to_timestamp(one.at), assignee_id=one.assignee, team_id=one.team, by_id=one.by)
            for one in sorted(enquiry.assignments, key=lambda one: one.at)
        ],
    )


def _reason_to_proto(reason: Reason | None) -> Any:
    return REASON_TO_PROTO[reason] if reason else pb.EXCLUSION_REASON_UNSPECIFIED


def _level_to_proto(level: Level, now: datetime) -> pb.ServiceLevel:
    return pb.ServiceLevel(
        kind=WAIT_TO_PROTO[level.kind],
        started_at=to_timestamp(level.started_at),
        policy_id=level.policy,
        policy_version=level.policy_version,
        target_seconds=level.target,
        business=level.business,
        due_at=to_timestamp(level.due_at),
        state=LEVEL_TO_PROTO[state_of(level, now)],
    )


def _wait_to_proto(wait: Wait, now: datetime) -> pb.Wait:
    return pb.Wait(
        kind=WAIT_TO_PROTO[wait.kind],
        started_at=to_timestamp(wait.started_at),
        ended_at=to_timestamp(wait.ended_at),
        ended=END_TO_PROTO[wait.ended] if wait.ended else pb.WAIT_END_UNSPECIFIED,
        seconds=((wait.ended_at or now) - wait.started_at).total_seconds(),
        paused_seconds=wait.paused_seconds,
        business_seconds=wait.business_seconds,
        calendar_id=wait.calendar,
        calendar_version=wait.calendar_version,
        started_touchpoint_id=wait.touchpoint,
        answered_by_id=wait.answered_by,
        assignee_at_start_id=wait.assignee_at_start,
        assignee_at_end_id=wait.assignee_at_end,
        flagged=FLAG_TO_PROTO[wait.flagged] if wait.flagged else pb.WAIT_FLAG_UNSPECIFIED,
    )


def message_to_proto(message: Message) -> pb.Message:
    return pb.Message(
        id=message.id,
        enquiry_id=message.enquiry,
        author_kind=AUTHOR_TO_PROTO[message.author_kind],
        author_id=message.author,
        visibility=VISIBILITY_TO_PROTO[message.visibility],
        touchpoint_id=message.touchpoint,
        body=message.body,
        occurred_at=to_timestamp(message.occurred_at),
        in_reply_to_id=message.in_reply_to,
        connected=message.connected,
        attachment_ids=message.attachments,
    )
