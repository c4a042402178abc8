"""Enquiries and messages as documents, and back."""

from datetime import datetime

from chassis.mongo import Document
from services.feedback.enquiry.domain.facts import (
    Assignment,
    AuthorKind,
    Derived,
    Enquiry,
    Level,
    Message,
    Pause,
    Priority,
    Reason,
    Status,
    StatusChange,
    Step,
    Transition,
    Visibility,
    Wait,
    WaitEnd,
    WaitFlag,
    WaitKind,
    Word,
)
from services.feedback.enquiry.domain.levels import next_due, next_look
from services.feedback.enquiry.domain.words import words_of


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
            {"step": t.step.value, "at": t.at, "reason": t.reason.value if t.reason else None, "by": t.by}
            for t in enquiry.transitions
        ],
        "assignments": [{"at": a.at, "assignee": a.assignee, "team": a.team, "by": a.by} for a in enquiry.assignments],
        "campaign": enquiry.campaign,
        "merged_into": enquiry.merged_into,
        "words": words_of(enquiry.subject),
        "status": derived.status.value,
        "waits": [_wait_to_document(wait) for wait in derived.waits],
        "first_responded_at": derived.first_responded_at,
        "resolved_at": derived.resolved_at,
        "reopen_count": derived.reopen_count,
        "excluded": derived.excluded.value if derived.excluded else None,
        "history": [_change_to_document(change) for change in derived.history],
        "touchpoints": list(derived.touchpoints),
        "levels": [_level_to_document(level) for level in enquiry.levels],
        "version": enquiry.version,
    }
    moments = {"waiting_since": derived.waiting_since, "next_due": next_due(enquiry), "next_look": next_look(enquiry)}
    # Absent where there is none: the indexes hold only those that have it.
    return document | {name: at for name, at in moments.items() if at is not None}


def _change_to_document(change: StatusChange) -> Document:
    excluded = change.excluded.value if change.excluded else None
    return {"at": change.at, "status": change.status.value, "excluded": excluded, "by": change.by}


def _change_from_document(document: Document) -> StatusChange:
    excluded = Reason(document["excluded"]) if document["excluded"] else None
    return StatusChange(document["at"], Status(document["status"]), excluded, document["by"])


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
        "pauses": [{"begin": pause.begin, "end": pause.end} for pause in wait.pauses],
        "business_seconds": wait.business_seconds,
        "calendar": wait.calendar,
        "calendar_version": wait.calendar_version,
    }


def _level_to_document(level: Level) -> Document:
    return {
        "wait": level.wait,
        "kind": level.kind.value,
        "started_at": level.started_at,
        "policy": level.policy,
        "policy_key": level.policy_key,
        "policy_version": level.policy_version,
        "target": level.target,
        "business": level.business,
        "due_at": level.due_at,
        "risk_at": level.risk_at,
        "late_after": level.late_after,
        "open": level.open,
        "met": level.met,
        "told": level.told.value if level.told else None,
    }


def _level_from_document(document: Document) -> Level:
    told = Word(document["told"]) if document["told"] else None
    return Level(**{**document, "kind": WaitKind(document["kind"]), "told": told})


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
        # Those from before there was such a thing have none.
        pauses=tuple(Pause(one["begin"], one["end"]) for one in document.get("pauses", ())),
        business_seconds=document.get("business_seconds"),
        calendar=document.get("calendar"),
        calendar_version=document.get("calendar_version"),
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
            Transition(Step(t["step"]), t["at"], Reason(t["reason"]) if t["reason"] else None, t.get("by"))
            for t in document["transitions"]
        ),
        assignments=tuple(Assignment(a["at"], a["assignee"], a["team"], a.get("by")) for a in document["assignments"]),
        # Those from before there was such a thing have none.
        campaign=document.get("campaign"),
        merged_into=document.get("merged_into"),
        derived=Derived(
            status=Status(document["status"]),
            waits=tuple(map(_wait_from_document, document["waits"])),
            first_responded_at=document["first_responded_at"],
            resolved_at=document["resolved_at"],
            reopen_count=document["reopen_count"],
            excluded=Reason(document["excluded"]) if document["excluded"] else None,
            history=tuple(map(_change_from_document, document.get("history", ()))),
            touchpoints=tuple(document.get("touchpoints", ())),
        ),
        levels=tuple(map(_level_from_document, document.get("levels", ()))),
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
        "attachments": list(message.attachments),
        "code": message.code,
        "merged_from": message.merged_from,
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
        attachments=tuple(document.get("attachments", ())),
        code=document.get("code"),
        merged_from=document.get("merged_from"),
    )
