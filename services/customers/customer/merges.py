"""Merges and splits customers: load, decide, save, and tell all whose records they are now, in one transaction."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message
from rundblick.customers.v1 import customer_pb2 as pb
from rundblick.shared.v1 import alias_pb2

from chassis.caller import Caller
from chassis.errors import InvalidInput
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session, require_source
from chassis.outbox import Entry, Outbox
from services.customers.customer import messages
from services.customers.customer.domain import OWN_SOURCE, Customer, CustomerNotFound, require_version
from services.customers.customer.domain.merging import Former, Moved, brought_by, changes, merge, split
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.standing.outgoing import changed
from services.customers.stream.outgoing import changed_customers
from services.customers.webhook.notification import Event
from services.customers.webhook.outgoing import happened

# Who must learn of it: the other services, and the interactions of this one.
DESTINATIONS = ("feedback", "metrics", "journey")
ALIASES = "aliases"
_MOST_DUPLICATES = 100

Response = TypeVar("Response", bound=Message)


class Merges:
    def __init__(
        self, customers: MongoCustomerRepository, writes: Writes, outbox: Outbox, now: Callable[[], datetime]
    ) -> None:
        self._customers = customers
        self._writes = writes
        self._outbox = outbox
        self._now = now

    async def merge(self, caller: Caller, request: pb.MergeCustomersRequest) -> pb.MergeCustomersResponse:
        require_source(caller, OWN_SOURCE)
        if len(request.duplicate_ids) > _MOST_DUPLICATES:
            raise InvalidInput(f"at most {_MOST_DUPLICATES} customers are merged at once", ("duplicates",))

        async def work(session: Session) -> pb.MergeCustomersResponse:
            ids = [request.id, *request.duplicate_ids]
            found = await self._customers.of_ids(caller, ids, session, whole=True)
            for place, id in enumerate(ids):
                if id not in found:
                    path = ("id",) if place == 0 else ("duplicates", str(place - 1))
                    raise CustomerNotFound(id, path)
            survivor = found[request.id]
            require_version(survivor, request.version if request.HasField("version") else None)
            duplicates = [found[id] for id in request.duplicate_ids]
            formers = await self._customers.formers_of(caller, {c.id for c in found.values()}, session)
            moved = merge(survivor, duplicates, formers, self._now())
            [merged] = moved.customers
            if not request.dry_run:
                await self._save(caller, moved, merged, session, [one.id for one in duplicates])
            return pb.MergeCustomersResponse(
                customer=messages.to_proto(merged),
                changes=[messages.change_to_proto(change, caller) for change in changes(survivor, merged)],
            )

        return await self._run(caller, request, pb.MergeCustomersResponse, work)

    async def split(self, caller: Caller, request: pb.SplitCustomerRequest) -> pb.SplitCustomerResponse:
        require_source(caller, OWN_SOURCE)
        if request.HasField("former_id") == bool(request.source_record_ids):
            raise InvalidInput("name source records or a former customer", ("source_records",))

        async def work(session: Session) -> pb.SplitCustomerResponse:
            found = await self._customers.of_ids(caller, [request.id], session, whole=True)
            if request.id not in found:
                raise CustomerNotFound(request.id)
            customer = found[request.id]
            require_version(customer, request.version if request.HasField("version") else None)
            formers = await self._customers.formers_of(caller, [customer.id], session)
            moved = split(customer, formers, _leaving(customer, formers, request), new_id("cus"), self._now())
            here, away = moved.customers
            if not request.dry_run:
                await self._save(caller, moved, here, session)
            return pb.SplitCustomerResponse(customer=messages.to_proto(here), split_off=messages.to_proto(away))

        return await self._run(caller, request, pb.SplitCustomerResponse, work)

    async def join(self, caller: Caller, survivor: str, duplicates: Sequence[str], session: Session) -> Customer:
        """Merge within another's transaction; who was merged or split meanwhile is taken as who they are now."""
        found = await self._customers.of_ids(caller, [survivor, *duplicates], session, whole=True)
        for id in (survivor, *duplicates):
            if id not in found:
                raise CustomerNotFound(id)
        formers = await self._customers.formers_of(caller, {c.id for c in found.values()}, session)
        moved = merge(found[survivor], [found[id] for id in duplicates], formers, self._now())
        [merged] = moved.customers
        ended = [id for id in duplicates if found[id].id != merged.id]
        await self._save(caller, moved, merged, session, ended)
        return merged

    async def _run(
        self,
        caller: Caller,
        request: Message,
        response: type[Response],
        work: Callable[[Session], Coroutine[Any, Any, Response]],
    ) -> Response:
        done = await self._writes.run(caller, request, response, work)
        self._outbox.wake()
        return done

    async def _save(
        self, caller: Caller, moved: Moved, about: Customer, session: Session, ended: Sequence[str] = ()
    ) -> None:
        """ended: the customers that became this one."""
        await self._customers.move(caller, moved, session)
        payload = alias_pb2.MoveAliasesRequest(aliases=_aliases(moved)).SerializeToString()
        await self._outbox.append(
            session, [Entry(name, about.id, about.version, ALIASES, payload) for name in DESTINATIONS]
        )
        # A partner learns of it when records of its own moved.
        concerned = [*(former.id for former in moved.formers), *(customer.id for customer in moved.customers)]
        sources = {record.source for record in moved.records}
        told = [*changed_customers(concerned, sources), *changed(concerned)]
        if ended:
            told.append(happened(Event.CUSTOMER_MERGED, about.id, self._now(), version=about.version, formers=ended))
        await self._outbox.append(session, told)


def _leaving(customer: Customer, formers: Sequence[Former], request: pb.SplitCustomerRequest) -> set[str]:
    if request.HasField("former_id"):
        return set(brought_by(customer, request.former_id, formers))
    return set(request.source_record_ids)


def _aliases(moved: Moved) -> list[alias_pb2.Alias]:
    """Whose everything is that changed hands, each with its own version."""
    now = {record.id: customer.id for customer in moved.customers for record in customer.records}
    ids = [(record.id, now[record.id], record.moves) for record in moved.records]
    ids += [(former.id, former.into, former.moves) for former in moved.formers]
    ids += [(customer.id, customer.id, customer.moves) for customer in moved.customers if customer.id == moved.revived]
    return [alias_pb2.Alias(id=id, customer_id=customer, version=version) for id, customer, version in ids]
