"""Derives anew by what customers and their source records are found, batch by batch, where rules changed since."""

from collections.abc import Iterator, Mapping, Sequence

from rundblick.customers.v1 import customer_pb2 as pb

from chassis.batches import size_of
from chassis.caller import Caller
from chassis.mongo import Database, Document, Session, in_transaction
from services.customers.customer.documents import found_by, match_keys
from services.customers.customer.domain import Customer
from services.customers.customer.repository import MongoCustomerRepository


class Rederiving:
    def __init__(self, database: Database, customers: MongoCustomerRepository) -> None:
        self._database = database
        self._customers = customers

    async def run(self, caller: Caller, request: pb.RederiveCustomersRequest) -> pb.RederiveCustomersResponse:
        """One batch in one transaction: killed at any line, it is done or not, and done again it changes nothing."""
        size = size_of(request.size)

        async def work(session: Session) -> pb.RederiveCustomersResponse:
            ids = await self._customers.some(caller, request.after, size, session)
            found = await self._customers.of_ids(caller, ids, session, whole=True)
            kept = await self._customers.found_by(caller, ids, session)
            keys = await self._customers.match_keys(caller, ids, session)
            response = pb.RederiveCustomersResponse(examined=len(ids), next_after=ids[-1] if len(ids) == size else None)
            changed: list[Customer] = []
            for id, customer in found.items():
                if details := list(differences(customer, kept.get(id, {}), keys)):
                    changed.append(customer)
                    response.changes.add(customer_id=id, details=details)
            if not request.dry_run:
                await self._customers.file(caller, changed, session)
            return response

        response = await in_transaction(self._database, work)
        response.total = await self._customers.count(caller)
        return response


def differences(customer: Customer, kept: Document, keys: Mapping[str, Sequence[str] | None]) -> Iterator[str]:
    """What is kept to find it and what follows from what it says, where the two differ; no personal data."""
    for name, follows in found_by(customer).items():
        if kept.get(name) != follows:
            yield f"{name} is not what its records make"
    for record in customer.records:
        if keys.get(record.id) != match_keys(record):
            yield f"{record.id} has not the keys by which the rules would find it"
