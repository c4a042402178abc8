"""Every change of one enquiry: load, decide, save, and tell the others, in one transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message as ProtoMessage
from rundblick.customers.v1 import reference_pb2
from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.caller import Caller
from chassis.errors import DomainError, Fault, InvalidInput, NotFound
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session, require_source
from chassis.outbox import Outbox
from chassis.times import from_timestamp
from services.feedback.enquiry import messages
from services.feedback.enquiry.domain import steps
from services.feedback.enquiry.domain.facts import (
    AuthorKind,
    Enquiry,
    EnquiryNotFound,
    Message,
    Priority,
    Visibility,
)
from services.feedback.enquiry.messages import kind_from_proto
from services.feedback.enquiry.outgoing import entries
from services.feedback.enquiry.references import CustomersClient, Person, References, lookup
from services.feedback.enquiry.repository import MongoEnquiryRepository

OWN_SOURCE = "rundblick"

Response = TypeVar("Response", bound=ProtoMessage)
Decide = Callable[[Enquiry, Sequence[Message]], Enquiry]


class Changes:
    def __init__(
        self,
        enquiries: MongoEnquiryRepository,
        customers: CustomersClient,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._enquiries = enquiries
        self._customers = customers
        self._writes = writes
        self._outbox = outbox
        self._now = now

    def at(self, request: Any) -> datetime:
        """When it happened; now, when the request does not say."""
        if request.HasField("occurred_at"):
            return from_timestamp(request.occurred_at, ("occurred_at",))
        return self._now()

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
                _require_replied_to(message, known)
            changed = decide(enquiry, [*known, *new])
            if changed is not enquiry:
                await self._enquiries.put_messages(caller, [(message, changed) for message in new], session)
                await self._enquiries.save(caller, changed, session)
                await self._outbox.append(session, entries(enquiry, changed, new))
            return answer(changed)

        done = await self._writes.run(caller, request, response, change)
        self._outbox.wake()
        return done

    async def _one(self, caller: Caller, id: str, session: Session) -> Enquiry:
        found = await self._enquiries.of_ids(caller, [id], session)
        if id not in found:
            raise EnquiryNotFound(id)
        return found[id]

    async def open(self, caller: Caller, request: pb.OpenEnquiryRequest) -> pb.OpenEnquiryResponse:
        source = request.source or OWN_SOURCE
        require_source(caller, source)
        found = await self._references(caller, source, request)
        person = _person(request, found)
        place = found.places[request.touchpoint_key] if request.touchpoint_key else None
        asked = request.HasField("message")
        said_at = self.at(request.message) if asked else None
        opened_at = from_timestamp(request.opened_at, ("opened_at",)) if request.HasField("opened_at") else None
        enquiry = Enquiry(
            id=new_id("enq"),
            source=source,
            subject=request.subject,
            opened_at=opened_at or said_at or self._now(),
            customer=person.customer if person else None,
            source_record=person.source_record if person else None,
            touchpoint=place.touchpoint if place else None,
            channel=place.channel if place else None,
            external_id=request.external_id or None,
            category=request.category or None,
            service=request.service or None,
            priority=kind_from_proto(
                messages.PRIORITY_FROM_PROTO, request.priority, "priority", default=Priority.NORMAL
            ),
            team=found.teams[request.team_key] if request.team_key else None,
        )
        said = []
        if asked:
            if request.message.in_reply_to_id:
                raise InvalidInput("the first message answers none", ("message", "in_reply_to"))
            said = [await self._message(caller, enquiry, request.message, found)]
        enquiry = steps.opened(enquiry, said)

        async def write(session: Session) -> pb.OpenEnquiryResponse:
            await self._enquiries.add(caller, [enquiry], session)
            await self._enquiries.put_messages(caller, [(message, enquiry) for message in said], session)
            await self._outbox.append(session, entries(None, enquiry, said))
            return pb.OpenEnquiryResponse(enquiry=messages.to_proto(enquiry, self._now()))

        done = await self._writes.run(caller, request, pb.OpenEnquiryResponse, write)
        self._outbox.wake()
        return done

    async def _references(self, caller: Caller, source: str, request: pb.OpenEnquiryRequest) -> References:
        """Everything the request names, with one call. InvalidInput: what is not known."""
        outside = request.HasField("customer_external_id")
        keys = dict.fromkeys(filter(None, (request.touchpoint_key, request.message.touchpoint_key)))
        found = await self._customers.resolve(
            caller,
            request.customer_external_id.source if outside else source,
            customers=[lookup(request.customer_external_id.id)] if outside else (),
            touchpoints=[reference_pb2.TouchpointReference(key=key) for key in keys],
            teams=[reference_pb2.TeamReference(key=request.team_key)] if request.team_key else (),
            customer_ids=[request.customer_id] if request.customer_id else (),
        )
        for kind, key in found.faults:
            raise _refused(found.fault(kind, key), kind)
        return found

    async def add_message(self, caller: Caller, request: pb.AddMessageRequest) -> pb.AddMessageResponse:
        found = References()
        if request.message.touchpoint_key:
            found = await self._customers.resolve(
                caller,
                OWN_SOURCE if caller.sources is None else min(caller.sources),
                touchpoints=[reference_pb2.TouchpointReference(key=request.message.touchpoint_key)],
            )
            for kind, key in found.faults:
                raise _refused(found.fault(kind, key), kind)
        enquiry = (await self._enquiries.of_ids(caller, [request.enquiry_id])).get(request.enquiry_id)
        if enquiry is None:
            raise EnquiryNotFound(request.enquiry_id)
        message = await self._message(caller, enquiry, request.message, found)

        def answer(changed: Enquiry) -> pb.AddMessageResponse:
            return pb.AddMessageResponse(
                enquiry=messages.to_proto(changed, self._now()), message=messages.message_to_proto(message)
            )

        return await self.run(caller, request, pb.AddMessageResponse, steps.again, answer, [message])

    async def _message(self, caller: Caller, enquiry: Enquiry, new: pb.NewMessage, found: References) -> Message:
        if new.author_id:
            await self._customers.require_employee(caller, new.author_id, ("author",))
        place = found.places[new.touchpoint_key] if new.touchpoint_key else None
        return Message(
            id=new_id("msg"),
            enquiry=enquiry.id,
            author_kind=kind_from_proto(
                messages.AUTHOR_FROM_PROTO, new.author_kind, "author_kind", default=AuthorKind.CUSTOMER
            ),
            visibility=kind_from_proto(
                messages.VISIBILITY_FROM_PROTO, new.visibility, "visibility", default=Visibility.PUBLIC
            ),
            occurred_at=self.at(new),
            source=enquiry.source,
            body=new.body,
            author=new.author_id or None,
            touchpoint=place.touchpoint if place else enquiry.touchpoint,
            channel=place.channel if place else enquiry.channel,
            in_reply_to=new.in_reply_to_id or None,
            connected=new.connected if new.HasField("connected") else None,
            source_record=enquiry.source_record,
        )

    async def assign(self, caller: Caller, request: pb.AssignEnquiryRequest) -> pb.AssignEnquiryResponse:
        team: str | None = None
        if request.team_key:
            found = await self._customers.resolve(
                caller, OWN_SOURCE, teams=[reference_pb2.TeamReference(key=request.team_key)]
            )
            for kind, key in found.faults:
                raise _refused(found.fault(kind, key), kind)
            team = found.teams[request.team_key]
        if request.assignee_id:
            await self._customers.require_employee(caller, request.assignee_id, ("assignee",))
        at = self.at(request)

        def decide(enquiry: Enquiry, known: Sequence[Message]) -> Enquiry:
            return steps.assigned(enquiry, known, request.assignee_id or None, team or enquiry.team, at)

        def answer(enquiry: Enquiry) -> pb.AssignEnquiryResponse:
            return pb.AssignEnquiryResponse(enquiry=messages.to_proto(enquiry, self._now()))

        return await self.run(caller, request, pb.AssignEnquiryResponse, decide, answer)


def _person(request: pb.OpenEnquiryRequest, found: References) -> Person | None:
    if request.customer_id:
        return found.customers_by_id[request.customer_id]
    if request.HasField("customer_external_id"):
        return found.customers[request.customer_external_id.id]
    return None


def _refused(fault: Fault, kind: str) -> DomainError:
    return InvalidInput(fault.message, (kind,))


def _require_replied_to(message: Message, known: Sequence[Message]) -> None:
    if message.in_reply_to is not None and message.in_reply_to not in {one.id for one in known}:
        raise NotFound(f"the enquiry has no message {message.in_reply_to}", ("in_reply_to",))
