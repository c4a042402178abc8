"""Every change of one enquiry: load, decide, save, and tell the others, in one transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message as ProtoMessage
from rundblick.customers.v1 import reference_pb2
from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.caller import Caller
from chassis.errors import InvalidInput, NotFound
from chassis.idempotency import Writes
from chassis.mongo import Session, require_source
from chassis.outbox import Outbox
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.attachment.repository import MongoAttachmentRepository
from services.feedback.attachment.taking import take
from services.feedback.enquiry import messages, queries
from services.feedback.enquiry.domain import steps
from services.feedback.enquiry.domain.facts import (
    Enquiry,
    EnquiryNotFound,
    Message,
    Visibility,
)
from services.feedback.enquiry.domain.notes import sees_notes
from services.feedback.enquiry.judging import Judging
from services.feedback.enquiry.opening import Asked, hold
from services.feedback.enquiry.outgoing import entries
from services.feedback.enquiry.references import OWN_SOURCE, CustomersClient, References
from services.feedback.enquiry.repository import MongoEnquiryRepository
from services.feedback.enquiry.writing import Writing

Response = TypeVar("Response", bound=ProtoMessage)
Decide = Callable[[Enquiry, Sequence[Message]], Enquiry]


class Changes:
    def __init__(
        self,
        enquiries: MongoEnquiryRepository,
        aliases: MongoAliasRepository,
        attachments: MongoAttachmentRepository,
        customers: CustomersClient,
        judging: Judging,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._enquiries = enquiries
        self._aliases = aliases
        self._attachments = attachments
        self._customers = customers
        self._judging = judging
        self._writes = writes
        self._outbox = outbox
        self._writing = Writing(customers, now)
        self._now = now

    def at(self, request: Any) -> datetime:
        """When it happened; now, when the request does not say."""
        return self._writing.at(request)

    async def run(
        self,
        caller: Caller,
        request: Any,
        response: type[Response],
        decide: Decide,
        answer: Callable[[Enquiry], Response],
        new: Sequence[Message] = (),
    ) -> Response:
        """new: messages that come with the change. `decide` answers the same enquiry when nothing changes."""
        id: str = request.enquiry_id if isinstance(request, pb.AddMessageRequest) else request.id

        async def change(session: Session) -> Response:
            enquiry = await self._one(caller, id, session)
            require_source(caller, enquiry.source)
            known = (await self._enquiries.messages_of(caller, [id], session))[id]
            for message in new:
                _require_replied_to(caller, message, known)
                await take(self._attachments, caller, message, session)
            changed = decide(enquiry, [*known, *new])
            if changed is not enquiry:
                record = changed.source_record
                if record is not None and enquiry.source_record is None:
                    changed = (await hold(self._aliases, caller, [changed], session))[id]
                    await self._enquiries.give_messages(caller, id, record, session)
                changed = (await self._judging.rules()).judged(changed)
                await self._enquiries.put_messages(caller, [(message, changed) for message in new], session)
                await self._enquiries.save(caller, changed, session)
                await self._outbox.append(session, entries(enquiry, changed, new, known))
            return answer(changed)

        done = await self._writes.run(caller, request, response, change)
        self._outbox.wake()
        return done

    async def _one(self, caller: Caller, id: str, session: Session) -> Enquiry:
        found = await self._enquiries.of_ids(caller, [id], session)
        if id not in found:
            raise EnquiryNotFound(id)
        return found[id]

    async def add_message(self, caller: Caller, request: pb.AddMessageRequest) -> pb.AddMessageResponse:
        found = References()
        if request.message.touchpoint_key:
            found = await self._customers.resolve(
                caller,
                OWN_SOURCE if caller.sources is None else min(caller.sources),
                touchpoints=[reference_pb2.TouchpointReference(key=request.message.touchpoint_key)],
            )
            found.require_all()
        enquiry = (await self._enquiries.of_ids(caller, [request.enquiry_id])).get(request.enquiry_id)
        if enquiry is None:
            raise EnquiryNotFound(request.enquiry_id, ("enquiry_id",))
        message = await self._writing.message(caller, enquiry, request.message, found)

        def decide(enquiry: Enquiry, conversation: Sequence[Message]) -> Enquiry:
            steps.require_unmerged(enquiry, ("enquiry_id",))
            return steps.again(enquiry, conversation)

        def answer(changed: Enquiry) -> pb.AddMessageResponse:
            return pb.AddMessageResponse(
                enquiry=messages.to_proto(changed, self._now()), message=messages.message_to_proto(message)
            )

        return await self.run(caller, request, pb.AddMessageResponse, decide, answer, [message])

    async def update(self, caller: Caller, request: pb.UpdateEnquiryRequest) -> pb.UpdateEnquiryResponse:
        person, at = None, self.at(request)
        if request.HasField("customer_id") or request.HasField("customer_external_id"):
            enquiry = (await self._enquiries.of_ids(caller, [request.id])).get(request.id)
            if enquiry is None:
                raise EnquiryNotFound(request.id)
            asked = Asked.of_customer(enquiry.source, request)
            found = await asked.resolve(self._customers, caller)
            found.require_all()
            person = asked.person(found)

        def decide(enquiry: Enquiry, conversation: Sequence[Message]) -> Enquiry:
            return queries.updated(enquiry, conversation, request, person, at, caller.employee)

        def answer(enquiry: Enquiry) -> pb.UpdateEnquiryResponse:
            return pb.UpdateEnquiryResponse(enquiry=messages.to_proto(enquiry, self._now()))

        return await self.run(caller, request, pb.UpdateEnquiryResponse, decide, answer)

    async def assign(self, caller: Caller, request: pb.AssignEnquiryRequest) -> pb.AssignEnquiryResponse:
        team: str | None = None
        if request.team_key:
            found = await self._customers.resolve(
                caller, OWN_SOURCE, teams=[reference_pb2.TeamReference(key=request.team_key)]
            )
            found.require_all()
            team = found.teams[request.team_key]
        if request.assignee_id:
            await self._customers.require_employee(caller, request.assignee_id, ("assignee",))
        at = self.at(request)

        def decide(enquiry: Enquiry, known: Sequence[Message]) -> Enquiry:
            assignee = request.assignee_id or None
            return steps.assigned(enquiry, known, assignee, team or enquiry.team, at, caller.employee)

        def answer(enquiry: Enquiry) -> pb.AssignEnquiryResponse:
            return pb.AssignEnquiryResponse(enquiry=messages.to_proto(enquiry, self._now()))

        return await self.run(caller, request, pb.AssignEnquiryResponse, decide, answer)


def _require_replied_to(caller: Caller, message: Message, known: Sequence[Message]) -> None:
    if message.in_reply_to is None:
        return
    seen = {one.id: one for one in known if one.visibility is Visibility.PUBLIC or sees_notes(caller)}
    if message.in_reply_to not in seen:
        raise NotFound(f"the enquiry has no message {message.in_reply_to}", ("in_reply_to",))
    if message.visibility is Visibility.PUBLIC and seen[message.in_reply_to].visibility is Visibility.INTERNAL:
        # Who may not know of the note would learn of it.
        raise InvalidInput("a public message answers no internal note", ("in_reply_to",))
