"""Opens an enquiry: what it refers to is looked up before, or, while customers is away, linked when it is back."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rundblick.customers.v1 import reference_pb2
from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.caller import Caller
from chassis.errors import Fault, InvalidInput, Unavailable
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Database, Session, in_transaction, require_source
from chassis.outbox import Entry, Outbox
from chassis.times import from_timestamp
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.attachment.repository import MongoAttachmentRepository
from services.feedback.attachment.taking import take
from services.feedback.enquiry import messages
from services.feedback.enquiry.domain import steps
from services.feedback.enquiry.domain.facts import Assignment, Enquiry, Message, Priority
from services.feedback.enquiry.judging import Judging
from services.feedback.enquiry.messages import kind_from_proto
from services.feedback.enquiry.outgoing import entries
from services.feedback.enquiry.references import OWN_SOURCE, CustomersClient, Person, Place, References, lookup
from services.feedback.enquiry.repository import MongoEnquiryRepository
from services.feedback.enquiry.writing import Writing

REFERENCES = "references"


@dataclass(frozen=True, slots=True)
class Asked:
    """What an enquiry refers to, in the words of who opened it; who that was. message: the id of its first one."""

    source: str
    customer: str = ""
    customer_source: str = ""
    external_id: str = ""
    touchpoint: str = ""
    message_touchpoint: str = ""
    team: str = ""
    code: str = ""
    message: str = ""
    subject: str = ""
    sources: tuple[str, ...] | None = None

    @classmethod
    def of(cls, caller: Caller, source: str, request: pb.OpenEnquiryRequest) -> "Asked":
        return cls(
            source=source,
            customer=request.customer_id,
            customer_source=request.customer_external_id.source,
            external_id=request.customer_external_id.id,
            touchpoint=request.touchpoint_key,
            message_touchpoint=request.message.touchpoint_key,
            team=request.team_key,
            code=request.code,
            subject=caller.subject,
            sources=None if caller.sources is None else tuple(sorted(caller.sources)),
        )

    @classmethod
    def of_customer(cls, source: str, request: pb.UpdateEnquiryRequest) -> "Asked":
        return cls(
            source=source,
            customer=request.customer_id,
            customer_source=request.customer_external_id.source,
            external_id=request.customer_external_id.id,
        )

    def to_bytes(self) -> bytes:
        return json.dumps({name: getattr(self, name) for name in self.__slots__}).encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Asked":
        said = json.loads(payload)
        return cls(**{**said, "sources": None if said["sources"] is None else tuple(said["sources"])})

    @property
    def caller(self) -> Caller:
        return Caller(self.subject, sources=None if self.sources is None else frozenset(self.sources))

    @property
    def anything(self) -> bool:
        places = self.touchpoint or self.message_touchpoint or self.code
        return bool(self.customer or self.external_id or places or self.team)

    async def resolve(self, customers: CustomersClient, caller: Caller) -> References:
        """Everything with one call."""
        keys = dict.fromkeys(filter(None, (self.touchpoint, self.message_touchpoint)))
        return await customers.resolve(
            caller,
            self.customer_source if self.external_id else self.source,
            customers=[lookup(self.external_id)] if self.external_id else (),
            touchpoints=[reference_pb2.TouchpointReference(key=key) for key in keys],
            teams=[reference_pb2.TeamReference(key=self.team)] if self.team else (),
            customer_ids=[self.customer] if self.customer else (),
            codes=[self.code] if self.code else (),
        )

    def person(self, found: References) -> Person | None:
        if self.customer:
            return found.customers_by_id.get(self.customer)
        return found.customers.get(self.external_id) if self.external_id else None

    def place(self, found: References) -> Place | None:
        return found.codes[self.code].place if self.code in found.codes else found.places.get(self.touchpoint)

    def campaign(self, found: References) -> str | None:
        return found.codes[self.code].campaign if self.code in found.codes else None

    def code_of(self, message: Message, found: References) -> str | None:
        """The code that a message came by: the first one, unless it says that it came another way."""
        came = message.id == self.message and not self.message_touchpoint
        return self.code if came and self.code in found.codes else None


class Opening:
    def __init__(
        self,
        database: Database,
        enquiries: MongoEnquiryRepository,
        aliases: MongoAliasRepository,
        attachments: MongoAttachmentRepository,
        customers: CustomersClient,
        judging: Judging,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._enquiries = enquiries
        self._aliases = aliases
        self._attachments = attachments
        self._customers = customers
        self._judging = judging
        self._writes = writes
        self._outbox = outbox
        self._writing = Writing(customers, now)
        self._now = now

    async def open(self, caller: Caller, request: pb.OpenEnquiryRequest) -> pb.OpenEnquiryResponse:
        source = request.source or OWN_SOURCE
        require_source(caller, source)
        if request.code and request.touchpoint_key:
            raise InvalidInput("where it came in is named by a touchpoint or by a code", ("code",))
        asked = Asked.of(caller, source, request)
        found = await self._look_up(caller, asked)
        known = found or References()
        enquiry = _enquiry(asked, request, known, self._opened_at(request))
        said = []
        if request.HasField("message"):
            if request.message.in_reply_to_id:
                raise InvalidInput("the first message answers none", ("message", "in_reply_to"))
            message = await self._writing.message(caller, enquiry, request.message, known)
            asked = replace(asked, message=message.id)
            said = [replace(message, code=asked.code_of(message, known))]
        enquiry = steps.opened(enquiry, said)
        later = [Entry(REFERENCES, enquiry.id, enquiry.version, REFERENCES, asked.to_bytes())] if found is None else []

        async def write(session: Session) -> pb.OpenEnquiryResponse:
            held = await hold(self._aliases, caller, [enquiry], session)
            opened = (await self._judging.rules()).judged(held[enquiry.id])
            await self._enquiries.add(caller, [opened], session)
            await self._enquiries.put_messages(caller, [(message, opened) for message in said], session)
            for message in said:
                await take(self._attachments, caller, message, session, ("message", "attachments"))
            await self._outbox.append(session, [*entries(None, opened, said), *later])
            return pb.OpenEnquiryResponse(enquiry=messages.to_proto(opened, self._now()))

        done = await self._writes.run(caller, request, pb.OpenEnquiryResponse, write)
        self._outbox.wake()
        return done

    def _opened_at(self, request: pb.OpenEnquiryRequest) -> datetime:
        if request.HasField("opened_at"):
            return from_timestamp(request.opened_at, ("opened_at",))
        return self._writing.at(request.message) if request.HasField("message") else self._now()

    async def _look_up(self, caller: Caller, asked: Asked) -> References | None:
        """None: customers is away; the fact is taken all the same. InvalidInput: what is not known."""
        if not asked.anything:
            return References()
        try:
            found = await asked.resolve(self._customers, caller)
        except Unavailable:
            return None
        found.require_all()
        return found

    async def link(self, outgoing: Sequence[Entry]) -> Mapping[str, Fault]:
        """As the end of a relay: link enquiries that were taken while customers was away."""
        faults: dict[str, Fault] = {}
        for entry in outgoing:
            asked = Asked.from_bytes(entry.payload)
            found = await asked.resolve(self._customers, asked.caller)
            await self._link(entry.aggregate, asked, found)
            for kind, key in found.faults:
                faults[entry.id] = found.fault(kind, key)
        self._outbox.wake()
        return faults

    async def _link(self, id: str, asked: Asked, found: References) -> None:
        caller = asked.caller

        async def work(session: Session) -> None:
            enquiry = (await self._enquiries.of_ids(caller, [id], session))[id]
            conversation = (await self._enquiries.messages_of(caller, [id], session, bodies=True))[id]
            linked = _linked(enquiry, asked, found)
            linked = (await hold(self._aliases, caller, [linked], session))[id]
            told = [_message_linked(message, linked, asked, found) for message in conversation]
            if linked == enquiry and told == conversation:
                return
            after = (await self._judging.rules()).judged(steps.again(linked, told))
            await self._enquiries.save(caller, after, session)
            changed = [(new, after) for new, old in zip(told, conversation, strict=True) if new != old]
            await self._enquiries.correct_messages(caller, changed, session)
            new = [message for message, _ in changed]
            rest = [message for message in told if message not in new]
            await self._outbox.append(session, entries(enquiry, after, new, rest))

        await in_transaction(self._database, work)


async def hold(
    aliases: MongoAliasRepository, caller: Caller, enquiries: Sequence[Enquiry], session: Session
) -> dict[str, Enquiry]:
    """Each with the golden id its source record has today, which no merge changes before the session commits."""
    records = {e.source_record: e.customer for e in enquiries if e.source_record and e.customer}
    present = await aliases.hold(caller, records, session)
    return {e.id: replace(e, customer=present.get(e.source_record or "", e.customer)) for e in enquiries}


def _enquiry(asked: Asked, request: pb.OpenEnquiryRequest, found: References, opened_at: datetime) -> Enquiry:
    person, place = asked.person(found), asked.place(found)
    return Enquiry(
        id=new_id("enq"),
        source=asked.source,
        subject=request.subject,
        opened_at=opened_at,
        customer=person.customer if person else None,
        source_record=person.source_record if person else None,
        touchpoint=place.touchpoint if place else None,
        channel=place.channel if place else None,
        external_id=request.external_id or None,
        category=request.category or None,
        service=request.service or None,
        priority=kind_from_proto(messages.PRIORITY_FROM_PROTO, request.priority, "priority", default=Priority.NORMAL),
        team=found.teams.get(asked.team),
        campaign=asked.campaign(found),
    )


def _linked(enquiry: Enquiry, asked: Asked, found: References) -> Enquiry:
    """What was left open is filled in; what was said since stays."""
    person, place, team = asked.person(found), asked.place(found), found.teams.get(asked.team)
    if person is not None and enquiry.source_record is None:
        enquiry = replace(enquiry, customer=person.customer, source_record=person.source_record)
    if place is not None and enquiry.touchpoint is None:
        enquiry = replace(enquiry, touchpoint=place.touchpoint, channel=place.channel, campaign=asked.campaign(found))
    if team is not None and not any(assignment.team for assignment in enquiry.assignments):
        first = Assignment(enquiry.opened_at, None, team)
        enquiry = replace(enquiry, team=enquiry.team or team, assignments=(first, *enquiry.assignments))
    return enquiry


def _message_linked(message: Message, enquiry: Enquiry, asked: Asked, found: References) -> Message:
    place = found.places.get(asked.message_touchpoint)
    if message.source_record is None:
        message = replace(message, source_record=enquiry.source_record)
    if message.touchpoint is None:
        touchpoint = place.touchpoint if place else enquiry.touchpoint
        message = replace(message, touchpoint=touchpoint, channel=place.channel if place else enquiry.channel)
        message = replace(message, code=asked.code_of(message, found))
    return message
