"""Judges which segments customers belong to, stores what changed, and tells metrics."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chassis.caller import Caller
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.outbox import Outbox
from services.customers.facts.language import Language
from services.customers.facts.vocabulary import FactsOf
from services.customers.segment.domain import CHANGE_PREFIX, Change, Membership, Segment, settled
from services.customers.segment.memberships import MongoMembershipRepository
from services.customers.segment.outgoing import entries
from services.customers.segment.repository import MongoSegmentRepository
from services.customers.segment.ruling import Ruling
from services.customers.standing.judging import Case
from services.customers.stream.outgoing import changed_customers

# The finest that is told: what holds of the two of a merge is said after what ended with the one.
_MOMENT = timedelta(milliseconds=1)


class SegmentJudge:
    """One of the judges of standing."""

    def __init__(
        self,
        segments: MongoSegmentRepository,
        memberships: MongoMembershipRepository,
        language: Language,
        outbox: Outbox,
    ) -> None:
        self._segments = segments
        self._memberships = memberships
        self._language = language
        self._outbox = outbox

    async def judge(self, caller: Caller, case: Case, session: Session) -> None:
        known = await self._memberships.of_customers(caller, [*case.facts, *case.gone], session)
        belongs = await self.follows(caller, case.facts, session)
        before = [known.get(id) or Membership(id) for id in case.facts]
        after, changes = _settled(before, belongs, case.now)
        after = [replace(one, owner=case.facts[one.customer]["customer"].get("owner")) for one in after]
        await self._memberships.save(caller, before, after, changes, session)
        gone = [known[id] for id in case.gone if id in known]
        _, ended = _settled(gone, {}, case.now)
        await self._memberships.forget(caller, gone, ended, session)
        # Facts of a segment belong to the golden id, and metrics joins the history of merged customers: the last word
        # of the one that is gone must not be the last of both.
        joined = {into for into in case.gone.values() if into is not None}
        restated = [
            Change(one.customer, segment, member=True, at=case.now + _MOMENT)
            for one in after
            if one.customer in joined
            for segment in one.since
        ]
        await self._tell(caller, [*changes, *ended, *restated], session)
        await self._outbox.append(session, changed_customers({one.customer for one in changes}))

    async def follows(
        self, caller: Caller, facts: Mapping[str, FactsOf], session: Session | None = None
    ) -> dict[str, tuple[set[str], set[str]]]:
        """Customer -> the segments it belongs to by what is known now, and those whose rule has no result."""
        segments = await self._segments.active(caller, session)
        lists = {segment.id for segment in segments if segment.rule is None}
        picked = await self._segments.picked(caller, facts, session) if lists else {}
        conditions = await self._language.conditions((one.rule or "" for one in segments), session)
        asking = Ruling(conditions).asking(segments)
        found = {}
        for id, one in facts.items():
            holding, faults = asking.holding(one)
            found[id] = holding | (picked.get(id, set()) & lists), faults
        return found

    async def place(
        self,
        caller: Caller,
        segment: Segment,
        customers: Iterable[str],
        now: datetime,
        session: Session,
        *,
        member: bool,
    ) -> int:
        """Into a list, or out of it, at once; answers how many were not so before."""
        ids = sorted(set(customers))
        known = await self._memberships.of_customers(caller, ids, session)
        before = [known.get(id) or Membership(id) for id in ids]
        belongs = {
            one.customer: (
                {*one.since, segment.id} if member else one.since.keys() - {segment.id},
                set(one.faults),
            )
            for one in before
        }
        after, changes = _settled(before, belongs, now)
        # No rule was asked: what holds by those is as of the last judgement.
        after = [replace(new, judged_at=old.judged_at) for old, new in zip(before, after, strict=True)]
        await self._memberships.save(caller, before, after, changes, session)
        await self._tell(caller, changes, session)
        await self._outbox.append(session, changed_customers({change.customer for change in changes}))
        return len(changes)

    async def _tell(self, caller: Caller, changes: Iterable[Change], session: Session) -> None:
        """Metrics, and keep what was told."""
        told = {new_id(CHANGE_PREFIX): change for change in changes}
        await self._memberships.note(caller, told, session)
        await self._outbox.append(session, entries(told))


def _settled(
    before: Sequence[Membership], belongs: Mapping[str, tuple[Iterable[str], Iterable[str]]], now: datetime
) -> tuple[list[Membership], list[Change]]:
    after: list[Membership] = []
    changes: list[Change] = []
    for one in before:
        new, found = settled(one, *belongs.get(one.customer, ((), ())), now)
        after.append(new)
        changes += found
    return after, changes
