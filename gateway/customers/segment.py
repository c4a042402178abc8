"""Segments in the graph: customers who have something in common."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from rundblick.customers.v1 import segment_pb2 as pb
from strawberry import federation

from gateway.customers.client import customers_of
from gateway.customers.employee import Employee
from gateway.errors import ServiceError, bad_input
from gateway.shared import Info, Named, Node, PageInfo, moment, owned, page_request, present

if TYPE_CHECKING:
    from gateway.customers.customer import CustomerConnection

CustomersRef = Annotated["CustomerConnection", strawberry.lazy("gateway.customers.customer")]


@strawberry.type(description="Whom a segment stands for in the market, in words.")
class TargetMarket:
    industry: str | None
    region: str | None
    company_size: str | None


@strawberry.type(description="All customers are asked by the present rule; who was not yet asked belongs as before.")
class SegmentEvaluation:
    job: strawberry.ID
    done: int
    total: int
    forecast: datetime | None = strawberry.field(description="When it will be done at the present pace.")


async def load_segment(info: Info, id: str) -> Any:
    return await customers_of(info).segments.load(id)


def _market(record: pb.Segment) -> TargetMarket:
    market = record.fields.target_market
    return TargetMarket(
        industry=present(market, "industry"),
        region=present(market, "region"),
        company_size=present(market, "company_size"),
    )


def _evaluation(record: pb.Segment) -> SegmentEvaluation | None:
    if not record.HasField("evaluation"):
        return None
    job = record.evaluation
    return SegmentEvaluation(
        job=strawberry.ID(job.id), done=job.done, total=job.total, forecast=moment(job, "forecast")
    )


def _owner(record: pb.Segment) -> Employee | None:
    return Employee(id=strawberry.ID(record.fields.owner_id)) if record.fields.HasField("owner_id") else None


@federation.type(keys=["id"], description="Customers who have something in common, by a rule or picked one by one.")
class Segment(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    key: str = strawberry.field(resolver=owned(load_segment, lambda record: record.fields.key))
    name: str = strawberry.field(resolver=owned(load_segment, lambda record: record.fields.name))
    description: str | None = strawberry.field(
        resolver=owned(load_segment, lambda record: present(record.fields, "description"))
    )
    expectations: list[str] = strawberry.field(
        resolver=owned(load_segment, lambda record: list(record.fields.expectations)),
        description="What this market expects.",
    )
    target_market: TargetMarket = strawberry.field(resolver=owned(load_segment, _market))
    rule: str | None = strawberry.field(
        resolver=owned(load_segment, lambda record: present(record.fields, "rule")),
        description="CEL over the facts of a customer; null: customers are picked one by one.",
    )
    size: int = strawberry.field(
        resolver=owned(load_segment, lambda record: record.size),
        description="All its customers, whomever of them the caller sees.",
    )
    errors: int = strawberry.field(
        resolver=owned(load_segment, lambda record: record.errors),
        description="Customers for whom the rule has no result; they do not belong to it.",
    )
    evaluation: SegmentEvaluation | None = strawberry.field(
        resolver=owned(load_segment, _evaluation), description="null: all customers were asked by the present rule."
    )
    active: bool = strawberry.field(resolver=owned(load_segment, lambda record: record.active))
    owner: Employee | None = strawberry.field(resolver=owned(load_segment, _owner), description="Who answers for it.")
    source: str = strawberry.field(resolver=owned(load_segment, lambda record: record.source))
    version: int = strawberry.field(resolver=owned(load_segment, lambda record: record.version))

    @strawberry.field(description="Those that the caller sees, in the order of their ids.")
    async def customers(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> CustomersRef:
        from gateway.customers.customer import Customer, CustomerConnection, CustomerEdge  # noqa: PLC0415  # the two know each other

        arguments = pb.BatchListSegmentCustomersRequest(page=page_request(first, after, last, before))
        page: pb.SegmentCustomerPage = await customers_of(info).customers_of_segments.load(self.id, arguments)
        return CustomerConnection(
            edges=[
                CustomerEdge(cursor=edge.cursor, node=Customer(id=strawberry.ID(edge.customer_id)))
                for edge in page.edges
            ],
            page_info=PageInfo.of(page.page_info),
        )

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Segment":
        return cls(id=id)


@strawberry.type
class SegmentEdge:
    cursor: str
    node: Segment


@strawberry.type
class SegmentConnection:
    edges: list[SegmentEdge]
    page_info: PageInfo


def segment_of(record: pb.Segment) -> Segment:
    return Segment(id=strawberry.ID(record.id), record=record)


async def segments(info: Info, customer: str) -> list[Segment]:
    found: pb.CustomerSegmentList = await customers_of(info).segments_of_customers.load(
        customer, pb.BatchListCustomerSegmentsRequest()
    )
    return [Segment(id=strawberry.ID(one.segment_id)) for one in found.segments]


@strawberry.type
class SegmentQuery:
    @strawberry.field(description="In the order of their keys. active: null: all.")
    async def segments(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        active: bool | None = None,
    ) -> SegmentConnection | None:
        client = customers_of(info)
        request = pb.ListSegmentsRequest(page=page_request(first, after, last, before), active=active)
        answer: pb.ListSegmentsResponse = await client.call(client.stubs.segments.ListSegments, request)
        return SegmentConnection(
            edges=[SegmentEdge(cursor=edge.cursor, node=segment_of(edge.node)) for edge in answer.page.edges],
            page_info=PageInfo.of(answer.page.page_info),
        )

    @strawberry.field(description="By id or by key; null when there is none.")
    async def segment(self, info: Info, id: strawberry.ID | None = None, key: str | None = None) -> Segment | None:
        client = customers_of(info)
        if (id is None) == (key is None):
            raise bad_input("give id or key", "id")
        if key is None:
            record = await client.segments.load(id or "")
            return segment_of(record) if record is not None else None
        try:
            answer = await client.call(client.stubs.segments.FindSegment, pb.FindSegmentRequest(key=key))
        except ServiceError as error:
            if error.error.code == "NOT_FOUND":
                return None
            raise
        return segment_of(answer.segment)
