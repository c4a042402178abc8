"""Derives waits anew from the recorded facts, batch by batch; what changes corrects the figures by + new - old."""

from collections.abc import Iterator

from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.batches import size_of
from chassis.caller import Caller
from chassis.mongo import Database, Session, in_transaction
from chassis.outbox import Outbox
from services.feedback.enquiry.domain import steps
from services.feedback.enquiry.domain.facts import Derived, Enquiry, Wait
from services.feedback.enquiry.outgoing import entries
from services.feedback.enquiry.repository import MongoEnquiryRepository

_SHOWN = ("started_at", "ended_at", "ended", "flagged", "paused_seconds", "touchpoint", "answered_by")


class Rederiving:
    def __init__(self, database: Database, enquiries: MongoEnquiryRepository, outbox: Outbox) -> None:
        self._database = database
        self._enquiries = enquiries
        self._outbox = outbox

    async def run(self, caller: Caller, request: pb.RederiveWaitsRequest) -> pb.RederiveWaitsResponse:
        """One batch in one transaction: killed at any line, it is done or not, and done again it changes nothing."""
        size = size_of(request.size)

        async def work(session: Session) -> pb.RederiveWaitsResponse:
            batch = await self._enquiries.after(caller, request.after, size, session)
            conversations = await self._enquiries.messages_of(caller, [e.id for e in batch], session)
            response = pb.RederiveWaitsResponse(
                examined=len(batch), next_after=batch[-1].id if len(batch) == size else None
            )
            for enquiry in batch:
                after = steps.again(enquiry, conversations[enquiry.id])
                if after.derived == enquiry.derived:
                    continue
                response.changes.add(enquiry_id=enquiry.id, details=differences(enquiry.derived, after.derived))
                if not request.dry_run:
                    await self._save(caller, enquiry, after, session)
            return response

        response = await in_transaction(self._database, work)
        response.total = await self._enquiries.count(caller)
        self._outbox.wake()
        return response

    async def _save(self, caller: Caller, before: Enquiry, after: Enquiry, session: Session) -> None:
        await self._enquiries.save(caller, after, session)
        await self._outbox.append(session, entries(before, after, ()))


def differences(stored: Derived, derived: Derived) -> list[str]:
    """What is stored and what follows from the facts, where the two differ."""
    return list(_differences(stored, derived))


def _differences(stored: Derived, derived: Derived) -> Iterator[str]:
    for name in ("status", "first_responded_at", "resolved_at", "reopen_count", "excluded"):
        yield from _difference(name, getattr(stored, name), getattr(derived, name))
    before = {wait.key: wait for wait in stored.waits}
    after = {wait.key: wait for wait in derived.waits}
    for key in sorted(before.keys() | after.keys()):
        yield from _of_wait(key, before.get(key), after.get(key))


def _of_wait(key: str, before: Wait | None, after: Wait | None) -> Iterator[str]:
    if before is None or after is None:
        yield f"{key} is {'new' if before is None else 'gone'}"
        return
    for name in (*_SHOWN, "channel", "assignee_at_start", "assignee_at_end"):
        yield from _difference(f"{key} {name}", getattr(before, name), getattr(after, name))


def _difference(name: str, before: object, after: object) -> Iterator[str]:
    if before != after:
        yield f"{name}: {getattr(before, 'value', before)} becomes {getattr(after, 'value', after)}"
