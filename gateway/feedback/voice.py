"""What a customer says, seen from the customer: their feedback, and what they want and suffer from today."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from rundblick.feedback.v1 import feedback_pb2 as pb

from gateway.feedback.client import feedback_of
from gateway.shared import Info, needed, page_request

if TYPE_CHECKING:
    from gateway.feedback.feedback import Feedback, FeedbackConnection, FeedbackFilter, SurveyScore
    from gateway.feedback.topic import Topic

_FeedbackRef = Annotated["Feedback", strawberry.lazy("gateway.feedback.feedback")]


@strawberry.type(description="The newest answer to one kind of survey.")
class VoiceScore:
    score: Annotated["SurveyScore", strawberry.lazy("gateway.feedback.feedback")]
    received_at: datetime
    feedback: _FeedbackRef


@strawberry.type(description="What a customer speaks of.")
class VoiceTopic:
    topic: Annotated["Topic", strawberry.lazy("gateway.feedback.topic")]
    mentions: int
    last_at: datetime


@strawberry.type(description="What a customer wants and suffers from today; what was said twice is said once here.")
class VoiceOfCustomer:
    open_wishes: list[_FeedbackRef] = strawberry.field(description="Newest first, at most 20.")
    open_problems: list[_FeedbackRef] = strawberry.field(
        description="Problems and complaints, newest first, at most 20."
    )
    scores: list[VoiceScore] = strawberry.field(description="The newest answer to each kind of survey: NPS, CSAT, CES.")
    topics: list[VoiceTopic] = strawberry.field(description="The most mentioned first, at most 20.")


@strawberry.type
class HasVoice:
    """What feedback adds to a customer beside enquiries."""

    @strawberry.field(description="Newest first.")
    async def feedback(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: Annotated["FeedbackFilter", strawberry.lazy("gateway.feedback.feedback")] | None = None,
    ) -> Annotated["FeedbackConnection", strawberry.lazy("gateway.feedback.feedback")] | None:
        from gateway.feedback.feedback import connection, filter_of  # noqa: PLC0415  # the two know each other

        arguments = pb.BatchListFeedbackRequest(page=page_request(first, after, last, before), filter=filter_of(filter))
        return connection(await feedback_of(info).feedback_of_customers.load(_id(self), arguments))

    @strawberry.field(description="What they want and suffer from today, their newest scores, their topics.")
    async def voice(self, info: Info) -> VoiceOfCustomer | None:
        return _voice(await feedback_of(info).voices.load(_id(self), pb.BatchGetVoicesRequest()))


def _id(customer: Any) -> str:
    return str(customer.id)


def _voice(record: pb.Voice) -> VoiceOfCustomer:
    from gateway.feedback.feedback import feedback_of_record, score_of  # noqa: PLC0415  # as above
    from gateway.feedback.topic import topic_of_key  # noqa: PLC0415  # as above

    return VoiceOfCustomer(
        open_wishes=[feedback_of_record(one) for one in record.wishes],
        open_problems=[feedback_of_record(one) for one in record.problems],
        scores=[
            VoiceScore(
                score=score_of(one.score),
                received_at=needed(one, "received_at"),
                feedback=feedback_of_record(None, one.feedback_id),
            )
            for one in record.scores
        ],
        topics=[
            VoiceTopic(topic=topic_of_key(one.key), mentions=one.mentions, last_at=needed(one, "last_at"))
            for one in record.topics
        ],
    )
