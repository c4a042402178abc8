"""Keeps pairs that were found, whoever found them, beside merges that happen at the same moment."""

from collections.abc import Sequence

from chassis.caller import Caller
from chassis.mongo import Session
from services.customers.candidate.domain import Candidate, Status
from services.customers.candidate.repository import MongoCandidateRepository
from services.customers.customer.repository import MongoCustomerRepository


class Finding:
    def __init__(self, customers: MongoCustomerRepository, candidates: MongoCandidateRepository) -> None:
        self._customers = customers
        self._candidates = candidates

    async def record(self, caller: Caller, found: Sequence[Candidate], session: Session) -> int:
        """Keep those whose customers are still the ones that were compared; answers how many pairs are new."""
        if not found:
            return 0
        records = {side.record for candidate in found for side in candidate.sides}
        # Held: who merges one of them now follows its records afterwards, and then finds the pair.
        whose = await self._customers.customers_of_records(caller, records, session, hold=True)
        still = [c for c in found if all(whose.get(side.record) == side.customer for side in c.sides)]
        made = [candidate for candidate in still if candidate.status is not Status.OPEN]
        await self._candidates.save(caller, made, session)
        return await self._candidates.put(caller, [c for c in still if c.status is Status.OPEN], session)
