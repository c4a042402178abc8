"""What contacts name, as ids: the code they came by, whose they are in the words of a source, and their record."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rundblick.customers.v1 import interaction_pb2 as pb

from chassis.caller import Caller
from chassis.errors import DomainError, Fault, InvalidInput, NotFound
from chassis.mongo import Session, require_source
from services.customers.code.domain import CodeNotFound, read_code
from services.customers.code.repository import MongoCodeRepository
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.interaction import messages
from services.customers.interaction.domain import Interaction
from services.customers.reference.resolver import Resolver


@dataclass
class Read:
    """By their place among what was said: the contacts that can be kept, and why the others cannot."""

    taken: dict[int, Interaction] = field(default_factory=dict)
    faults: dict[int, Fault] = field(default_factory=dict)

    def refuse(self, position: int, error: DomainError) -> None:
        self.taken.pop(position, None)
        self.faults[position] = error.fault


class Naming:
    def __init__(self, customers: MongoCustomerRepository, codes: MongoCodeRepository, resolver: Resolver) -> None:
        self._customers = customers
        self._codes = codes
        self._resolver = resolver

    async def read(self, caller: Caller, said: Sequence[pb.Interaction], session: Session | None = None) -> Read:
        read = Read()
        for position, message in enumerate(said):
            try:
                interaction = messages.from_proto(message)
                require_source(caller, interaction.source)
                read.taken[position] = interaction
            except DomainError as error:
                read.faults[position] = error.fault
        await self._place(caller, said, read)
        await self._name(caller, said, read, session)
        await self._attribute(caller, read)
        return read

    async def give(self, caller: Caller, read: Read, session: Session, *, hold: bool) -> None:
        """Each to the customer its record belongs to. hold: no merge comes between until the session commits."""
        records = {one.source_record for one in read.taken.values() if one.source_record is not None}
        if records:
            present = await self._customers.customers_of_records(caller, records, session, hold=hold)
            for position, one in read.taken.items():
                read.taken[position] = replace(one, customer=present.get(one.source_record or "", one.customer))

    async def _place(self, caller: Caller, said: Sequence[pb.Interaction], read: Read) -> None:
        """Those that name a code happened at its touchpoint, for its campaign."""
        named = {position: said[position].code for position in read.taken if said[position].code}
        if not named:
            return
        codes = await self._codes.of_codes(caller, map(read_code, named.values()))
        for position, name in named.items():
            code = codes.get(read_code(name))
            if code is None:
                read.refuse(position, CodeNotFound(name))
            else:
                one = read.taken[position]
                read.taken[position] = replace(one, touchpoint=code.touchpoint, campaign=code.campaign)

    async def _name(self, caller: Caller, said: Sequence[pb.Interaction], read: Read, session: Session | None) -> None:
        """Those that name their customer in the words of a source system are of the record that system has."""
        named = {
            position: said[position].customer_external_id
            for position in read.taken
            if said[position].HasField("customer_external_id")
        }
        for source in {key.source for key in named.values()}:
            keys = {position: key.id for position, key in named.items() if key.source == source}
            found = await self._customers.of_external_ids(caller, source, set(keys.values()), session)
            for position, key in keys.items():
                one = read.taken[position]
                if one.customer is not None or one.source_record is not None:
                    twice = InvalidInput("name a customer by id or by external id", ("customer_external_id",))
                    read.refuse(position, twice)
                elif key not in found:
                    read.refuse(position, NotFound(f"{source} has no record {key}", ("customer_external_id",)))
                else:
                    customer, record = found[key]
                    read.taken[position] = replace(one, customer=customer, source_record=record.id)

    async def _attribute(self, caller: Caller, read: Read) -> None:
        """Facts recorded on a golden record take Rundblick's own source record; a customer must exist."""
        bare = {
            position: one.customer
            for position, one in read.taken.items()
            if one.customer is not None and one.source_record is None
        }
        if not bare:
            return
        own = await self._resolver.own_records(caller, sorted(set(bare.values())))
        for position, customer in bare.items():
            if customer in own:
                read.taken[position] = replace(read.taken[position], source_record=own[customer])
            else:
                read.refuse(position, NotFound(f"there is no customer {customer}", ("customer_id",)))
