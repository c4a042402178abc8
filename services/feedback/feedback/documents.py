"""Feedback as documents, and back."""

from chassis.mongo import Document
from services.feedback.feedback.domain import (
    Classification,
    Feedback,
    FeedbackKind,
    FeedbackStatus,
    FeedbackStep,
    Reply,
    Score,
    ScoreKind,
)
from services.feedback.feedback.domain.observations import need


def to_document(feedback: Feedback) -> Document:
    document: Document = {
        "_id": feedback.id,
        "source": feedback.source,
        "team": feedback.team,
        "owner": feedback.owner,
        "customer": feedback.customer,
        "source_record": feedback.source_record,
        "touchpoint": feedback.touchpoint,
        "channel": feedback.channel,
        "enquiry": feedback.enquiry,
        "external_id": feedback.external_id,
        "kind": feedback.kind.value,
        "stated": feedback.stated.value if feedback.stated else None,
        "solicited": feedback.solicited,
        "survey": feedback.survey,
        "score": _score_to_document(feedback.score) if feedback.score else None,
        "text": feedback.text,
        "service": feedback.service,
        "language": feedback.language,
        "sentiment": feedback.sentiment,
        "topics": list(feedback.topics),
        "duplicate_of": feedback.duplicate_of,
        "status": feedback.status.value,
        "steps": [{"status": s.status.value, "at": s.at, "by": s.by, "note": s.note} for s in feedback.steps],
        "replies": [
            {"id": r.id, "body": r.body, "at": r.at, "author": r.author, "sent": r.sent, "delivery": r.delivery}
            for r in feedback.replies
        ],
        "classifications": [_classification_to_document(one) for one in feedback.classifications],
        "received_at": feedback.received_at,
        "version": feedback.version,
    }
    if feedback.open and (what := need(feedback)):
        # What a customer wants or suffers from today is asked for by this alone.
        document["need"] = what
    return document


def _score_to_document(score: Score) -> Document:
    return {"kind": score.kind.value, "value": score.value, "lowest": score.lowest, "highest": score.highest}


def _classification_to_document(said: Classification) -> Document:
    return {
        "at": said.at,
        "by": said.by,
        "kind": said.kind.value if said.kind else None,
        "topics": None if said.topics is None else list(said.topics),
        "sentiment": said.sentiment,
    }


def score_from_document(document: Document) -> Score:
    return Score(ScoreKind(document["kind"]), document["value"], document["lowest"], document["highest"])


def from_document(document: Document) -> Feedback:
    return Feedback(
        id=document["_id"],
        source=document["source"],
        received_at=document["received_at"],
        kind=FeedbackKind(document["kind"]),
        stated=FeedbackKind(document["stated"]) if document["stated"] else None,
        text=document["text"],
        score=score_from_document(document["score"]) if document["score"] else None,
        external_id=document["external_id"],
        customer=document["customer"],
        source_record=document["source_record"],
        touchpoint=document["touchpoint"],
        channel=document["channel"],
        enquiry=document["enquiry"],
        solicited=document["solicited"],
        survey=document["survey"],
        team=document["team"],
        owner=document["owner"],
        service=document["service"],
        language=document["language"],
        sentiment=document["sentiment"],
        topics=tuple(document["topics"]),
        duplicate_of=document["duplicate_of"],
        replies=tuple(
            Reply(r["id"], r["body"], r["at"], r["author"], r["sent"], r["delivery"]) for r in document["replies"]
        ),
        steps=tuple(FeedbackStep(FeedbackStatus(s["status"]), s["at"], s["by"], s["note"]) for s in document["steps"]),
        classifications=tuple(
            Classification(
                c["at"],
                c["by"],
                FeedbackKind(c["kind"]) if c["kind"] else None,
                None if c["topics"] is None else tuple(c["topics"]),
                c["sentiment"],
            )
            for c in document["classifications"]
        ),
        version=document["version"],
    )
