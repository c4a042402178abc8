"""Surveys and invitations as documents, and back."""

from collections.abc import Mapping
from typing import Any

from chassis.mongo import Document
from services.feedback.survey.domain import (
    Invitation,
    Kind,
    Occasion,
    Reminders,
    Scale,
    Sent,
    State,
    Survey,
    Text,
    Trigger,
    Wording,
)


def to_document(survey: Survey) -> Document:
    reminders, trigger = survey.reminders, survey.trigger
    return {
        "_id": survey.id,
        "key": survey.key,
        "kind": survey.kind.value,
        "scale": {"lowest": survey.scale.lowest, "highest": survey.scale.highest},
        "wordings": [
            {"version": one.version, "since": one.since, "texts": [_text_to_document(text) for text in one.texts]}
            for one in survey.wordings
        ],
        "reminders": {"most": reminders.most, "after_days": reminders.after_days} if reminders else None,
        "days_open": survey.days_open,
        "quiet_days": survey.quiet_days,
        "trigger": {"occasion": trigger.occasion.value, "share": trigger.share} if trigger else None,
        "active": survey.active,
        "source": survey.source,
        "team": None,
        "owner": None,
        "version": survey.version,
    }


def _text_to_document(text: Text) -> Document:
    return {name: getattr(text, name) for name in text.__slots__}


def from_document(document: Mapping[str, Any]) -> Survey:
    reminders, trigger = document["reminders"], document["trigger"]
    return Survey(
        id=document["_id"],
        key=document["key"],
        kind=Kind(document["kind"]),
        scale=Scale(**document["scale"]),
        wordings=tuple(
            Wording(one["version"], one["since"], tuple(Text(**text) for text in one["texts"]))
            for one in document["wordings"]
        ),
        reminders=Reminders(**reminders) if reminders else None,
        days_open=document["days_open"],
        quiet_days=document["quiet_days"],
        trigger=Trigger(Occasion(trigger["occasion"]), trigger["share"]) if trigger else None,
        active=document["active"],
        source=document["source"],
        version=document["version"],
    )


_AS_IT_IS = (
    "survey",
    "customer",
    "source_record",
    "invited_at",
    "expires_at",
    "next_at",
    "touchpoint",
    "channel",
    "campaign",
    "enquiry",
    "language",
    "reached",
    "answered_at",
    "feedback",
    "wording",
    "why",
    "source",
    "team",
    "owner",
    "version",
)


def invitation_to_document(invitation: Invitation) -> Document:
    return {
        "_id": invitation.id,
        "state": invitation.state.value,
        "sent": [{"at": one.at, "token_hash": one.token_hash} for one in invitation.sent],
        **{name: getattr(invitation, name) for name in _AS_IT_IS},
    }


def invitation_from_document(document: Mapping[str, Any]) -> Invitation:
    return Invitation(
        id=document["_id"],
        state=State(document["state"]),
        sent=tuple(Sent(one["at"], one["token_hash"]) for one in document["sent"]),
        **{name: document[name] for name in _AS_IT_IS},
    )
