"""What happens with enquiries and feedback, as subscriptions: whatever an event speaks of is loaded anew for it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import strawberry
from rundblick.feedback.v1 import stream_pb2 as pb

from gateway.feedback.client import SERVICE, feedback_of
from gateway.feedback.enquiry import Enquiry, enquiry_of, load_enquiry
from gateway.feedback.feedback import Feedback, FeedbackKind, load_feedback
from gateway.shared import Info


@strawberry.type
class StreamSubscription:
    @strawberry.subscription(
        description="An enquiry each time one of its service levels is at risk, and when it is missed; also since a "
        "cursor. team: the key of the one that has it then; null: of any, and of none."
    )
    async def enquiry_waiting(
        self, info: Info, team: str | None = None, after: str | None = None
    ) -> AsyncGenerator[Enquiry | None]:
        request = pb.WatchWaitingRequest(after=after, team_key=team)
        async with aclosing(_ids(info, "WatchWaiting", request, "enquiry_id")) as ids:
            async for id in ids:
                record = await load_enquiry(info, id)
                yield enquiry_of(record) if record is not None else None

    @strawberry.subscription(description="Feedback when it is received, also since a cursor.")
    async def feedback_received(
        self, info: Info, kinds: list[FeedbackKind] | None = None, after: str | None = None
    ) -> AsyncGenerator[Feedback | None]:
        wanted: list[Any] = [f"FEEDBACK_KIND_{kind.value}" for kind in kinds or ()]
        request = pb.WatchFeedbackRequest(after=after, kinds=wanted)
        async with aclosing(_ids(info, "WatchFeedback", request, "feedback_id")) as ids:
            async for id in ids:
                record = await load_feedback(info, id)
                yield Feedback(id=strawberry.ID(record.id), record=record) if record is not None else None


async def _ids(info: Info, name: str, request: Any, field: str) -> AsyncGenerator[str]:
    """What happened; the client learns of each place that was reached, also where there was nothing."""
    context = info.context
    async for answer in context.stream(SERVICE, name, getattr(feedback_of(info).stubs.stream, name), request):
        context.cursor = answer.cursor
        if answer.HasField(field):
            yield getattr(answer, field)
        elif context.alive is not None:
            await context.alive(answer.cursor)
