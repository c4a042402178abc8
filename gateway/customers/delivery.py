"""Deliveries in the graph: what goes out to customers, and what became of it."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from rundblick.customers.v1 import customer_pb2, touchpoint_pb2
from rundblick.customers.v1 import delivery_pb2 as pb
from strawberry import federation

from chassis.batches import fault_of
from chassis.errors import ERROR_OF_CODE, DomainError
from chassis.times import to_timestamp
from gateway.customers.client import SERVICE, customers_of
from gateway.customers.consent import ConsentPurpose, purpose_of, purpose_value, why
from gateway.customers.touchpoint import Channel, channel_value
from gateway.errors import ServiceError
from gateway.rights import personal
from gateway.shared import (
    ExternalIdInput,
    Info,
    Message,
    Named,
    Node,
    PageInfo,
    UserError,
    enum_of,
    moment,
    mutate,
    needed,
    owned,
    page_request,
    present,
)

if TYPE_CHECKING:
    from gateway.customers.customer import Customer

CustomerRef = Annotated["Customer", strawberry.lazy("gateway.customers.customer")]


@strawberry.enum(
    description="SENT: whoever carries it took it. BOUNCED: the address does not take it. REFUSED: the customer did "
    "not allow it at the moment of sending. FAILED: given up."
)
class DeliveryState(Enum):
    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"
    BOUNCED = "BOUNCED"
    REFUSED = "REFUSED"


async def load_delivery(info: Info, id: str) -> Any:
    return await customers_of(info).deliveries.load(id)


def _customer(record: pb.Delivery) -> Any:
    from gateway.customers.customer import Customer  # noqa: PLC0415  # the two know each other

    return Customer(id=strawberry.ID(record.customer_id)) if present(record, "customer_id") else None


def _refusal(root: Any, info: Info) -> Any:
    def said(record: pb.Delivery) -> Message | None:
        return why(record.refusal, info.context.language) if record.HasField("refusal") else None

    return owned(load_delivery, said)(root, info)


def _field(get: Any, description: str | None = None) -> Any:
    return strawberry.field(resolver=owned(load_delivery, get), description=description)


@federation.type(keys=["id"], description="Something that goes out to a customer, or to an address.")
class Delivery(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    customer: CustomerRef | None = _field(_customer)
    channel: Channel = _field(lambda r: enum_of(Channel, touchpoint_pb2.Channel, r.channel, "CHANNEL_"))
    address: str | None = strawberry.field(
        resolver=personal("Delivery", "address", owned(load_delivery, lambda r: present(r, "address"))),
        description="null: where the customer may be reached at the moment of sending. Scope customers:personal.",
    )
    purpose: ConsentPurpose | None = _field(
        lambda r: purpose_of(r.purpose) if present(r, "purpose") else None, "null: it needs no consent."
    )
    subject: str | None = _field(lambda r: present(r, "subject"))
    text: str = _field(lambda r: r.text, "{{confirm}} and {{unsubscribe}} become links when it is sent.")
    html: str | None = _field(lambda r: present(r, "html"))
    language: str = _field(lambda r: r.language, "BCP 47")
    reference: str | None = _field(lambda r: present(r, "reference"), "The id of what it is for.")
    state: DeliveryState = _field(lambda r: enum_of(DeliveryState, pb.DeliveryState, r.state, "DELIVERY_STATE_"))
    attempts: int = _field(lambda r: r.attempts, "That failed.")
    last_error: str | None = _field(lambda r: present(r, "last_error"))
    refusal: Message | None = strawberry.field(resolver=_refusal, description="Why the customer did not allow it.")
    queued_at: datetime = _field(lambda r: needed(r, "queued_at"))
    expires_at: datetime = _field(lambda r: needed(r, "expires_at"), "It is not sent after this.")
    sent_at: datetime | None = _field(lambda r: moment(r, "sent_at"))
    source: str = _field(lambda r: r.source)
    external_id: str | None = _field(lambda r: present(r, "external_id"))

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Delivery":
        return cls(id=id)


@strawberry.type
class DeliveryEdge:
    cursor: str
    node: Delivery


@strawberry.type
class DeliveryConnection:
    edges: list[DeliveryEdge]
    page_info: PageInfo


@strawberry.input(description="To a customer, by id or by externalId, or to an address that is nobody's.")
class SendDeliveryInput:
    customer: strawberry.ID | None = None
    customer_external_id: ExternalIdInput | None = None
    channel: Channel
    address: str | None = strawberry.field(
        default=None, description="null: where the customer may be reached at the moment of sending."
    )
    purpose: ConsentPurpose | None = strawberry.field(
        default=None, description="null: it needs no consent, as an answer to what the customer asked."
    )
    subject: str | None = strawberry.field(default=None, description="An e-mail has one.")
    text: str = strawberry.field(description="{{unsubscribe}} becomes the link that ends such messages.")
    html: str | None = None
    language: str = "en"
    reference: str | None = strawberry.field(default=None, description="The id of what it is for.")
    source: str = "rundblick"
    external_id: str | None = strawberry.field(
        default=None, description="Of the source; said again it is the same delivery, as it was."
    )
    expires_at: datetime | None = strawberry.field(default=None, description="null: in seven days; at most in 30.")
    idempotency_key: str | None = None


@strawberry.input
class RetryDeliveryInput:
    id: strawberry.ID
    idempotency_key: str | None = None


@strawberry.input
class RecordBounceInput:
    message_id: str = strawberry.field(description="The delivery's id, or the Message-ID of its e-mail.")
    idempotency_key: str | None = None


@strawberry.type
class SendDeliveryPayload:
    user_errors: list[UserError]
    delivery: Delivery | None = None


@strawberry.type
class RetryDeliveryPayload:
    user_errors: list[UserError]
    delivery: Delivery | None = None


@strawberry.type
class RecordBouncePayload:
    user_errors: list[UserError]
    delivery: Delivery | None = None


def delivery_of(record: pb.Delivery) -> Delivery:
    return Delivery(id=strawberry.ID(record.id), record=record)


async def deliveries(
    info: Info, customer: str, first: int | None, after: str | None, last: int | None, before: str | None
) -> DeliveryConnection:
    arguments = pb.BatchListDeliveriesRequest(page=page_request(first, after, last, before))
    page: pb.DeliveryPage = await customers_of(info).deliveries_of_customers.load(customer, arguments)
    return DeliveryConnection(
        edges=[DeliveryEdge(cursor=edge.cursor, node=delivery_of(edge.node)) for edge in page.edges],
        page_info=PageInfo.of(page.page_info),
    )


def _new(input: SendDeliveryInput) -> pb.NewDelivery:
    external = input.customer_external_id
    return pb.NewDelivery(
        customer_id=input.customer,
        customer_external_id=customer_pb2.ExternalId(source=external.source, id=external.id) if external else None,
        channel=channel_value(input.channel),
        address=input.address,
        purpose=purpose_value(input.purpose) if input.purpose is not None else None,
        subject=input.subject,
        text=input.text,
        html=input.html,
        language=input.language,
        reference=input.reference,
        source=input.source,
        external_id=input.external_id,
        expires_at=to_timestamp(input.expires_at),
    )


@strawberry.type
class DeliveryMutation:
    @strawberry.mutation(description="It is sent soon after, if the customer allows it then.")
    async def send_delivery(self, info: Info, input: SendDeliveryInput) -> SendDeliveryPayload | None:
        client = customers_of(info)
        request = pb.SendDeliveriesRequest(idempotency_key=input.idempotency_key, deliveries=[_new(input)])

        async def work() -> dict[str, Any]:
            answer: pb.SendDeliveriesResponse = await client.call(client.stubs.deliveries.SendDeliveries, request)
            [one] = answer.answers
            if one.HasField("error"):
                fault = fault_of(one.error)
                raise ServiceError(SERVICE, ERROR_OF_CODE.get(fault.code, DomainError)(fault.message, fault.path))
            return {"delivery": delivery_of(one.value)}

        return await mutate(SendDeliveryPayload, work())

    @strawberry.mutation(description="Once more what failed, bounced or was refused; consent is asked for again.")
    async def retry_delivery(self, info: Info, input: RetryDeliveryInput) -> RetryDeliveryPayload | None:
        client = customers_of(info)
        request = pb.RetryDeliveryRequest(idempotency_key=input.idempotency_key, id=input.id)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.deliveries.RetryDelivery, request)
            return {"delivery": delivery_of(answer.delivery)}

        return await mutate(RetryDeliveryPayload, work())

    @strawberry.mutation(description="What was sent came back, as the mail system of the company saw.")
    async def record_bounce(self, info: Info, input: RecordBounceInput) -> RecordBouncePayload | None:
        client = customers_of(info)
        request = pb.RecordBounceRequest(idempotency_key=input.idempotency_key, message_id=input.message_id)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.deliveries.RecordBounce, request)
            return {"delivery": delivery_of(answer.delivery)}

        return await mutate(RecordBouncePayload, work())
