"""Customers in the graph: the golden record, and where each of its fields comes from."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from rundblick.customers.v1 import customer_pb2 as pb
from strawberry import federation

from gateway.customers.attribute import Attribute, attributes_of
from gateway.customers.client import customers_of
from gateway.customers.consent import (
    Consent,
    ConsentPurpose,
    ConsentRecordConnection,
    ContactPermission,
    consent_history,
    consents,
    may_contact,
)
from gateway.customers.delivery import DeliveryConnection, deliveries
from gateway.customers.employee import Employee
from gateway.customers.interaction import InteractionConnection, InteractionFilter, journey
from gateway.customers.offer import OfferOutcomeConnection, offer_outcomes
from gateway.customers.opportunity import OpportunityConnection, opportunities_of_customer
from gateway.customers.recommendation import Recommendation, recommendations
from gateway.customers.segment import Segment, segments
from gateway.customers.state import CustomerState, state
from gateway.customers.touchpoint import Channel
from gateway.errors import ServiceError, bad_input
from gateway.rights import personal
from gateway.shared import (
    ExternalIdInput,
    Info,
    Named,
    Node,
    PageInfo,
    enum_of,
    needed,
    owned,
    page_request,
    present,
)


@strawberry.enum
class CustomerKind(Enum):
    PERSON = "PERSON"
    ORGANISATION = "ORGANISATION"


@strawberry.type(description="The id of a customer in another system; unique per source.")
class ExternalId:
    source: str
    id: str


@strawberry.type
class PostalAddress:
    lines: list[str]
    postal_code: str | None
    city: str | None
    region: str | None
    country: str | None = strawberry.field(description="ISO 3166-1 alpha-2")


@strawberry.type(description="Which source record gave a field its value, and since when it says so.")
class FieldProvenance:
    field: str
    source_record: strawberry.ID
    since: datetime


@strawberry.type(description="What one source system says of the customer, kept as it came in.")
class SourceRecord:
    id: strawberry.ID
    source: str
    external_id: str | None
    received_at: datetime
    updated_at: datetime


async def load_customer(info: Info, id: str) -> Any:
    return await customers_of(info).customers.load(id)


def _address(address: pb.PostalAddress) -> PostalAddress:
    return PostalAddress(
        lines=list(address.lines),
        postal_code=present(address, "postal_code"),
        city=present(address, "city"),
        region=present(address, "region"),
        country=present(address, "country"),
    )


def _provenance(record: pb.Customer) -> list[FieldProvenance]:
    return [
        FieldProvenance(field=p.field, source_record=strawberry.ID(p.source_record_id), since=needed(p, "since"))
        for p in record.provenance
    ]


def _source_records(record: pb.Customer) -> list[SourceRecord]:
    return [
        SourceRecord(
            id=strawberry.ID(one.id),
            source=one.source,
            external_id=present(one, "external_id"),
            received_at=needed(one, "received_at"),
            updated_at=needed(one, "updated_at"),
        )
        for one in record.source_records
    ]


def _external_ids(record: pb.Customer) -> list[ExternalId]:
    return [ExternalId(source=one.source, id=one.id) for one in record.external_ids]


def _owner(record: pb.Customer) -> Employee | None:
    return Employee(id=strawberry.ID(record.owner_id)) if present(record, "owner_id") else None


def _kind(record: pb.Customer) -> CustomerKind:
    return enum_of(CustomerKind, pb.CustomerKind, record.kind, "CUSTOMER_KIND_")


def _personal(field: str, get: Any) -> Any:
    """Null for who lacks the scope, without harm to the rest of the customer."""
    return personal("Customer", field, owned(load_customer, get))


@federation.type(keys=["id"], description="One view of a customer over all sources.")
class Customer(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    kind: CustomerKind = strawberry.field(resolver=owned(load_customer, _kind))
    display_name: str = strawberry.field(resolver=owned(load_customer, lambda record: record.display_name))
    given_name: str | None = strawberry.field(resolver=owned(load_customer, lambda r: present(r, "given_name")))
    family_name: str | None = strawberry.field(resolver=owned(load_customer, lambda r: present(r, "family_name")))
    organisation_name: str | None = strawberry.field(
        resolver=owned(load_customer, lambda record: present(record, "organisation_name"))
    )
    emails: list[str] | None = strawberry.field(
        resolver=_personal("emails", lambda record: list(record.emails)), description="Scope customers:personal."
    )
    phones: list[str] | None = strawberry.field(
        resolver=_personal("phones", lambda record: list(record.phones)), description="E.164. Scope customers:personal."
    )
    addresses: list[PostalAddress] | None = strawberry.field(
        resolver=_personal("addresses", lambda record: [_address(address) for address in record.addresses]),
        description="Scope customers:personal.",
    )
    locale: str | None = strawberry.field(
        resolver=owned(load_customer, lambda record: present(record, "locale")), description="BCP 47"
    )
    attributes: list[Attribute] = strawberry.field(
        resolver=owned(load_customer, attributes_of), description="What the company keeps beyond this, by key."
    )
    external_ids: list[ExternalId] = strawberry.field(resolver=owned(load_customer, _external_ids))
    provenance: list[FieldProvenance] = strawberry.field(resolver=owned(load_customer, _provenance))
    source_records: list[SourceRecord] = strawberry.field(
        resolver=owned(load_customer, _source_records), description="The records behind this view."
    )
    owner: Employee | None = strawberry.field(
        resolver=owned(load_customer, _owner), description="The accountable employee."
    )
    version: int = strawberry.field(resolver=owned(load_customer, lambda record: record.version))
    created_at: datetime = strawberry.field(resolver=owned(load_customer, lambda record: needed(record, "created_at")))
    updated_at: datetime = strawberry.field(resolver=owned(load_customer, lambda record: needed(record, "updated_at")))

    @strawberry.field(description="The journey, newest first.")
    async def interactions(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: InteractionFilter | None = None,
    ) -> InteractionConnection:
        return await journey(info, self.id, first, after, last, before, filter)

    @strawberry.field(description="How far the customer has come, how alive the relationship is; null for partners.")
    async def state(self, info: Info) -> CustomerState | None:
        return await state(info, self.id)

    @strawberry.field(description="Those the customer belongs to now; none for partners.")
    async def segments(self, info: Info) -> list[Segment]:
        return await segments(info, self.id)

    @strawberry.field(description="Where the customer stands, by channel and purpose.")
    async def consents(self, info: Info) -> list[Consent]:
        return await consents(info, self.id)

    @strawberry.field(description="All that was said about consent, newest first.")
    async def consent_history(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> ConsentRecordConnection:
        return await consent_history(info, self.id, first, after, last, before)

    @strawberry.field(description="What was sent to the customer, or waits to be sent, newest first.")
    async def deliveries(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> DeliveryConnection:
        return await deliveries(info, self.id, first, after, last, before)

    @strawberry.field(description="Whether the customer may be contacted so now, and why or why not.")
    async def may_contact(self, info: Info, channel: Channel, purpose: ConsentPurpose) -> ContactPermission:
        return await may_contact(info, self.id, channel, purpose)

    @strawberry.field(description="What to offer to the customer next, or to do; the best first. At most 20.")
    async def recommendations(self, info: Info, first: int = 3) -> list[Recommendation]:
        return await recommendations(info, self.id, first)

    @strawberry.field(description="What came of offers, newest first.")
    async def offer_outcomes(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> OfferOutcomeConnection:
        return await offer_outcomes(info, self.id, first, after, last, before)

    @strawberry.field(description="Chances to sell to the customer, newest first.")
    async def opportunities(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> OpportunityConnection | None:
        return await opportunities_of_customer(info, self.id, first, after, last, before)

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Customer":
        return cls(id=id)


@strawberry.type
class CustomerEdge:
    cursor: str
    node: Customer


@strawberry.type
class CustomerConnection:
    edges: list[CustomerEdge]
    page_info: PageInfo


@strawberry.input
class CustomerFilter:
    kind: CustomerKind | None = None
    owner: strawberry.ID | None = None
    source: str | None = None


@strawberry.enum
class CustomerOrder(Enum):
    CREATED_AT_DESC = "CREATED_AT_DESC"
    CREATED_AT_ASC = "CREATED_AT_ASC"
    DISPLAY_NAME_ASC = "DISPLAY_NAME_ASC"


def customer_of(record: pb.Customer) -> Customer:
    return Customer(id=strawberry.ID(record.id), record=record)


@strawberry.type
class CustomerQuery:
    @strawberry.field(description="By id or by the id of another system; null when there is none.")
    async def customer(
        self, info: Info, id: strawberry.ID | None = None, external_id: ExternalIdInput | None = None
    ) -> Customer | None:
        client = customers_of(info)
        if (id is None) == (external_id is None):
            raise bad_input("give id or externalId", "id")
        if id is not None:
            record = await client.customers.load(id)
            return customer_of(record) if record is not None else None
        wanted = pb.ExternalId(source=external_id.source, id=external_id.id) if external_id else None
        try:
            answer = await client.call(client.stubs.customers.FindCustomer, pb.FindCustomerRequest(external_id=wanted))
        except ServiceError as error:
            if error.error.code == "NOT_FOUND":
                return None
            raise
        return customer_of(answer.customer)

    @strawberry.field(
        description="search: those whose name begins so, people by their family name, in that order whatever orderBy "
        "says. Where their list ends on the page, at most 50 others that are like it fill it, the most alike first; no "
        "page follows. Like it is another spelling, a slip, another of their names, how an external id begins, with "
        "customers:personal an e-mail address or a phone number."
    )
    async def customers(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        search: str | None = None,
        filter: CustomerFilter | None = None,
        order_by: CustomerOrder | None = None,
    ) -> CustomerConnection | None:
        client = customers_of(info)
        request = pb.ListCustomersRequest(page=page_request(first, after, last, before), search=search)
        if filter is not None:
            kind = pb.CustomerKind.Value(f"CUSTOMER_KIND_{filter.kind.value}") if filter.kind else None
            request.filter.CopyFrom(pb.CustomerFilter(kind=kind, owner_id=filter.owner, source=filter.source))
        if order_by is not None:
            request.order_by = pb.CustomerOrder.Value(f"CUSTOMER_ORDER_{order_by.value}")
        answer: pb.ListCustomersResponse = await client.call(client.stubs.customers.ListCustomers, request)
        return CustomerConnection(
            edges=[CustomerEdge(cursor=edge.cursor, node=customer_of(edge.node)) for edge in answer.edges],
            page_info=PageInfo.of(answer.page_info),
        )
