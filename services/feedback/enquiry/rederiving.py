"""Derives waits anew from the recorded facts, batch by batch; what changes corrects the figures by + new - old."""

from collections.abc import Iterator, Sequence

from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.batches import size_of
from chassis.caller import Caller
from chassis.mongo import Database, Session, in_transaction
from chassis.outbox import Outbox
from services.feedback.enquiry.domain import steps
from services.feedback.enquiry.domain.facts import Derived, Enquiry, Level, Wait
from services.feedback.enquiry.judging import Judging
from services.feedback.enquiry.outgoing import entries
from services.feedback.enquiry.repository import MongoEnquiryRepository

_SHOWN = (
    "started_at",
    "ended_at",
    "ended",
    "flagged",
    "paused_seconds",
    "business_seconds",
    "touchpoint",
    "answered_by",
)
_PROMISED = ("policy", "policy_version", "target", "business", "due_at", "late_after", "open")


class Rederiving:
    def __init__(self, database: Database, enquiries: MongoEnquiryRepository, judging: Judging, outbox: Outbox) -> None:
        self._database = database
        self._enquiries = enquiries
        self._judging = judging
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
            rules = await self._judging.rules()
            for enquiry in batch:
                after = rules.judged(steps.again(enquiry, conversations[enquiry.id]))
                if (after.derived, after.levels) == (enquiry.derived, enquiry.levels):
                    continue
                response.changes.add(enquiry_id=enquiry.id, details=differences(enquiry, after))
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


def differences(stored: Enquiry, derived: Enquiry) -> list[str]:
    """What is stored and what follows from the facts, where the two differ."""
    return [*_of_derived(stored.derived, derived.derived), *_of_levels(stored.levels, derived.levels)]


def _of_derived(stored: Derived, derived: Derived) -> Iterator[str]:
    for name in ("status", "first_responded_at", "resolved_at", "reopen_count", "excluded"):
        yield from _difference(name, getattr(stored, name), getattr(derived, name))
    yield from _difference("touchpoints", ", ".join(stored.touchpoints), ", ".join(derived.touchpoints))
    yield from _difference("history", _told(stored), _told(derived))
    before = {wait.key: wait for wait in stored.waits}
    after = {wait.key: wait for wait in derived.waits}
    for key in sorted(before.keys() | after.keys()):
        yield from _of_wait(key, before.get(key), after.get(key))


def _told(derived: Derived) -> str:
    return ", ".join(f"{one.status.value} at {one.at:%Y-%m-%dT%H:%M:%S} by {one.by}" for one in derived.history)


def _of_wait(key: str, before: Wait | None, after: Wait | None) -> Iterator[str]:
    if before is None or after is None:
        yield f"{key} is {'new' if before is None else 'gone'}"
        return
    for name in (*_SHOWN, "channel", "assignee_at_start", "assignee_at_end"):
        yield from _difference(f"{key} {name}", getattr(before, name), getattr(after, name))


def _of_levels(stored: Sequence[Level], judged: Sequence[Level]) -> Iterator[str]:
    before, after = ({level.wait: level for level in levels} for levels in (stored, judged))
    for key in sorted(before.keys() | after.keys()):
        if key not in before or key not in after:
            yield f"what is promised for {key} is {'new' if key not in before else 'gone'}"
            continue
        # Whether an open one is missed is a matter of time.
        names = _PROMISED if after[key].open else (*_PROMISED, "met")
        for name in names:
            yield from _difference(f"{key} {name}", getattr(before[key], name), getattr(after[key], name))


def _difference(name: str, before: object, after: object) -> Iterator[str]:
    if before != after:
        yield f"{name}: {getattr(before, 'value', before)} becomes {getattr(after, 'value', after)}"
