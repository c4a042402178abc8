"""Answers CustomerService calls: read the request, ask the domain, use the repository."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError
from rundblick.customers.v1 import customer_pb2 as pb
from rundblick.customers.v1 import customer_pb2_grpc
from rundblick.shared.v1 import alias_pb2

from chassis.caller import Caller, Reach, current_caller
from chassis.errors import Forbidden, InvalidInput, NotFound
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session, require_source
from chassis.outbox import Outbox
from chassis.page import encode_cursor, page_info, page_of
from services.customers.batches import answers
from services.customers.customer import messages
from services.customers.customer.domain import (
    OWN_SOURCE,
    Customer,
    CustomerNotFound,
    ExternalIdTaken,
    assigned_to,
    checked,
    golden,
    new_record,
    own_record_says,
    require_version,
    with_records,
)
from services.customers.customer.domain.searching import Search
from services.customers.customer.forms import Forms
from services.customers.customer.merges import Merges
from services.customers.customer.rederiving import Rederiving
from services.customers.customer.repository import ORDERS, MongoCustomerRepository
from services.customers.employee.repository import MongoEmployeeRepository
from services.customers.matching.matcher import Matcher
from services.customers.source.domain import require_writable
from services.customers.source.repository import MongoSourceRepository
from services.customers.standing.outgoing import changed
from services.customers.stream.outgoing import changed_customers


class CustomerServicer(customer_pb2_grpc.CustomerServiceServicer):
    def __init__(
        self,
        customers: MongoCustomerRepository,
        employees: MongoEmployeeRepository,
        writes: Writes,
        outbox: Outbox,
        merges: Merges,
        matcher: Matcher,
        forms: Forms,
        sources: MongoSourceRepository,
        rederiving: Rederiving,
        now: Callable[[], datetime],
    ) -> None:
        self._customers = customers
        self._employees = employees
        self._writes = writes
        self._outbox = outbox
        self._merges = merges
        self._matcher = matcher
        self._forms = forms
        self._sources = sources
        self._rederiving = rederiving
        self._now = now

    async def BatchGetCustomers(
        self, request: pb.BatchGetCustomersRequest, context: Any
    ) -> pb.BatchGetCustomersResponse:
        found = await self._customers.of_ids(current_caller(), request.ids)
        protos = {id: messages.to_proto(customer) for id, customer in found.items()}
        return pb.BatchGetCustomersResponse(answers=answers(pb.CustomerAnswer, request.ids, protos))

    async def FindCustomer(self, request: pb.FindCustomerRequest, context: Any) -> pb.FindCustomerResponse:
        caller, wanted = current_caller(), request.external_id
        customer = await self._customers.of_external_id(caller, wanted.source, wanted.id)
        if customer is None:
            raise NotFound(f"{wanted.source} has no record {wanted.id}", ("external_id",))
        return pb.FindCustomerResponse(customer=messages.to_proto(customer))

    async def ListCustomers(self, request: pb.ListCustomersRequest, context: Any) -> pb.ListCustomersResponse:
        if request.order_by not in messages.ORDER_FROM_PROTO:
            raise InvalidInput("this order is not known", ("order_by",))
        caller = current_caller()
        searched = Search.of(request.search, personal=caller.reach(messages.PERSONAL) is Reach.ALL)
        order = "FILED" if searched.name else messages.ORDER_FROM_PROTO[request.order_by]
        kinds = [datetime if name == "created_at" else str for name, _ in ORDERS[order]]
        page = page_of(request.page, kinds)
        condition = {}
        if request.filter.HasField("kind"):
            condition["kind"] = messages.kind_from_proto(request.filter.kind).value
        if request.filter.HasField("owner_id"):
            # Who is accountable is the company's own business: to a partner nobody is.
            condition["owner"] = request.filter.owner_id if caller.sources is None else ""
        if request.filter.HasField("source"):
            condition["sources"] = request.filter.source
        if searched.name:
            part = await self._customers.search(caller, page, searched, filter=condition)
        else:
            part = await self._customers.page(caller, page, order=order, filter=condition)
        edges = [
            pb.CustomerEdge(cursor=encode_cursor(boundary), node=messages.to_proto(customer))
            for customer, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListCustomersResponse(edges=edges, page_info=page_info(part))

    async def CreateCustomer(self, request: pb.CreateCustomerRequest, context: Any) -> pb.CreateCustomerResponse:
        caller = current_caller()
        kind = messages.kind_from_proto(request.kind)
        values = await self._said(caller, request.fields)
        outside = request.HasField("external_id")
        source = request.external_id.source if outside else OWN_SOURCE
        if outside and not (request.external_id.id and source):
            raise InvalidInput("an external id has a source and an id", ("external_id",))
        require_source(caller, source)
        external_id = request.external_id.id if outside else None

        if caller.rows is not Reach.ALL and request.owner_id != caller.employee:
            raise Forbidden("this caller creates customers that they own themselves", ("owner_id",))

        async def create(session: Session) -> pb.CreateCustomerResponse:
            await self._require_employee(caller, request.owner_id)
            require_writable(await self._sources.of_writer(caller, source, session), values)
            now = self._now()
            id = new_id("cus")
            record = new_record(source, external_id, values, now, id)
            customer = golden(id, kind, [record], owner=request.owner_id or None, now=now)
            if external_id and await self._customers.of_external_ids(caller, source, [external_id], session):
                raise ExternalIdTaken(source, external_id)
            await self._customers.add(caller, [customer], session)
            await self._outbox.append(session, changed([customer.id]))
            # Who is known already is no new customer.
            customer = (await self._matcher.came_in(caller, [customer], session)).get(id, customer)
            return pb.CreateCustomerResponse(customer=messages.to_proto(customer))

        try:
            return await self._writes.run(caller, request, pb.CreateCustomerResponse, create)
        except DuplicateKeyError:
            raise ExternalIdTaken(source, external_id or "") from None

    async def UpdateCustomer(self, request: pb.UpdateCustomerRequest, context: Any) -> pb.UpdateCustomerResponse:
        caller = current_caller()
        values = await self._said(caller, request.fields)
        require_source(caller, OWN_SOURCE)

        async def update(session: Session) -> pb.UpdateCustomerResponse:
            customer = await self._one(caller, request.id, session)
            require_version(customer, request.version if request.HasField("version") else None)
            now = self._now()
            records = own_record_says(customer, values, now)
            if records != customer.records:
                customer = with_records(customer, records, now)
                await self._customers.save(caller, [customer], session)
                await self._matcher.changed([customer], session)
                told = [*changed_customers([customer.id], [OWN_SOURCE]), *changed([customer.id])]
                await self._outbox.append(session, told)
            return pb.UpdateCustomerResponse(customer=messages.to_proto(customer))

        response = await self._writes.run(caller, request, pb.UpdateCustomerResponse, update)
        self._outbox.wake()
        return response

    async def AssignOwner(self, request: pb.AssignOwnerRequest, context: Any) -> pb.AssignOwnerResponse:
        caller = current_caller()
        require_source(caller, OWN_SOURCE)

        async def assign(session: Session) -> pb.AssignOwnerResponse:
            await self._require_employee(caller, request.owner_id)
            customer = await self._one(caller, request.id, session)
            assigned = assigned_to(customer, request.owner_id or None, self._now())
            if assigned is not customer:
                await self._customers.save(caller, [assigned], session)
                # Who is accountable is the company's own business: no partner learns of it.
                told = [*changed_customers([assigned.id]), *changed([assigned.id])]
                await self._outbox.append(session, told)
            return pb.AssignOwnerResponse(customer=messages.to_proto(assigned))

        response = await self._writes.run(caller, request, pb.AssignOwnerResponse, assign)
        self._outbox.wake()
        return response

    async def MergeCustomers(self, request: pb.MergeCustomersRequest, context: Any) -> pb.MergeCustomersResponse:
        return await self._merges.merge(current_caller(), request)

    async def SplitCustomer(self, request: pb.SplitCustomerRequest, context: Any) -> pb.SplitCustomerResponse:
        return await self._merges.split(current_caller(), request)

    async def RederiveCustomers(
        self, request: pb.RederiveCustomersRequest, context: Any
    ) -> pb.RederiveCustomersResponse:
        caller = current_caller()
        return await self._rederiving.run(caller, request)

    async def BatchGetAliases(self, request: pb.BatchGetAliasesRequest, context: Any) -> pb.BatchGetAliasesResponse:
        caller = current_caller()
        found = await self._customers.aliases(caller, request.ids)
        protos = {
            id: alias_pb2.Alias(id=id, customer_id=customer, version=moves) for id, (customer, moves) in found.items()
        }
        return pb.BatchGetAliasesResponse(answers=answers(alias_pb2.AliasAnswer, request.ids, protos))

    async def _said(self, caller: Caller, fields: pb.CustomerFields) -> dict[str, Any]:
        return checked(messages.values_from_proto(fields), await self._forms.of(caller, [fields]))

    async def _one(self, caller: Caller, id: str, session: Session | None = None) -> Customer:
        found = await self._customers.of_ids(caller, [id], session, whole=True)
        if id not in found:
            raise CustomerNotFound(id)
        return found[id]

    async def _require_employee(self, caller: Caller, id: str) -> None:
        if id and id not in await self._employees.of_ids(caller, [id]):
            raise NotFound(f"there is no employee {id}", ("owner_id",))
