"""Takes feedback of another system, batch by batch: each is there for good before it is answered for."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TypeVar

from rundblick.feedback.v1 import feedback_pb2 as pb

from chassis.batches import item_error
from chassis.caller import Caller
from chassis.errors import DomainError, Fault, InvalidInput
from chassis.mongo import Database, Session, in_transaction, require_source
from chassis.outbox import Outbox
from chassis.times import from_timestamp
from services.feedback.enquiry.references import CustomersClient, Person, Place, References
from services.feedback.feedback import messages
from services.feedback.feedback.domain import Draft, Feedback, steps
from services.feedback.feedback.recording import Recording

Known = TypeVar("Known")

LARGEST_BATCH = 1000
_TIMEOUT = 30.0


@dataclass
class _Plan:
    """What one batch writes."""

    new: list[Draft] = field(default_factory=list)
    changed: list[tuple[Feedback, Feedback]] = field(default_factory=list)
    unchanged: int = 0


class Importing:
    def __init__(self, database: Database, customers: CustomersClient, recording: Recording, outbox: Outbox) -> None:
        self._database = database
        self._customers = customers
        self._recording = recording
        self._outbox = outbox

    async def run(
        self, caller: Caller, batches: AsyncIterator[pb.ImportFeedbackRequest]
    ) -> AsyncIterator[pb.ImportFeedbackResponse]:
        async for batch in batches:
            yield await self._take(caller, batch)

    async def _take(self, caller: Caller, batch: pb.ImportFeedbackRequest) -> pb.ImportFeedbackResponse:
        require_source(caller, batch.source)
        if not batch.source:
            raise InvalidInput("an import names its source", ("source",))
        if len(batch.feedback) > LARGEST_BATCH:
            raise InvalidInput(f"a batch has at most {LARGEST_BATCH} rows", ("feedback",))
        found = await self._customers.resolve(
            caller,
            batch.source,
            customers=batch.customers,
            touchpoints=batch.touchpoints,
            teams=batch.teams,
            timeout=_TIMEOUT,
        )
        answer = pb.ImportFeedbackResponse(batch=batch.batch)
        drafts: dict[str, Draft] = {}
        for row in batch.feedback:
            try:
                draft = _draft(batch.source, row, found)
                if row.external_id in drafts:
                    raise InvalidInput(f"{row.external_id} comes twice in this batch", ("external_id",))
                drafts[row.external_id] = draft
            except DomainError as error:
                answer.rejected.append(_rejected(row, error.fault))
        named = {row.customer_external_id: row for row in reversed(batch.feedback)}
        for key, faults in found.left_out.items():
            if key in named:
                answer.left_out.extend(_rejected(named[key], fault) for fault in faults)
        plan = await self._write(caller, list(drafts.values()))
        answer.created, answer.changed, answer.unchanged = len(plan.new), len(plan.changed), plan.unchanged
        return answer

    async def _write(self, caller: Caller, drafts: list[Draft]) -> _Plan:
        # Before the transaction begins: a thousand texts take a while, and others wait for what it holds.
        analysed = dict(
            zip(drafts, await self._recording.analysed(caller, [d.text for d in drafts], None), strict=True)
        )

        async def write(session: Session) -> _Plan:
            known = await self._recording.known(caller, drafts, session)
            plan = _Plan()
            for draft in drafts:
                there = known.get((draft.source, draft.external_id))
                if there is None:
                    plan.new.append(draft)
                    continue
                after = steps.corrected(there, draft, analysed[draft])
                if after is there:
                    plan.unchanged += 1
                else:
                    plan.changed.append((there, after))
            linked = [after for before, after in plan.changed if before.source_record is None]
            held = {one.id: one for one in await self._recording.held(caller, linked, session)}
            await self._recording.record(caller, plan.new, session, {draft: analysed[draft] for draft in plan.new})
            await self._recording.change(
                caller, [(before, held.get(after.id, after)) for before, after in plan.changed], session
            )
            return plan

        plan = await in_transaction(self._database, write)
        if plan.new or plan.changed:
            self._outbox.wake()
        return plan


def _draft(source: str, row: pb.ImportedFeedback, found: References) -> Draft:
    """InvalidInput: why the row cannot be taken."""
    if not row.external_id:
        raise InvalidInput("an external id is missing", ("external_id",))
    if not row.HasField("received_at"):
        raise InvalidInput("when it was received is missing", ("received_at",))
    person: Person | None = _known(found.customers, found, "customer", row.customer_external_id)
    place: Place | None = _known(found.places, found, "touchpoint", row.touchpoint_key)
    return Draft(
        source=source,
        received_at=from_timestamp(row.received_at, ("received_at",)),
        kind=messages.kind_from_proto(row.kind),
        text=row.text.strip() or None,
        score=messages.score_from_proto(row.score) if row.HasField("score") else None,
        external_id=row.external_id,
        customer=person.customer if person else None,
        source_record=person.source_record if person else None,
        touchpoint=place.touchpoint if place else None,
        channel=place.channel if place else None,
        solicited=row.solicited,
        team=_known(found.teams, found, "team", row.team_key),
        service=row.service or None,
    )


def _known(there: dict[str, Known], found: References, kind: str, key: str) -> Known | None:
    if not key:
        return None
    if key not in there:
        raise InvalidInput(found.fault(kind, key).message, (kind,))
    return there[key]


def _rejected(row: pb.ImportedFeedback, fault: Fault) -> pb.RejectedFeedback:
    return pb.RejectedFeedback(line=row.line, external_id=row.external_id, error=item_error(fault))
