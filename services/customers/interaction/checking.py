"""Holds whom interactions show against whose their source records are."""

from chassis.caller import Caller
from chassis.verification import Checked
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.interaction.domain import SubjectKind
from services.customers.interaction.repository import MongoInteractionRepository


class InteractionCheck:
    def __init__(self, customers: MongoCustomerRepository, interactions: MongoInteractionRepository) -> None:
        self._customers = customers
        self._interactions = interactions

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        batch = await self._interactions.some(caller, after, size)
        checked = Checked(examined=len(batch), next=batch[-1].id if len(batch) == size else None)
        whose = await self._customers.customers_of_records(caller, {i.source_record for i in batch if i.source_record})
        for interaction in batch:
            today = whose.get(interaction.source_record) if interaction.source_record else interaction.customer
            if today != interaction.customer:
                checked.differs("journey", interaction.id, f"belongs to {today}, shows {interaction.customer}")
        # Each is a message of an enquiry, which feedback counts too.
        checked.totals["contacts"] = sum(
            one.subject is not None and one.subject.kind is SubjectKind.ENQUIRY for one in batch
        )
        return checked
