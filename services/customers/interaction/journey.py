"""Journeys follow their source records: after a merge or a split each interaction shows the golden id of today."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from rundblick.shared.v1 import alias_pb2

from chassis.caller import Caller, service_caller
from chassis.errors import Fault
from chassis.ids import prefix_of
from chassis.mongo import Database, Session, in_transaction
from chassis.outbox import Entry, Outbox
from services.customers.attribution.deriving import Attributing
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.interaction.domain import Interaction
from services.customers.interaction.repository import MongoInteractionRepository
from services.customers.standing.outgoing import changed


class Following(Protocol):
    """Facts that hang on source records and show the golden id of today beside them."""

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All of a source record to whom the record belongs."""


class Journeys:
    """Interactions come in without a lock on whose they are; whoever comes later of the two sets it right.

    A merge is followed by `follow`, which sees every interaction stored until then. An interaction is followed by
    `settle`, which sees every merge committed until then. So whatever the order, the last of the two leaves it right.
    """

    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        interactions: MongoInteractionRepository,
        attributing: Attributing,
        outbox: Outbox,
        *others: Following,
    ) -> None:
        self._database = database
        self._customers = customers
        self._interactions = interactions
        self._attributing = attributing
        self._outbox = outbox
        self._following: tuple[Following, ...] = (interactions, *others)

    async def follow(self, caller: Caller, records: Iterable[str]) -> None:
        """All facts of these source records show whose the records are now."""
        for record in records:

            async def work(session: Session, record: str = record) -> None:
                # Held: of two of these at once, with another move between them, the older answer could win.
                found = await self._customers.customers_of_records(caller, [record], session, hold=True)
                if record in found:
                    await self._attributing.moves(caller, record, found[record], session)
                    for facts in self._following:
                        await facts.give(caller, record, found[record], session)
                    await self._outbox.append(session, changed([found[record]]))

            await in_transaction(self._database, work)

    async def settle(self, caller: Caller, interactions: Sequence[Interaction]) -> dict[str, str]:
        """Set right those that were stored a moment ago; answers whose their records are."""
        records = {i.source_record for i in interactions if i.source_record is not None}
        if not records:
            return {}
        present = await self._customers.customers_of_records(caller, records)
        wrong: dict[str, list[str]] = {}
        for interaction in interactions:
            customer = present.get(interaction.source_record or "")
            if customer is not None and customer != interaction.customer:
                wrong.setdefault(customer, []).append(interaction.id)
        for customer, ids in wrong.items():

            async def give(session: Session, customer: str = customer, ids: Sequence[str] = ids) -> None:
                await self._interactions.give_some(caller, ids, customer, session)
                await self._attributing.look_at([customer], session)
                await self._outbox.append(session, changed([customer]))

            await in_transaction(self._database, give)
        return present


async def follow_aliases(journeys: Journeys, entries: Sequence[Entry]) -> Mapping[str, Fault]:
    """As the end of a relay."""
    caller = service_caller("customers")
    for entry in entries:
        aliases = alias_pb2.MoveAliasesRequest.FromString(entry.payload).aliases
        await journeys.follow(caller, [alias.id for alias in aliases if prefix_of(alias.id) == "src"])
    return {}
