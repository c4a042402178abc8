"""Defines segments: checks what is said, tries rules before they hold, and has all customers asked anew."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.caller import Caller
from chassis.errors import NotFound
from chassis.mongo import Session
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.employee.repository import MongoEmployeeRepository
from services.customers.facts.gathering import Gathering
from services.customers.facts.language import Language
from services.customers.segment.domain import (
    MOST_ACTIVE,
    Segment,
    SegmentNotFound,
    TooManySegments,
    archived,
    asks_anew,
    defined,
)
from services.customers.segment.evaluating import Evaluating
from services.customers.segment.memberships import MongoMembershipRepository
from services.customers.segment.repository import MongoSegmentRepository
from services.customers.segment.ruling import Ruling

# A dry run asks so many customers at once, and at most so many: of more it says how many it asked.
_AT_ONCE = 500
_MOST_TRIED = 20_000


@dataclass
class Trial:
    """What a rule would change, of the customers that were asked."""

    looked_at: int = 0
    enter: int = 0
    leave: int = 0
    stay: int = 0
    errors: int = 0


class Defining:
    def __init__(
        self,
        segments: MongoSegmentRepository,
        memberships: MongoMembershipRepository,
        customers: MongoCustomerRepository,
        employees: MongoEmployeeRepository,
        gathering: Gathering,
        language: Language,
        evaluating: Evaluating,
        now: Callable[[], datetime],
    ) -> None:
        self._segments = segments
        self._memberships = memberships
        self._customers = customers
        self._employees = employees
        self._gathering = gathering
        self._language = language
        self._evaluating = evaluating
        self._now = now

    async def define(self, caller: Caller, said: Segment, made_from: int | None, session: Session) -> Segment:
        """InvalidInput: the rule cannot be read; line and column say where."""
        if said.rule is not None:
            Ruling(await self._language.rely_on([said.rule], session)).check(said.rule)
        known, segment = await self._next(caller, said, made_from, session)
        others = {one.id for one in await self._segments.active(caller, session)} - {segment.id}
        if len(others) >= MOST_ACTIVE:
            raise TooManySegments
        await self._keep(caller, known, segment, session)
        return segment

    async def archive(self, caller: Caller, id: str, made_from: int, session: Session) -> Segment:
        known = (await self._segments.of_ids(caller, [id], session)).get(id)
        if known is None:
            raise SegmentNotFound(id)
        segment = archived(known, made_from)
        await self._keep(caller, known, segment, session)
        return segment

    async def _keep(self, caller: Caller, known: Segment | None, segment: Segment, session: Session) -> None:
        await self._segments.save(caller, segment, session)
        if asks_anew(known, segment):
            await self._evaluating.ask(segment, session)

    async def _next(
        self, caller: Caller, said: Segment, made_from: int | None, session: Session | None = None
    ) -> tuple[Segment | None, Segment]:
        known = (await self._segments.of_keys(caller, [said.key], session)).get(said.key)
        segment = defined(said, known, made_from)
        if segment.owner is not None:
            owner = (await self._employees.of_ids(caller, [segment.owner], session)).get(segment.owner)
            if owner is None:
                raise NotFound(f"there is no employee {segment.owner[:80]}", ("owner_id",))
            segment = replace(segment, team=owner.team)
        return known, segment

    async def tried(self, caller: Caller, said: Segment, made_from: int | None) -> Trial:
        """How many customers would come and go, against who belongs to it now; nothing is kept.

        InvalidInput: as define.
        """
        ruling = Ruling(await self._language.conditions([said.rule or ""]))
        if said.rule is not None:
            ruling.check(said.rule)
        _, segment = await self._next(caller, said, made_from)
        trial, asking = Trial(), ruling.asking([segment])
        after, now = "", self._now()
        while segment.rule is not None and trial.looked_at < _MOST_TRIED:
            ids = await self._customers.some(caller, after, _AT_ONCE)
            if not ids:
                break
            after = ids[-1]
            facts = await self._gathering.of(caller, ids, now)
            known = await self._memberships.of_customers(caller, facts)
            for id, one in facts.items():
                holding, faults = asking.holding(one)
                belonged = id in known and segment.id in known[id].since
                trial.enter += bool(holding) and not belonged
                trial.leave += belonged and not holding
                trial.stay += belonged and bool(holding)
                trial.errors += bool(faults)
            trial.looked_at += len(ids)
        return trial
