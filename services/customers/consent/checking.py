"""Holds whom entries of consent show against whose their source records are."""

from chassis.caller import Caller
from chassis.verification import Checked
from services.customers.consent.repository import MongoConsentRepository
from services.customers.customer.repository import MongoCustomerRepository


class ConsentCheck:
    def __init__(self, customers: MongoCustomerRepository, consents: MongoConsentRepository) -> None:
        self._customers = customers
        self._consents = consents

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        batch = await self._consents.some(caller, after, size)
        checked = Checked(examined=len(batch), next=batch[-1].id if len(batch) == size else None)
        whose = await self._customers.customers_of_records(caller, {entry.source_record for entry in batch})
        for entry in batch:
            today = whose.get(entry.source_record)
            if today != entry.customer:
                checked.differs("consent", entry.id, f"belongs to {today}, shows {entry.customer}")
        return checked
