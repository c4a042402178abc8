"""Holds whom deliveries show against whose their source records are."""

from chassis.caller import Caller
from chassis.verification import Checked
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.delivery.repository import MongoDeliveryRepository


class DeliveryCheck:
    def __init__(self, customers: MongoCustomerRepository, deliveries: MongoDeliveryRepository) -> None:
        self._customers = customers
        self._deliveries = deliveries

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        batch = await self._deliveries.some(caller, after, size)
        checked = Checked(examined=len(batch), next=batch[-1].id if len(batch) == size else None)
        records = {one.source_record for one in batch if one.source_record is not None}
        whose = await self._customers.customers_of_records(caller, records)
        for delivery in batch:
            today = whose.get(delivery.source_record or "")
            if delivery.source_record is not None and today != delivery.customer:
                checked.differs("delivery", delivery.id, f"belongs to {today}, shows {delivery.customer}")
        return checked
