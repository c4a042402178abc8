"""What metrics can be told anew, put together for the wiring of the process."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from rundblick.metrics.v1 import event_pb2

from chassis.caller import Caller
from chassis.ids import ID_PATTERN
from chassis.mongo import Session
from chassis.outbox import Entry, Outbox
from chassis.retelling import RetellingServicer, Telling, Told
from services.feedback.enquiry.outgoing import EVENTS, METRICS, whole
from services.feedback.enquiry.repository import MongoEnquiryRepository
from services.feedback.feedback import outgoing as of_feedback
from services.feedback.feedback.repository import MongoFeedbackRepository
from services.feedback.measure.outgoing import CHANGES, told_of
from services.feedback.measure.repository import MongoMeasureRepository
from services.feedback.survey import outgoing as of_invitation
from services.feedback.survey.repository import MongoInvitationRepository

# The ids of the next objects, and all events that they say.
Read = Callable[[Caller, str, int, Session | None], Awaitable[tuple[Sequence[str], Iterable[event_pb2.Event]]]]


class Events(Telling):
    """Objects of which metrics learns by events, whose subjects begin with the object's id. prefix: of the ids."""

    def __init__(self, read: Read, *, prefix: str) -> None:
        self._read = read
        self._prefix = prefix

    async def told(self, caller: Caller, after: str, size: int, session: Session | None) -> Told:
        ids, events = await self._read(caller, after, size, session)
        request = event_pb2.IngestEventsRequest(events=events)
        payloads = [(EVENTS, request.SerializeToString())] if request.events else []
        return Told(len(ids), payloads, ids[-1] if ids else None)

    def left(self, entry: Entry, after: str, last: str | None) -> bytes | None:
        if entry.kind != EVENTS:
            return entry.payload
        request = event_pb2.IngestEventsRequest.FromString(entry.payload)
        left = [one for one in request.events if not self._covers(one.subject_id, after, last)]
        if len(left) == len(request.events):
            return entry.payload
        return event_pb2.IngestEventsRequest(events=left).SerializeToString() if left else None

    def _covers(self, subject: str, after: str, last: str | None) -> bool:
        found = ID_PATTERN.match(subject)
        if found is None or found[1] != self._prefix:
            return False
        return after < found[0] and (last is None or found[0] <= last)


class Introduced(Telling):
    """Measures that are changes to metrics, each by its version."""

    def __init__(self, measures: MongoMeasureRepository) -> None:
        self._measures = measures

    async def told(self, caller: Caller, after: str, size: int, session: Session | None) -> Told:
        found = await self._measures.after(caller, after, size, session)
        payload = told_of(found)
        payloads = [(CHANGES, payload)] if payload is not None else []
        return Told(len(found), payloads, found[-1].id if found else None)

    def left(self, entry: Entry, after: str, last: str | None) -> bytes | None:
        return entry.payload


def retelling(
    outbox: Outbox,
    enquiries: MongoEnquiryRepository,
    feedback: MongoFeedbackRepository,
    invitations: MongoInvitationRepository,
    measures: MongoMeasureRepository,
) -> RetellingServicer:
    async def of_enquiries(
        caller: Caller, after: str, size: int, session: Session | None
    ) -> tuple[Sequence[str], Iterable[event_pb2.Event]]:
        found = await enquiries.after(caller, after, size, session)
        return [one.id for one in found], [event for one in found for event in whole(one)]

    async def of_pieces(
        caller: Caller, after: str, size: int, session: Session | None
    ) -> tuple[Sequence[str], Iterable[event_pb2.Event]]:
        found = await feedback.after(caller, after, size, session)
        return [one.id for one in found], [event for one in found for event in of_feedback.whole(one)]

    async def of_invitations(
        caller: Caller, after: str, size: int, session: Session | None
    ) -> tuple[Sequence[str], Iterable[event_pb2.Event]]:
        found = await invitations.after(caller, after, size, session)
        return [one.id for one in found], [event for one in found for event in of_invitation.whole(one)]

    parts: dict[str, Telling] = {
        "enquiries": Events(of_enquiries, prefix="enq"),
        "feedback": Events(of_pieces, prefix="fbk"),
        "invitations": Events(of_invitations, prefix="inv"),
        "measures": Introduced(measures),
    }
    return RetellingServicer(outbox, METRICS, parts)
