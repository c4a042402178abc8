"""Asks the match rules of customers as they come in: attaches them to whom they are, or suggests it to people."""

from collections.abc import Callable, Sequence
from datetime import datetime

from chassis.caller import Caller, Reach, service_caller
from chassis.ids import new_id
from chassis.mongo import Session
from services.customers.candidate.domain import (
    PREFIX,
    SCORE_OF_RULES,
    Agreement,
    Candidate,
    Decision,
    Reason,
    Side,
    decided,
    found_pair,
)
from services.customers.candidate.recording import Finding
from services.customers.customer.domain import Customer
from services.customers.customer.merges import Merges
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.matching.domain import Blocked, MatchRule, Mode, in_force
from services.customers.matching.people import Match, People
from services.customers.matching.repository import MongoMatchingRepository

# Of the customers that one newcomer may be; people look at few.
_MOST_SUGGESTED = 10


class Matcher:
    """Acts as the process: whom a record is attached to is no business of whoever brought it in."""

    def __init__(
        self,
        rules: MongoMatchingRepository,
        customers: MongoCustomerRepository,
        merges: Merges,
        finding: Finding,
        now: Callable[[], datetime],
    ) -> None:
        self._rules = rules
        self._customers = customers
        self._merges = merges
        self._finding = finding
        self._now = now
        self._process = service_caller("customers")

    async def came_in(self, caller: Caller, new: Sequence[Customer], session: Session) -> dict[str, Customer]:
        """Customers that were stored a moment ago: id -> who it is now, of those that became another's.

        For a partner, and for who sees some customers only, nobody is attached: the id they would be told is another's.
        """
        trusted = caller.sources is None and caller.rows is Reach.ALL
        return await self._look(new, session, attach=trusted)

    async def changed(self, customers: Sequence[Customer], session: Session) -> None:
        """Customers of whom something else is said now: people are told whom they may be."""
        await self._look(customers, session, attach=False)

    async def _look(self, new: Sequence[Customer], session: Session, *, attach: bool) -> dict[str, Customer]:
        if not new:
            return {}
        rules = [rule for rule in in_force(await self._rules.rules(self._process, session)) if rule.enabled]
        people = People(Blocked.of(await self._rules.blocked_values(self._process, session)), new)
        keys = people.keys(rules)
        if not keys:
            return {}
        await self._rules.hold(self._process, keys, self._now(), session)
        known = await self._rules.customers_with(self._process, keys, session)
        others = known - {customer.id for customer in new}
        if others:
            for customer in (await self._customers.of_ids(self._process, others, session, whole=True)).values():
                people.put(customer)
        return await self._decide([customer.id for customer in new], people, rules, session, attach=attach)

    async def _decide(
        self, new: Sequence[str], people: People, rules: Sequence[MatchRule], session: Session, *, attach: bool
    ) -> dict[str, Customer]:
        now: dict[str, str] = {}
        found: list[Candidate] = []
        for id in sorted(new):
            match = people.match(id, rules) if id in people else None
            if match is None:
                continue
            if attach and match.rule.mode is Mode.ATTACH and match.one is not None:
                # Whoever is older stays, whichever of the two came in first.
                survivor, duplicate = sorted((id, match.one.id))
                found.append(self._attached(people[survivor], people.take_out(duplicate), match.rule))
                people.put(await self._merges.join(self._process, survivor, [duplicate], session))
                now = {old: survivor if present == duplicate else present for old, present in now.items()}
                now[duplicate] = survivor
            else:
                found += self._suggested(people[id], match)
        await self._finding.record(self._process, found, session)
        return {old: people[present] for old, present in now.items()}

    def _suggested(self, one: Customer, match: Match) -> list[Candidate]:
        return [self._pair(one, other, match.rule) for other in match.others[:_MOST_SUGGESTED]]

    def _attached(self, survivor: Customer, duplicate: Customer, rule: MatchRule) -> Candidate:
        """That a rule did it; should people part the two again, they stay parted."""
        pair = self._pair(survivor, duplicate, rule)
        return decided(pair, Decision.MERGE, survivor.id, self._process.subject, None, self._now())

    def _pair(self, one: Customer, other: Customer, rule: MatchRule) -> Candidate:
        reasons = [Reason(i.field, Agreement.SAME) for i in rule.identifiers]
        return found_pair(new_id(PREFIX), _side(one), _side(other), SCORE_OF_RULES, reasons, rule.key, self._now())


def _side(customer: Customer) -> Side:
    return Side(customer.id, min(record.id for record in customer.records))
