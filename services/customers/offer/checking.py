"""Holds outcomes against whose their source records are, and assignments against what follows from the facts."""

from chassis.caller import Caller
from chassis.verification import Checked
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.offer.assigning import Assigning, changed
from services.customers.offer.repository import MongoAssignmentRepository, MongoOutcomeRepository


class OutcomeCheck:
    def __init__(self, customers: MongoCustomerRepository, outcomes: MongoOutcomeRepository) -> None:
        self._customers = customers
        self._outcomes = outcomes

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        batch = await self._outcomes.some(caller, after, size)
        checked = Checked(examined=len(batch), next=batch[-1].id if len(batch) == size else None)
        whose = await self._customers.customers_of_records(caller, {one.source_record for one in batch})
        for one in batch:
            if whose.get(one.source_record) != one.customer:
                checked.differs("outcome", one.id, f"belongs to {whose.get(one.source_record)}, shows {one.customer}")
        return checked


class AssignmentCheck:
    def __init__(
        self, customers: MongoCustomerRepository, assignments: MongoAssignmentRepository, assigning: Assigning
    ) -> None:
        self._customers = customers
        self._assignments = assignments
        self._assigning = assigning

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        batch = await self._assignments.some(caller, after, size)
        checked = Checked(examined=len(batch), next=batch[-1].id if len(batch) == size else None)
        ids = {one.id for one in batch}
        whose = await self._customers.customers_of_records(caller, {one.source_record for one in batch})
        held = await self._assigning.held(caller, set(whose.values()))
        for customer, known in held.items():
            for before, one in changed(customer, known, known.assignments):
                if one.id in ids:
                    checked.differs("assignment", one.id, f"follows to be {one}, is {before}")
        return checked
