"""Recomputes golden records, former ids and the customers that journeys show from the source records."""

from collections.abc import Mapping, Sequence

from chassis.caller import Caller
from chassis.verification import Checked
from services.customers.customer.domain import Customer, with_records
from services.customers.customer.domain.merging import Former, owner_of
from services.customers.customer.rederiving import differences
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.interaction.repository import MongoInteractionRepository

# What a projection decides; the rest are facts of their own.
_DERIVED = ("display_name", "values", "provenance", "external_ids")


class CustomerCheck:
    def __init__(self, customers: MongoCustomerRepository, interactions: MongoInteractionRepository) -> None:
        self._customers = customers
        self._interactions = interactions

    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        ids = await self._customers.some(caller, after, size)
        checked = Checked(examined=len(ids), next=ids[-1] if len(ids) == size else None)
        found = await self._customers.of_ids(caller, ids, whole=True)
        formers = await self._customers.formers_of(caller, ids)
        kept = await self._customers.found_by(caller, ids)
        keys = await self._customers.match_keys(caller, ids)
        for id in ids:
            if id not in found or found[id].id != id:
                # Merged since the ids were read.
                continue
            _check_projection(checked, found[id], [former for former in formers if former.into == id])
            if details := list(differences(found[id], kept.get(id, {}), keys)):
                checked.differs("customer", id, "; ".join(details))
        await self._check_journeys(caller, found, checked)
        return checked

    async def _check_journeys(self, caller: Caller, found: Mapping[str, Customer], checked: Checked) -> None:
        whose = {record.id: customer.id for customer in found.values() for record in customer.records}
        shown = await self._interactions.owners_of_records(caller, whose)
        for record, customers in shown.items():
            if customers != {whose[record]}:
                others = ", ".join(sorted(map(str, customers)))
                checked.differs("journey", record, f"belongs to {whose[record]}, its interactions show {others}")


def _check_projection(checked: Checked, customer: Customer, formers: Sequence[Former]) -> None:
    if not customer.records:
        checked.differs("customer", customer.id, "has no source record")
        return
    again = with_records(customer, customer.records, customer.updated_at, nameless=True)
    wrong = [name for name in _DERIVED if getattr(again, name) != getattr(customer, name)]
    if wrong:
        checked.differs("customer", customer.id, f"differs from its source records in {', '.join(wrong)}")
    if owner_of(customer, formers) != customer.owner:
        checked.differs("customer", customer.id, "differs from what was assigned in owner")
    for former in formers:
        if not any(record.id in former.brought for record in customer.records):
            checked.differs("alias", former.id, f"leads to {customer.id}, which has nothing of what it brought")
