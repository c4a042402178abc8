"""Feedback as messages, and back."""

from collections.abc import Mapping
from typing import Any

from rundblick.customers.v1 import signal_pb2
from rundblick.feedback.v1 import feedback_pb2 as pb

from chassis.errors import InvalidInput
from chassis.times import to_timestamp
from services.feedback.feedback.domain import (
    SCALES,
    Classification,
    Feedback,
    FeedbackKind,
    FeedbackStatus,
    Reply,
    Score,
    ScoreKind,
)

KIND_TO_PROTO: Mapping[FeedbackKind, Any] = {
    kind: pb.FeedbackKind.Value(f"FEEDBACK_KIND_{kind.value}") for kind in FeedbackKind
}
STATUS_TO_PROTO: Mapping[FeedbackStatus, Any] = {
    status: pb.FeedbackStatus.Value(f"FEEDBACK_STATUS_{status.value}") for status in FeedbackStatus
}
SCORE_TO_PROTO: Mapping[ScoreKind, Any] = {
    kind: signal_pb2.SurveyKind.Value(f"SURVEY_KIND_{kind.value}") for kind in ScoreKind
}
KIND_FROM_PROTO: Mapping[int, FeedbackKind] = {proto: kind for kind, proto in KIND_TO_PROTO.items()}
STATUS_FROM_PROTO: Mapping[int, FeedbackStatus] = {proto: status for status, proto in STATUS_TO_PROTO.items()}
SCORE_FROM_PROTO: Mapping[int, ScoreKind] = {proto: kind for kind, proto in SCORE_TO_PROTO.items()}


def one_of(table: Mapping[int, Any], number: int, *path: str) -> Any:
    """InvalidInput: not known, or not said."""
    if number not in table:
        raise InvalidInput(f"{path[-1]} is one of {', '.join(value.value for value in table.values())}", path)
    return table[number]


def kind_from_proto(number: int) -> FeedbackKind | None:
    """None: not said. InvalidInput: not known."""
    kind: FeedbackKind | None = one_of(KIND_FROM_PROTO, number, "kind") if number else None
    return kind


def score_from_proto(message: pb.Score) -> Score:
    """InvalidInput: what cannot be, with the field."""
    kind: ScoreKind = one_of(SCORE_FROM_PROTO, message.kind, "score", "kind")
    lowest, highest = (message.lowest, message.highest) if message.lowest or message.highest else SCALES[kind]
    return Score(kind, message.value, lowest, highest)


def score_to_proto(score: Score) -> pb.Score:
    return pb.Score(kind=SCORE_TO_PROTO[score.kind], value=score.value, lowest=score.lowest, highest=score.highest)


def to_proto(feedback: Feedback) -> pb.Feedback:
    return pb.Feedback(
        id=feedback.id,
        customer_id=feedback.customer,
        source_record_id=feedback.source_record,
        touchpoint_id=feedback.touchpoint,
        enquiry_id=feedback.enquiry,
        source=feedback.source,
        external_id=feedback.external_id,
        kind=KIND_TO_PROTO[feedback.kind],
        solicited=feedback.solicited,
        survey_id=feedback.survey,
        score=score_to_proto(feedback.score) if feedback.score else None,
        text=feedback.text,
        language=feedback.language,
        sentiment=feedback.sentiment,
        topic_keys=feedback.topics,
        status=STATUS_TO_PROTO[feedback.status],
        duplicate_of_id=feedback.duplicate_of,
        replies=map(reply_to_proto, feedback.replies),
        steps=[
            pb.FeedbackStep(status=STATUS_TO_PROTO[step.status], at=to_timestamp(step.at), by=step.by, note=step.note)
            for step in feedback.steps
        ],
        classifications=map(_classification_to_proto, feedback.classifications),
        received_at=to_timestamp(feedback.received_at),
        team_id=feedback.team,
        owner_id=feedback.owner,
        service=feedback.service,
        version=feedback.version,
    )


def reply_to_proto(reply: Reply) -> pb.FeedbackReply:
    return pb.FeedbackReply(
        id=reply.id,
        body=reply.body,
        occurred_at=to_timestamp(reply.at),
        author_id=reply.author,
        delivery_id=reply.delivery,
    )


def _classification_to_proto(said: Classification) -> pb.Classification:
    return pb.Classification(
        at=to_timestamp(said.at),
        by=said.by,
        kind=KIND_TO_PROTO[said.kind] if said.kind else None,
        topics=None if said.topics is None else pb.TopicKeys(keys=said.topics),
        sentiment=said.sentiment,
    )
