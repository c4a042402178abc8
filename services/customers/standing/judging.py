"""Judges customers anew: gathers their facts once, and asks every judge, in one transaction for some of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chassis.caller import Caller, service_caller
from chassis.errors import Fault
from chassis.mongo import Database, Session, in_transaction
from chassis.outbox import Entry, Outbox
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.facts.gathering import Gathering
from services.customers.facts.vocabulary import FactsOf

# In one transaction: few enough that it ends well before its lifetime does.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Case:
    """facts: of those that exist, by their present id. gone: former id -> the present one, None where there is none."""

    facts: Mapping[str, FactsOf]
    gone: Mapping[str, str | None]
    now: datetime


class Judge(Protocol):
    async def judge(self, caller: Caller, case: Case, session: Session) -> None:
        """Store what follows from the facts, and tell whoever must learn of it."""


class Standing:
    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        gathering: Gathering,
        outbox: Outbox,
        judges: Sequence[Judge],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._customers = customers
        self._gathering = gathering
        self._outbox = outbox
        self._judges = judges
        self._now = now
        self._caller = service_caller("customers")

    async def judge(self, customers: Iterable[str]) -> None:
        """Present and former ids alike."""
        ids = list(dict.fromkeys(customers))
        for start in range(0, len(ids), _AT_ONCE):
            await self._judge(ids[start : start + _AT_ONCE])

    async def _judge(self, ids: Sequence[str]) -> None:
        async def work(session: Session) -> None:
            now = self._now()
            leads = await self._customers.leads_to(self._caller, ids, session)
            wanted = list(dict.fromkeys(leads.get(id, id) for id in ids))
            facts = await self._gathering.of(self._caller, wanted, now, session)
            gone = {id: leads.get(id) for id in ids if id not in facts}
            for judge in self._judges:
                await judge.judge(self._caller, Case(facts, gone, now), session)

        await in_transaction(self._database, work)
        self._outbox.wake()

    async def deliver(self, told: Sequence[Entry]) -> Mapping[str, Fault]:
        """As the end of a relay: something changed."""
        await self.judge(id for entry in told for id in entry.payload.decode().split())
        return {}
