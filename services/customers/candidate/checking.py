"""Holds pairs of possible duplicates against the source records they follow."""

from chassis.caller import Caller
from chassis.verification import Checked
from services.customers.candidate.domain import Candidate, Status
from services.customers.candidate.repository import MongoCandidateRepository
from services.customers.customer.repository import MongoCustomerRepository


class CandidateCheck:
    def __init__(self, customers: MongoCustomerRepository, candidates: MongoCandidateRepository) -> None:
        self._customers = customers
        self._candidates = candidates

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        ids = await self._candidates.some(caller, after, size)
        checked = Checked(examined=len(ids), next=ids[-1] if len(ids) == size else None)
        candidates = (await self._candidates.of_ids(caller, ids)).values()
        records = {side.record for candidate in candidates for side in candidate.sides}
        whose = await self._customers.customers_of_records(caller, records)
        for candidate in candidates:
            _check(checked, candidate, whose)
        return checked


def _check(checked: Checked, candidate: Candidate, whose: dict[str, str]) -> None:
    for side in candidate.sides:
        present = whose.get(side.record)
        if present != side.customer:
            detail = f"{side.record} belongs to {present or 'nobody'}, the pair shows {side.customer}"
            checked.differs("duplicate", candidate.id, detail)
    one, other = candidate.customers
    if (one == other) != (candidate.status is Status.MERGED):
        checked.differs("duplicate", candidate.id, f"{one} and {other} are {candidate.status.value}")
