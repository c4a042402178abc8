"""Waits in the graph: how long customers waited, and for whom."""

from datetime import datetime
from enum import Enum

import strawberry
from rundblick.feedback.v1 import enquiry_pb2 as pb

from gateway.feedback.references import Employee, Touchpoint, employee_of, touchpoint_of
from gateway.shared import enum_of, moment, needed, present


@strawberry.enum
class WaitKind(Enum):
    FIRST = "FIRST"
    NEXT = "NEXT"
    RESOLUTION = "RESOLUTION"


@strawberry.enum
class WaitEnd(Enum):
    ANSWERED = "ANSWERED"
    CLOSED_UNANSWERED = "CLOSED_UNANSWERED"
    EXCLUDED = "EXCLUDED"


@strawberry.enum
class WaitFlag(Enum):
    NEGATIVE = "NEGATIVE"


@strawberry.type(description="A raw fact from which every response-time KPI is derived.")
class WaitInterval:
    kind: WaitKind
    started_at: datetime
    ended_at: datetime | None = strawberry.field(description="null: still waiting")
    ended: WaitEnd | None
    seconds: float = strawberry.field(description="Elapsed; up to now while open.")
    business_seconds: float | None = strawberry.field(
        description="Once it has ended; null without a calendar, never 0 instead."
    )
    paused_seconds: float | None = strawberry.field(description="RESOLUTION only")
    started_touchpoint: Touchpoint | None
    answered_by: Employee | None
    assignee_at_start: Employee | None
    assignee_at_end: Employee | None
    flagged: WaitFlag | None

    @classmethod
    def of(cls, wait: pb.Wait) -> "WaitInterval":
        return cls(
            kind=enum_of(WaitKind, pb.WaitKind, wait.kind, "WAIT_KIND_"),
            started_at=needed(wait, "started_at"),
            ended_at=moment(wait, "ended_at"),
            ended=enum_of(WaitEnd, pb.WaitEnd, wait.ended, "WAIT_END_") if wait.ended else None,
            seconds=wait.seconds,
            business_seconds=present(wait, "business_seconds"),
            paused_seconds=present(wait, "paused_seconds"),
            started_touchpoint=touchpoint_of(present(wait, "started_touchpoint_id")),
            answered_by=employee_of(present(wait, "answered_by_id")),
            assignee_at_start=employee_of(present(wait, "assignee_at_start_id")),
            assignee_at_end=employee_of(present(wait, "assignee_at_end_id")),
            flagged=enum_of(WaitFlag, pb.WaitFlag, wait.flagged, "WAIT_FLAG_") if wait.flagged else None,
        )
