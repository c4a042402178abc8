"""Enquiries and messages as documents, and back."""

from datetime import datetime

from chassis.mongo import Document
from services.feedback.enquiry.domain.facts import (
    Assignment,
    AuthorKind,
    Derived,
    Enquiry,
    Message,
    Priority,
    Reason,
    Status,
    Step,
    Transition,
    Visibility,
    Wait,
    WaitEnd,
    WaitFlag,
    WaitKind,
)


def to_document(enquiry: Enquiry) -> Document:
    derived = enquiry.derived
    document: Document = {
        "_id": enquiry.id,
        "source": enquiry.source,
        "team": enquiry.team,
        "owner": enquiry.assignee,
        "customer": enquiry.customer,
        "source_record": enquiry.source_record,
        "touchpoint": enquiry.touchpoint,
        "channel": enquiry.channel,
        "external_id": enquiry.external_id,
        "subject": enquiry.subject,
        "category": enquiry.category,
        "service": enquiry.service,
        "priority": enquiry.priority.value,
        "opened_at": enquiry.opened_at,
        "transitions": [
            {"step": t.step.value, "at": t.at, "reason": t.reason.value if t.reason else None}
            for t in enquiry.transitions
        ],
        "assignments": [{"at": a.at, "assignee": a.assignee, "team": a.team} for a in enquiry.assignments],
        "status": derived.status.value,
        "waits": [_wait_to_document(wait) for wait in derived.waits],
        "first_responded_at": derived.first_responded_at,
        "resolved_at": derived.resolved_at,
        "reopen_count": derived.reopen_count,
        "excluded": derived.excluded.value if derived.excluded else None,
        "version": enquiry.version,
    }
    if derived.waiting_since is not None:
        document["waiting_since"] = derived.waiting_since
    return document


def _wait_to_document(wait: Wait) -> Document:
    return {
        "key": wait.key,
        "kind": wait.kind.value,
        "started_at": wait.started_at,
        "ended_at": wait.ended_at,
        "ended": wait.ended.value if wait.ended else None,
        "flagged": wait.flagged.value if wait.flagged else None,
        "paused_seconds": wait.paused_seconds,
        "touchpoint": wait.touchpoint,
        "channel": wait.channel,
        "answered_by": wait.answered_by,
        "assignee_at_start": wait.assignee_at_start,
        "assignee_at_end": wait.assignee_at_end,
    }


def _wait_from_document(document: Document) -> Wait:
    return Wait(
        key=document["key"],
        kind=WaitKind(document["kind"]),
        started_at=document["started_at"],
        ended_at=document["ended_at"],
        ended=WaitEnd(document["ended"]) if document["ended"] else None,
        flagged=WaitFlag(document["flagged"]) if document["flagged"] else None,
        paused_seconds=document["paused_seconds"],
        touchpoint=document["touchpoint"],
        channel=document["channel"],
        answered_by=document["answered_by"],
        assignee_at_start=document["assignee_at_start"],
        assignee_at_end=document["assignee_at_end"],
    )


def from_document(document: Document) -> Enquiry:
    return Enquiry(
        id=document["_id"],
        source=document["source"],
        subject=document["subject"],
        opened_at=document["opened_at"],
        customer=document["customer"],
        source_record=document["source_record"],
        touchpoint=document["touchpoint"],
        channel=document["channel"],
        external_id=document["external_id"],
        category=document["category"],
        service=document["service"],
        priority=Priority(document["priority"]),
        assignee=document["owner"],
        team=document["team"],
        transitions=tuple(
            Transition(Step(t["step"]), t["at"], Reason(t["reason"]) if t["reason"] else None)
            for t in document["transitions"]
        ),
        assignments=tuple(Assignment(a["at"], a["assignee"], a["team"]) for a in document["assignments"]),
        derived=Derived(
            status=Status(document["status"]),
            waits=tuple(map(_wait_from_document, document["waits"])),
            first_responded_at=document["first_responded_at"],
            resolved_at=document["resolved_at"],
            reopen_count=document["reopen_count"],
            excluded=Reason(document["excluded"]) if document["excluded"] else None,
        ),
        version=document["version"],
    )


def message_to_document(message: Message, enquiry: Enquiry) -> Document:
    return {
        "_id": message.id,
        "enquiry": message.enquiry,
        "source": message.source,
        "team": enquiry.team,
        "owner": message.author,
        "source_record": message.source_record,
        "author_kind": message.author_kind.value,
        "visibility": message.visibility.value,
        "touchpoint": message.touchpoint,
        "channel": message.channel,
        "body": message.body,
        "occurred_at": message.occurred_at,
        "in_reply_to": message.in_reply_to,
        "connected": message.connected,
        "external_id": message.external_id,
    }


def message_from_document(document: Document) -> Message:
    """Without its body where that was not read."""
    occurred_at: datetime = document["occurred_at"]
    return Message(
        id=document["_id"],
        enquiry=document["enquiry"],
        author_kind=AuthorKind(document["author_kind"]),
        visibility=Visibility(document["visibility"]),
        occurred_at=occurred_at,
        source=document["source"],
        body=document.get("body", ""),
        author=document["owner"],
        touchpoint=document["touchpoint"],
        channel=document["channel"],
        in_reply_to=document["in_reply_to"],
        connected=document["connected"],
        external_id=document["external_id"],
        source_record=document["source_record"],
    )
