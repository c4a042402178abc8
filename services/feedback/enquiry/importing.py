"""Takes enquiries of another system, batch by batch: each is there for good before it is answered for."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from rundblick.feedback.v1 import enquiry_pb2 as pb

from chassis.batches import item_error
from chassis.caller import Caller
from chassis.errors import DomainError, Fault, InvalidInput
from chassis.ids import new_id
from chassis.mongo import Database, Session, in_transaction, require_source
from chassis.outbox import Entry, Outbox
from chassis.times import from_timestamp
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.enquiry import messages
from services.feedback.enquiry.domain import steps
from services.feedback.enquiry.domain.facts import (
    Assignment,
    Enquiry,
    Merged,
    Message,
    Step,
    Transition,
    Visibility,
)
from services.feedback.enquiry.judging import Judging, Rules
from services.feedback.enquiry.messages import kind_from_proto
from services.feedback.enquiry.opening import hold
from services.feedback.enquiry.outgoing import entries
from services.feedback.enquiry.references import CustomersClient, References
from services.feedback.enquiry.repository import MongoEnquiryRepository

LARGEST_BATCH = 1000
_TIMEOUT = 30.0


@dataclass
class _Plan:
    """What one batch writes."""

    added: list[Enquiry] = field(default_factory=list)
    changed: list[Enquiry] = field(default_factory=list)
    new: list[tuple[Message, Enquiry]] = field(default_factory=list)
    corrected: list[tuple[Message, Enquiry]] = field(default_factory=list)
    outgoing: list[Entry] = field(default_factory=list)
    unchanged: int = 0
    refused: "list[tuple[_Row, Fault]]" = field(default_factory=list)
    linked: list[Enquiry] = field(default_factory=list)  # of the changed, those whose customer was not known before


class Importing:
    def __init__(
        self,
        database: Database,
        enquiries: MongoEnquiryRepository,
        aliases: MongoAliasRepository,
        customers: CustomersClient,
        judging: Judging,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._enquiries = enquiries
        self._aliases = aliases
        self._customers = customers
        self._judging = judging
        self._outbox = outbox
        self._now = now

    async def run(
        self, caller: Caller, batches: AsyncIterator[pb.ImportEnquiriesRequest]
    ) -> AsyncIterator[pb.ImportEnquiriesResponse]:
        async for batch in batches:
            yield await self._take(caller, batch)

    async def _take(self, caller: Caller, batch: pb.ImportEnquiriesRequest) -> pb.ImportEnquiriesResponse:
        require_source(caller, batch.source)
        if not batch.source:
            raise InvalidInput("an import names its source", ("source",))
        if len(batch.enquiries) > LARGEST_BATCH:
            raise InvalidInput(f"a batch has at most {LARGEST_BATCH} enquiries", ("enquiries",))
        found = await self._customers.resolve(
            caller,
            batch.source,
            customers=batch.customers,
            touchpoints=batch.touchpoints,
            teams=batch.teams,
            timeout=_TIMEOUT,
        )
        answer = pb.ImportEnquiriesResponse(batch=batch.batch)
        rows: dict[str, _Row] = {}
        for imported in batch.enquiries:
            try:
                row = _Row(batch.source, imported, found)
                if row.external_id in rows:
                    raise InvalidInput(f"{row.external_id} comes twice in this batch", ("external_id",))
                rows[row.external_id] = row
            except DomainError as error:
                answer.rejected.append(_rejected(imported, error.fault))

        named = {imported.customer_external_id: imported for imported in reversed(batch.enquiries)}
        for key, faults in found.left_out.items():
            if key in named:
                answer.left_out.extend(_rejected(named[key], fault) for fault in faults)

        async def write(session: Session) -> _Plan:
            plan = await self._plan(caller, batch.source, rows, session)
            await self._hold(caller, plan, session)
            await self._enquiries.add(caller, plan.added, session)
            await self._enquiries.put_messages(caller, plan.new, session)
            await self._enquiries.correct_messages(caller, plan.corrected, session)
            for enquiry in plan.changed:
                await self._enquiries.save(caller, enquiry, session)
            await self._outbox.append(session, plan.outgoing)
            return plan

        plan = await in_transaction(self._database, write)
        if plan.outgoing:
            self._outbox.wake()
        answer.rejected.extend(_rejected(row.imported, fault) for row, fault in plan.refused)
        answer.created, answer.changed, answer.unchanged = len(plan.added), len(plan.changed), plan.unchanged
        return answer

    async def _hold(self, caller: Caller, plan: _Plan, session: Session) -> None:
        """Those whose customer is new to us are for whom the source record belongs to today."""
        held = await hold(self._aliases, caller, [*plan.added, *plan.linked], session)
        plan.added = [held[enquiry.id] for enquiry in plan.added]
        plan.changed = [held.get(enquiry.id, enquiry) for enquiry in plan.changed]

    async def _plan(self, caller: Caller, source: str, rows: "dict[str, _Row]", session: Session) -> _Plan:
        known = await self._enquiries.of_external_ids(caller, source, rows, session)
        ids = [enquiry.id for enquiry in known.values()]
        conversations = await self._enquiries.messages_of(caller, ids, session, bodies=True)
        gone = [enquiry.id for enquiry in known.values() if enquiry.merged_into is not None]
        conversations |= await self._enquiries.messages_merged_from(caller, gone, session)
        plan, rules = _Plan(), await self._judging.rules()
        for external_id, row in rows.items():
            if external_id in known:
                _merge(plan, row, known[external_id], conversations[known[external_id].id], rules)
            else:
                enquiry, said = row.fresh()
                enquiry = rules.judged(enquiry)
                plan.added.append(enquiry)
                plan.new.extend((message, enquiry) for message in said)
                plan.outgoing.extend(entries(None, enquiry, said))
        return plan


def _merge(plan: _Plan, row: "_Row", enquiry: Enquiry, conversation: Sequence[Message], rules: Rules) -> None:
    """Add what the row knows and we do not yet."""
    stated, said = row.onto(enquiry, conversation)
    by_id = {message.id: message for message in conversation}
    new = [message for message in said if message.id not in by_id]
    corrected = [message for message in said if message.id in by_id and by_id[message.id] != message]
    if stated == enquiry and not new and not corrected:
        plan.unchanged += 1
        return
    if enquiry.merged_into is not None:
        plan.refused.append((row, Merged(enquiry.id, enquiry.merged_into, ("external_id",)).fault))
        return
    told = {message.id for message in said}
    after = steps.again(stated, [*said, *(message for message in conversation if message.id not in told)])
    after = rules.judged(after)
    plan.changed.append(after)
    plan.new.extend((message, after) for message in new)
    plan.corrected.extend((message, after) for message in corrected)
    unchanged = [message for message in conversation if message.id not in {one.id for one in corrected}]
    plan.outgoing.extend(entries(enquiry, after, [*new, *corrected], unchanged))
    if enquiry.source_record is None and after.source_record is not None:
        plan.linked.append(after)


class _Row:
    """One imported enquiry with its references resolved. DomainError: why it cannot be taken."""

    def __init__(self, source: str, imported: pb.ImportedEnquiry, found: References) -> None:
        self.imported = imported
        self._source = source
        self.external_id = imported.external_id
        if not self.external_id:
            raise InvalidInput("an external id is missing", ("external_id",))
        if not imported.HasField("opened_at"):
            raise InvalidInput("when it was opened is missing", ("opened_at",))
        self._opened_at = from_timestamp(imported.opened_at, ("opened_at",))
        self._resolved_at = (
            from_timestamp(imported.resolved_at, ("resolved_at",)) if imported.HasField("resolved_at") else None
        )
        self._person = None
        if imported.customer_external_id:
            self._person = found.customers.get(imported.customer_external_id)
            if self._person is None:
                raise _refusal(found, "customer", imported.customer_external_id)
        self._places = {}
        for key in {imported.touchpoint_key, *(message.touchpoint_key for message in imported.messages)} - {""}:
            if key not in found.places:
                raise _refusal(found, "touchpoint", key)
            self._places[key] = found.places[key]
        self._team = None
        if imported.team_key:
            if imported.team_key not in found.teams:
                raise _refusal(found, "team", imported.team_key)
            self._team = found.teams[imported.team_key]
        # Everything that can be wrong with a row is found before anything of its batch is written.
        self._enquiry, self._said = self._build(new_id("enq"), {})
        if len(self._said) != len({message.external_id for message in self._said}):
            raise InvalidInput("two of its messages have the same external id", ("messages",))
        self._enquiry = steps.opened(self._enquiry, self._said)

    def fresh(self) -> tuple[Enquiry, list[Message]]:
        return self._enquiry, self._said

    def onto(self, enquiry: Enquiry, conversation: Sequence[Message]) -> tuple[Enquiry, list[Message]]:
        """What the row says, with the ids that are known; what it does not say stays."""
        # Of what was merged into it, the external ids are those of another enquiry.
        own = [m for m in conversation if m.external_id and (m.merged_from in (None, enquiry.id))]
        said, messages_said = self._build(enquiry.id, {m.external_id: m.id for m in own if m.external_id})
        kept = {message.id: message for message in own}
        messages_said = [_kept(message, kept.get(message.id)) for message in messages_said]
        transitions = enquiry.transitions
        if self._resolved_at is not None and said.transitions[0] not in transitions:
            transitions = (*transitions, *said.transitions)
        assignments, team = enquiry.assignments, enquiry.team
        if said.team is not None and all(assignment.team != said.team for assignment in assignments):
            team = said.team
            assignments = (*assignments, Assignment(said.opened_at, enquiry.assignee, team))
        stated = replace(
            enquiry,
            subject=said.subject,
            opened_at=said.opened_at,
            customer=enquiry.customer or said.customer,
            source_record=enquiry.source_record or said.source_record,
            touchpoint=said.touchpoint or enquiry.touchpoint,
            channel=said.channel or enquiry.channel,
            category=said.category or enquiry.category,
            service=said.service or enquiry.service,
            team=team,
            assignments=assignments,
            transitions=transitions,
        )
        return stated, messages_said

    def _build(self, id: str, ids: dict[str, str]) -> tuple[Enquiry, list[Message]]:
        imported, person = self.imported, self._person
        place = self._places.get(imported.touchpoint_key)
        enquiry = Enquiry(
            id=id,
            source=self._source,
            subject=imported.subject,
            opened_at=self._opened_at,
            customer=person.customer if person else None,
            source_record=person.source_record if person else None,
            touchpoint=place.touchpoint if place else None,
            channel=place.channel if place else None,
            external_id=self.external_id,
            category=imported.category or None,
            service=imported.service or None,
            team=self._team,
            transitions=(Transition(Step.RESOLVED, self._resolved_at),) if self._resolved_at else (),
        )
        ids = {m.external_id: ids.get(m.external_id) or new_id("msg") for m in imported.messages}
        return enquiry, [self._message(enquiry, message, ids) for message in imported.messages]

    def _message(self, enquiry: Enquiry, message: pb.ImportedMessage, ids: dict[str, str]) -> Message:
        if not message.external_id:
            raise InvalidInput("a message needs an external id", ("messages", "external_id"))
        if not message.HasField("occurred_at"):
            raise InvalidInput("when the message was written is missing", ("messages", "occurred_at"))
        if message.in_reply_to and message.in_reply_to not in ids:
            raise InvalidInput(f"it has no message {message.in_reply_to}", ("messages", "in_reply_to"))
        place = self._places.get(message.touchpoint_key)
        return Message(
            id=ids[message.external_id],
            enquiry=enquiry.id,
            author_kind=kind_from_proto(messages.AUTHOR_FROM_PROTO, message.author_kind, "messages", "author_kind"),
            visibility=kind_from_proto(
                messages.VISIBILITY_FROM_PROTO,
                message.visibility,
                "messages",
                "visibility",
                default=Visibility.PUBLIC,
            ),
            occurred_at=from_timestamp(message.occurred_at, ("messages", "occurred_at")),
            source=enquiry.source,
            body=message.body,
            touchpoint=place.touchpoint if place else enquiry.touchpoint,
            channel=place.channel if place else enquiry.channel,
            in_reply_to=ids[message.in_reply_to] if message.in_reply_to else None,
            connected=message.connected if message.HasField("connected") else None,
            external_id=message.external_id,
            source_record=enquiry.source_record,
        )


def _kept(said: Message, known: Message | None) -> Message:
    """As it is said now, where it belongs since a merge."""
    if known is None or known.merged_from is None:
        return said
    record = said.source_record or known.source_record
    return replace(said, enquiry=known.enquiry, merged_from=known.merged_from, source_record=record)


def _refusal(found: References, kind: str, key: str) -> InvalidInput:
    return InvalidInput(found.fault(kind, key).message, (kind,))


def _rejected(imported: pb.ImportedEnquiry, fault: Fault) -> pb.RejectedEnquiry:
    return pb.RejectedEnquiry(line=imported.line, external_id=imported.external_id, error=item_error(fault))
