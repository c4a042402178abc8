"""Holds opportunities against what they follow from: whose their source records are, and who had bought before."""

from chassis.caller import Caller
from chassis.verification import Checked
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.opportunity.domain import repeats
from services.customers.opportunity.repository import MongoOpportunityRepository


class OpportunityCheck:
    def __init__(self, customers: MongoCustomerRepository, opportunities: MongoOpportunityRepository) -> None:
        self._customers = customers
        self._opportunities = opportunities

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        batch = await self._opportunities.some(caller, after, size)
        checked = Checked(examined=len(batch), next=batch[-1].id if len(batch) == size else None)
        whose = await self._customers.customers_of_records(caller, {one.source_record for one in batch})
        won = await self._opportunities.won_of(caller, {one.customer for one in batch if one.won})
        for one in batch:
            today = whose.get(one.source_record)
            if today != one.customer:
                checked.differs("opportunity", one.id, f"belongs to {today}, shows {one.customer}")
            again = repeats(won.get(one.customer, ())).get(one.id, False)
            if one.repeat is not again:
                checked.differs("repeat", one.id, f"shows {one.repeat}, follows {again}")
        return checked
