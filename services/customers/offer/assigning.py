"""Assigns customers by lot as soon as an offer suits them, and follows whether they convert.

As a judge of the standing, so outside of every read, and anew after each change: whatever the order in which outcomes,
merges and splits come in, the same follows in the end.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from chassis.caller import Caller
from chassis.mongo import Session
from chassis.outbox import Outbox
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.offer.domain import Assignment, Outcome, Result, group_of, settled
from services.customers.offer.eligibility import Eligibility
from services.customers.offer.outgoing import Change, of_assignments
from services.customers.offer.repository import (
    MongoAssignmentRepository,
    MongoOfferRepository,
    MongoOutcomeRepository,
)
from services.customers.opportunity.domain import Opportunity
from services.customers.opportunity.repository import MongoOpportunityRepository
from services.customers.standing.judging import Case

_TAKEN = (Result.ACCEPTED, Result.CONVERTED)


@dataclass(frozen=True, slots=True)
class Held:
    """What the source records of one customer hold. record, source: of the oldest, for which the lot is drawn.

    outcomes: with the opportunities that were won for an offer.
    """

    record: str
    source: str
    outcomes: Sequence[Outcome]
    assignments: Sequence[Assignment]


class Assigning:
    """holdout: the share of customers who are left out."""

    def __init__(
        self,
        customers: MongoCustomerRepository,
        offers: MongoOfferRepository,
        outcomes: MongoOutcomeRepository,
        assignments: MongoAssignmentRepository,
        opportunities: MongoOpportunityRepository,
        eligibility: Eligibility,
        outbox: Outbox,
        holdout: float,
        day: Callable[[datetime], date],
    ) -> None:
        self._customers = customers
        self._offers = offers
        self._outcomes = outcomes
        self._assignments = assignments
        self._opportunities = opportunities
        self._eligibility = eligibility
        self._outbox = outbox
        self._holdout = holdout
        self._day = day

    async def judge(self, caller: Caller, case: Case, session: Session) -> None:
        if not case.facts:
            return
        offers = await self._offers.active(caller, session)
        day = self._day(case.now)
        held = await self.held(caller, case.facts, session)
        changes: list[Change] = []
        asking = await self._eligibility.asking((offer for offer in offers if offer.holds(day)), session)
        for customer, known in held.items():
            suiting = asking.of(case.facts[customer])
            changes += changed(customer, known, [*known.assignments, *self._new(customer, known, suiting, case.now)])
        await self._assignments.save(caller, [after for _, after in changes], session)
        await self._outbox.append(session, of_assignments(changes))

    def _new(self, customer: str, known: Held, suiting: Iterable[str], now: datetime) -> list[Assignment]:
        """Who took an offer before it was their turn says nothing of what it brings."""
        taken = {one.offer for one in known.outcomes if one.result in _TAKEN}
        there = {one.offer for one in known.assignments}
        return [
            Assignment(
                offer=offer,
                source_record=known.record,
                source=known.source,
                customer=customer,
                group=group_of(offer, known.record, self._holdout),
                at=now,
            )
            for offer in sorted(set(suiting) - taken - there)
        ]

    async def held(self, caller: Caller, customers: Iterable[str], session: Session | None = None) -> dict[str, Held]:
        """By source records, not by the golden id beside each fact: that one follows a merge a moment later."""
        found = await self._customers.of_ids(caller, customers, session, whole=True)
        records = {record.id: id for id, customer in found.items() for record in customer.records}
        outcomes = await self._outcomes.of_records(caller, records, session)
        won = await self._opportunities.won_of(caller, {customer.id for customer in found.values()}, session)
        assignments: defaultdict[str, list[Assignment]] = defaultdict(list)
        for one in await self._assignments.of_records(caller, records, session):
            assignments[records[one.source_record]].append(one)
        held = {}
        for id, customer in found.items():
            oldest = min(customer.records, key=lambda record: record.id)
            of_customer = [one for record in customer.records for one in outcomes.get(record.id, ())]
            of_customer += [sale for one in won.get(customer.id, ()) if (sale := _sale(one)) is not None]
            held[id] = Held(oldest.id, oldest.source, of_customer, assignments[id])
        return held


def _sale(opportunity: Opportunity) -> Outcome | None:
    """What was won for an offer is a conversion, whoever sold it."""
    if opportunity.offer is None:
        return None
    return Outcome(
        id=opportunity.id,
        offer=opportunity.offer,
        result=Result.CONVERTED,
        at=opportunity.moves[-1].at,
        source=opportunity.source,
        customer=opportunity.customer,
        source_record=opportunity.source_record,
    )


def changed(customer: str, held: Held, assignments: Sequence[Assignment]) -> list[Change]:
    """What of the assignments is not kept as it follows today."""
    known: Mapping[str, Assignment] = {one.id: one for one in held.assignments}
    of_offers: defaultdict[str, list[Assignment]] = defaultdict(list)
    for one in assignments:
        of_offers[one.offer].append(one)
    changes: list[Change] = []
    for offer, some in of_offers.items():
        conversions = [one.at for one in held.outcomes if (one.offer, one.result) == (offer, Result.CONVERTED)]
        for one in settled(some, customer, conversions):
            before = known.get(one.id)
            if before is None:
                changes.append((None, one))
            elif one != before:
                changes.append((before, replace(one, version=before.version + 1)))
    return changes
