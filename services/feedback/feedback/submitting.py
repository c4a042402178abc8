"""Takes feedback: what it refers to is looked up before, or, while customers is away, linked when it is back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from rundblick.feedback.v1 import feedback_pb2 as pb

from chassis.caller import Caller
from chassis.errors import Fault, InvalidInput, Unavailable
from chassis.idempotency import Writes
from chassis.mongo import Database, Session, in_transaction, require_source
from chassis.outbox import Entry, Outbox
from chassis.times import from_timestamp
from services.feedback.enquiry.domain.facts import Enquiry
from services.feedback.enquiry.opening import Asked
from services.feedback.enquiry.references import OWN_SOURCE, CustomersClient, References
from services.feedback.enquiry.repository import MongoEnquiryRepository
from services.feedback.feedback import messages
from services.feedback.feedback.domain import Draft, steps
from services.feedback.feedback.recording import Recording
from services.feedback.feedback.repository import MongoFeedbackRepository

REFERENCES = "feedback_references"


class Submitting:
    def __init__(
        self,
        database: Database,
        feedback: MongoFeedbackRepository,
        enquiries: MongoEnquiryRepository,
        customers: CustomersClient,
        recording: Recording,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._feedback = feedback
        self._enquiries = enquiries
        self._customers = customers
        self._recording = recording
        self._writes = writes
        self._outbox = outbox
        self._now = now

    async def submit(self, caller: Caller, request: pb.SubmitFeedbackRequest) -> pb.SubmitFeedbackResponse:
        source = request.source or OWN_SOURCE
        require_source(caller, source)
        asked = _asked(caller, source, request)
        found = await self._look_up(caller, asked)
        if request.owner_id:
            await self._require_owner(caller, request.owner_id)
        draft = _draft(source, request, asked, found or References(), self._received_at(request))
        if request.enquiry_id:
            draft = _of_enquiry(draft, await self._enquiry(caller, request.enquiry_id))

        async def write(session: Session) -> pb.SubmitFeedbackResponse:
            (recorded,) = await self._recording.record(caller, [draft], session)
            if found is None:
                later = Entry(REFERENCES, recorded.id, recorded.version, REFERENCES, asked.to_bytes())
                await self._outbox.append(session, [later])
            return pb.SubmitFeedbackResponse(feedback=messages.to_proto(recorded))

        done = await self._writes.run(caller, request, pb.SubmitFeedbackResponse, write)
        self._outbox.wake()
        return done

    def _received_at(self, request: pb.SubmitFeedbackRequest) -> datetime:
        if request.HasField("received_at"):
            return from_timestamp(request.received_at, ("received_at",))
        return self._now()

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

    async def _require_owner(self, caller: Caller, id: str) -> None:
        try:
            await self._customers.require_employee(caller, id, ("owner_id",))
        except Unavailable:
            # It was said, whoever is away: facts are not refused for that.
            return

    async def _enquiry(self, caller: Caller, id: str) -> Enquiry:
        found = await self._enquiries.of_ids(caller, [id])
        if id not in found:
            raise InvalidInput(f"there is no enquiry {id}", ("enquiry_id",))
        return found[id]

    async def link(self, outgoing: Sequence[Entry]) -> Mapping[str, Fault]:
        """As the end of a relay: link feedback that was taken while customers was away."""
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
        caller, person, place = asked.caller, asked.person(found), asked.place(found)

        async def work(session: Session) -> None:
            before = (await self._feedback.of_ids(caller, [id], session))[id]
            after = steps.linked(
                before,
                customer=person.customer if person else None,
                source_record=person.source_record if person else None,
                touchpoint=place.touchpoint if place else None,
                channel=place.channel if place else None,
                team=found.teams.get(asked.team),
            )
            if after is not before:
                (held,) = await self._recording.held(caller, [after], session)
                await self._recording.change(caller, [(before, held)], session)

        await in_transaction(self._database, work)


def _asked(caller: Caller, source: str, request: pb.SubmitFeedbackRequest) -> Asked:
    return Asked(
        source=source,
        customer=request.customer_id,
        customer_source=request.customer_external_id.source,
        external_id=request.customer_external_id.id,
        touchpoint=request.touchpoint_key,
        team=request.team_key,
        subject=caller.subject,
        sources=None if caller.sources is None else tuple(sorted(caller.sources)),
    )


def _draft(
    source: str, request: pb.SubmitFeedbackRequest, asked: Asked, found: References, received_at: datetime
) -> Draft:
    person, place = asked.person(found), asked.place(found)
    return Draft(
        source=source,
        received_at=received_at,
        kind=messages.kind_from_proto(request.kind),
        text=request.text.strip() or None,
        score=messages.score_from_proto(request.score) if request.HasField("score") else None,
        external_id=request.external_id or None,
        customer=person.customer if person else None,
        source_record=person.source_record if person else None,
        touchpoint=place.touchpoint if place else None,
        channel=place.channel if place else None,
        solicited=request.solicited,
        team=found.teams.get(asked.team),
        owner=request.owner_id or None,
        service=request.service or None,
    )


def _of_enquiry(draft: Draft, enquiry: Enquiry) -> Draft:
    """What it does not say itself is as in the enquiry in which it was said."""
    if draft.customer is None:
        draft = replace(draft, customer=enquiry.customer, source_record=enquiry.source_record)
    if draft.touchpoint is None:
        draft = replace(draft, touchpoint=enquiry.touchpoint, channel=enquiry.channel)
    return replace(
        draft,
        enquiry=enquiry.id,
        team=draft.team or enquiry.team,
        owner=draft.owner or enquiry.assignee,
        service=draft.service or enquiry.service,
    )
