"""Stores opportunities, and what follows from it: who buys again, what metrics learns, who is judged anew."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from chassis.caller import Caller
from chassis.mongo import Session
from chassis.outbox import Outbox
from services.customers.opportunity.domain import Opportunity, repeats
from services.customers.opportunity.outgoing import entry
from services.customers.opportunity.repository import MongoOpportunityRepository
from services.customers.standing import outgoing as standing

# (as it was known until now, as it is): the first is None for what is new.
Change = tuple[Opportunity | None, Opportunity]


class OpportunityRecording:
    """currency: the one in which this deployment adds up."""

    def __init__(self, opportunities: MongoOpportunityRepository, outbox: Outbox, currency: str) -> None:
        self._opportunities = opportunities
        self._outbox = outbox
        self._currency = currency

    async def record(
        self, caller: Caller, before: Opportunity | None, after: Opportunity, session: Session
    ) -> Opportunity:
        """As it is kept; before: as it was known, None for a new one."""
        if before == after:
            return after
        won = (await self._opportunities.won_of(caller, [after.customer], session)).get(after.customer, [])
        others = [one for one in won if one.id != after.id]
        again = repeats([*others, after])
        kept = replace(after, repeat=again[after.id])
        await self._save(caller, [(before, kept), *_judged(others, again)], session)
        await self._outbox.append(session, standing.changed([after.customer]))
        return kept

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All opportunities of a source record to whom the record belongs; on both sides others may buy again."""
        shown = await self._opportunities.holders(caller, record, session)
        if not shown - {customer}:
            return
        await self._opportunities.give(caller, record, customer, session)
        concerned = {customer, *shown}
        for won in (await self._opportunities.won_of(caller, concerned, session)).values():
            await self._save(caller, _judged(won, repeats(won)), session)
        await self._outbox.append(session, standing.changed(concerned))

    def told(self) -> None:
        """After the commit: deliver now instead of at the next look."""
        self._outbox.wake()

    async def _save(self, caller: Caller, changes: Sequence[Change], session: Session) -> None:
        """Each with what metrics must learn of it, numbered, so that it is told once."""
        for before, after in changes:
            news = replace(after, told=after.told + 1)
            await self._opportunities.save(caller, news, session)
            told = entry(before, news, self._currency)
            if told is not None:
                await self._outbox.append(session, [told])


def _judged(won: Iterable[Opportunity], again: Mapping[str, bool]) -> list[Change]:
    return [(one, replace(one, repeat=again[one.id])) for one in won if one.repeat is not again[one.id]]
