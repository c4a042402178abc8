"""Every change of one piece of feedback by people: load, decide, save, and tell the others, in one transaction."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message as ProtoMessage
from rundblick.customers.v1 import delivery_pb2
from rundblick.feedback.v1 import feedback_pb2 as pb

from chassis.caller import Caller, service_caller
from chassis.errors import Unavailable
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Database, Session, in_transaction, require_source
from chassis.outbox import Outbox
from chassis.times import from_timestamp
from services.feedback.enquiry.references import CustomersClient
from services.feedback.feedback import messages
from services.feedback.feedback.domain import (
    Classification,
    Feedback,
    FeedbackNotFound,
    FeedbackStatus,
    FeedbackStep,
    Reply,
    steps,
)
from services.feedback.feedback.outgoing import email
from services.feedback.feedback.recording import Recording
from services.feedback.feedback.repository import MongoFeedbackRepository
from services.feedback.telling import queued
from services.feedback.topic.domain import TopicNotFound
from services.feedback.topic.repository import MongoTopicRepository

Response = TypeVar("Response", bound=ProtoMessage)
Decide = Callable[[Feedback, Session], Coroutine[Any, Any, Feedback]]

_SUBJECTS = {"de": "Zu Ihrer Rückmeldung", "en": "About your feedback"}


class Changes:
    def __init__(
        self,
        database: Database,
        feedback: MongoFeedbackRepository,
        topics: MongoTopicRepository,
        customers: CustomersClient,
        recording: Recording,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._feedback = feedback
        self._topics = topics
        self._customers = customers
        self._recording = recording
        self._writes = writes
        self._outbox = outbox
        self._now = now

    async def reply(self, caller: Caller, request: pb.ReplyToFeedbackRequest) -> pb.ReplyToFeedbackResponse:
        author = request.author_id or caller.employee
        if request.author_id:
            await self._require_employee(caller, request.author_id, "author_id")
        reply = Reply(new_id("rpl"), request.body, self._at(request), author)

        async def decide(feedback: Feedback, session: Session) -> Feedback:
            nonlocal reply
            reply = Reply(
                reply.id, reply.body, reply.at, author, sent=not request.already_told and feedback.customer is not None
            )
            after = steps.replied(feedback, reply)
            if reply.sent:
                language = feedback.language if feedback.language in _SUBJECTS else "en"
                subject = request.subject or _SUBJECTS[language]
                delivery = email(feedback, reply, subject, language)
                await self._outbox.append(session, [queued(feedback.id, after.version, [delivery])])
            return after

        def answer(feedback: Feedback) -> pb.ReplyToFeedbackResponse:
            return pb.ReplyToFeedbackResponse(
                feedback=messages.to_proto(feedback), reply=messages.reply_to_proto(reply)
            )

        return await self._run(caller, request, pb.ReplyToFeedbackResponse, decide, answer)

    async def classify(self, caller: Caller, request: pb.ClassifyFeedbackRequest) -> pb.ClassifyFeedbackResponse:
        topics = tuple(request.topics.keys) if request.HasField("topics") else None
        said = Classification(
            self._now(),
            _by(caller),
            messages.kind_from_proto(request.kind),
            topics,
            request.sentiment if request.HasField("sentiment") else None,
        )

        async def decide(feedback: Feedback, session: Session) -> Feedback:
            steps.require_version(feedback, request.version if request.HasField("version") else None)
            known = await self._topics.of_keys(caller, topics or (), session)
            for key in topics or ():
                if key not in known:
                    raise TopicNotFound(key, ("topics",))
            return steps.classified(feedback, said)

        def answer(feedback: Feedback) -> pb.ClassifyFeedbackResponse:
            return pb.ClassifyFeedbackResponse(feedback=messages.to_proto(feedback))

        return await self._run(caller, request, pb.ClassifyFeedbackResponse, decide, answer)

    async def set_status(self, caller: Caller, request: pb.SetFeedbackStatusRequest) -> pb.SetFeedbackStatusResponse:
        status: FeedbackStatus = messages.one_of(messages.STATUS_FROM_PROTO, request.status, "status")
        if request.owner_id:
            await self._require_employee(caller, request.owner_id, "owner_id")
        step = FeedbackStep(status, self._at(request), _by(caller), request.note or None)

        async def decide(feedback: Feedback, session: Session) -> Feedback:
            steps.require_version(feedback, request.version if request.HasField("version") else None)
            other = await self._one(caller, request.duplicate_of_id, session) if request.duplicate_of_id else None
            after = steps.moved(feedback, step, duplicate_of=other, owner=request.owner_id or None)
            if after.duplicate_of is not None and feedback.duplicate_of is None:
                # A chain has one end: what repeated it repeats the other now.
                repeating = await self._feedback.repeating(caller, feedback.id, session)
                pairs = [(one, steps.repeats(one, after.duplicate_of)) for one in repeating]
                await self._recording.change(caller, pairs, session)
            return after

        def answer(feedback: Feedback) -> pb.SetFeedbackStatusResponse:
            return pb.SetFeedbackStatusResponse(feedback=messages.to_proto(feedback))

        return await self._run(caller, request, pb.SetFeedbackStatusResponse, decide, answer)

    async def delivered(self, deliveries: Sequence[delivery_pb2.Delivery]) -> None:
        """Told under which ids replies go out; others are not ours."""
        caller = service_caller("feedback")
        ours = {one.external_id: one for one in deliveries if one.external_id.startswith("rpl_")}

        async def learn(session: Session) -> None:
            ids = {one.reference for one in ours.values()}
            there = await self._feedback.of_ids(caller, ids, session) if ids else {}
            after = dict(there)
            for reply, one in ours.items():
                if one.reference in after:
                    after[one.reference] = steps.delivered(after[one.reference], reply, one.id)
            news = [(there[id], one) for id, one in after.items() if one is not there[id]]
            await self._recording.change(caller, news, session)

        if ours:
            await in_transaction(self._database, learn)

    def _at(self, request: Any) -> datetime:
        """When it happened; now, when the request does not say."""
        if request.HasField("occurred_at"):
            return from_timestamp(request.occurred_at, ("occurred_at",))
        return self._now()

    async def _run(
        self,
        caller: Caller,
        request: Any,
        response: type[Response],
        decide: Decide,
        answer: Callable[[Feedback], Response],
    ) -> Response:
        async def change(session: Session) -> Response:
            feedback = await self._one(caller, request.id, session, ("id",))
            require_source(caller, feedback.source)
            after = await decide(feedback, session)
            if after is not feedback:
                await self._recording.change(caller, [(feedback, after)], session)
            return answer(after)

        done = await self._writes.run(caller, request, response, change)
        self._outbox.wake()
        return done

    async def _one(
        self, caller: Caller, id: str, session: Session, path: tuple[str, ...] = ("duplicate_of_id",)
    ) -> Feedback:
        found = await self._feedback.of_ids(caller, [id], session)
        if id not in found:
            raise FeedbackNotFound(id, path)
        return found[id]

    async def _require_employee(self, caller: Caller, id: str, field: str) -> None:
        try:
            await self._customers.require_employee(caller, id, (field,))
        except Unavailable:
            # What was said or decided stays so, whoever is away.
            return


def _by(caller: Caller) -> str:
    return caller.employee or caller.subject
