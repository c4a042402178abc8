"""What callers may ask for, as conditions and pages."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rundblick.feedback.v1 import feedback_pb2 as pb
from rundblick.shared.v1 import page_pb2

from chassis.errors import InvalidInput
from chassis.page import Page, Slice, encode_cursor, page_info, page_of
from chassis.times import from_timestamp, to_timestamp
from services.feedback.feedback import messages
from services.feedback.feedback.domain import Feedback, Voice

_MOST_VALUES = 100
_LISTS = {"topic_keys": "topics", "touchpoint_ids": "touchpoint", "sources": "source"}
_VALUES = {
    "team_id": "team",
    "owner_id": "owner",
    "solicited": "solicited",
    "survey_id": "survey",
    "enquiry_id": "enquiry",
}


def page_in(request: page_pb2.PageRequest) -> Page:
    return page_of(request, [datetime, str])


def condition(filter: pb.FeedbackFilter) -> dict[str, Any]:
    """On the stored fields. InvalidInput: with the field of the filter."""
    wanted: dict[str, Any] = {}
    for name, table, field in (
        ("kinds", messages.KIND_FROM_PROTO, "kind"),
        ("statuses", messages.STATUS_FROM_PROTO, "status"),
    ):
        if numbers := getattr(filter, name):
            wanted[field] = {"$in": [messages.one_of(table, number, "filter", name).value for number in numbers]}
    for name, field in _LISTS.items():
        values = list(getattr(filter, name))
        if len(values) > _MOST_VALUES:
            raise InvalidInput(f"at most {_MOST_VALUES} values", ("filter", name))
        if values:
            wanted[field] = {"$in": values}
    wanted |= {field: getattr(filter, name) for name, field in _VALUES.items() if filter.HasField(name)}  # type: ignore[arg-type]  # the names are those of fields
    received = {
        sign: from_timestamp(getattr(filter, name), ("filter", name))
        for name, sign in (("from", "$gte"), ("to", "$lt"))
        if filter.HasField(name)  # type: ignore[arg-type]  # as above
    }
    felt = {
        sign: getattr(filter, name)
        for name, sign in (("sentiment_below", "$lte"), ("sentiment_above", "$gte"))
        if filter.HasField(name)  # type: ignore[arg-type]  # as above
    }
    return wanted | ({"received_at": received} if received else {}) | ({"sentiment": felt} if felt else {})


def batch(asked: Iterable[str], found: Mapping[str, Feedback]) -> pb.BatchGetFeedbackResponse:
    return pb.BatchGetFeedbackResponse(
        answers={
            id: pb.FeedbackAnswer(value=messages.to_proto(found[id]))
            if id in found
            else pb.FeedbackAnswer(error=page_pb2.ItemError(code="NOT_FOUND", message=f"there is no {id}"))
            for id in asked
        }
    )


def page_out(part: Slice[Feedback]) -> pb.FeedbackPage:
    return pb.FeedbackPage(
        edges=[
            pb.FeedbackEdge(cursor=encode_cursor(boundary), node=messages.to_proto(feedback))
            for feedback, boundary in zip(part.items, part.boundaries, strict=True)
        ],
        page_info=page_info(part),
    )


def voice_out(voice: Voice) -> pb.Voice:
    return pb.Voice(
        wishes=map(messages.to_proto, voice.wishes),
        problems=map(messages.to_proto, voice.problems),
        scores=[
            pb.GivenScore(
                feedback_id=one.id,
                score=messages.score_to_proto(one.score) if one.score else None,
                received_at=to_timestamp(one.received_at),
            )
            for one in voice.scores
        ],
        topics=[
            pb.VoiceTopic(key=one.topic, mentions=one.mentions, last_at=to_timestamp(one.last_at))
            for one in voice.topics
        ],
    )
