"""Webhook endpoints in the graph: systems of the company that carry what goes out to customers."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from rundblick.customers.v1 import touchpoint_pb2
from rundblick.customers.v1 import webhook_pb2 as pb

from gateway.customers.client import customers_of
from gateway.customers.touchpoint import Channel, channel_value
from gateway.shared import Info, PageInfo, UserError, enum_of, moment, mutate, needed, page_request, present


@strawberry.enum(description="What an endpoint can be told of; docs/webhooks.md says what each means.")
class WebhookEvent(Enum):
    CUSTOMER_CHANGED = "CUSTOMER_CHANGED"
    CUSTOMER_MERGED = "CUSTOMER_MERGED"
    CONSENT_CHANGED = "CONSENT_CHANGED"
    ENQUIRY_OPENED = "ENQUIRY_OPENED"
    ENQUIRY_RESOLVED = "ENQUIRY_RESOLVED"
    ENQUIRY_WAITING = "ENQUIRY_WAITING"
    FEEDBACK_RECEIVED = "FEEDBACK_RECEIVED"
    MEASURE_INTRODUCED = "MEASURE_INTRODUCED"


@strawberry.enum(description="FAILED: given up, see lastError.")
class WebhookNotificationState(Enum):
    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"


@strawberry.type(
    description="It gets what goes out on its channels, and is told of its events, signed after "
    "https://www.standardwebhooks.com. Scope webhooks:admin."
)
class WebhookEndpoint:
    id: strawberry.ID
    url: str
    channels: list[Channel]
    events: list[WebhookEvent]
    created_at: datetime
    archived_at: datetime | None = strawberry.field(description="null: it is in use.")
    gone: bool = strawberry.field(description="Archived since it answered 410 (Gone).")


@strawberry.type
class WebhookEndpointEdge:
    cursor: str
    node: WebhookEndpoint


@strawberry.type
class WebhookEndpointConnection:
    edges: list[WebhookEndpointEdge]
    page_info: PageInfo


@strawberry.type(description="That something happened, as an endpoint is told: once, or again until it was taken.")
class WebhookNotification:
    id: strawberry.ID
    endpoint: strawberry.ID
    event: WebhookEvent
    subject: strawberry.ID = strawberry.field(description="The customer, enquiry, feedback or measure.")
    customer: strawberry.ID | None = strawberry.field(description="Whose it is, where that is known.")
    occurred_at: datetime
    sequence: int = strawberry.field(description="Of the endpoint, in the order in which it happened.")
    state: WebhookNotificationState
    attempts: int = strawberry.field(description="Those that failed.")
    last_error: str | None
    queued_at: datetime
    sent_at: datetime | None


@strawberry.type
class WebhookNotificationEdge:
    cursor: str
    node: WebhookNotification


@strawberry.type
class WebhookNotificationConnection:
    edges: list[WebhookNotificationEdge]
    page_info: PageInfo


@strawberry.input
class CreateWebhookEndpointInput:
    url: str = strawberry.field(description="https, in the internet.")
    channels: list[Channel] = strawberry.field(
        default_factory=list, description="Each is carried by one endpoint at most."
    )
    events: list[WebhookEvent] = strawberry.field(default_factory=list, description="It is told of these.")
    idempotency_key: str | None = None


@strawberry.input
class ArchiveWebhookEndpointInput:
    id: strawberry.ID
    idempotency_key: str | None = None


@strawberry.input
class RedeliverInput:
    id: strawberry.ID = strawberry.field(description="Of the notification.")
    idempotency_key: str | None = None


@strawberry.type
class RedeliverPayload:
    user_errors: list[UserError]
    webhook_notification: WebhookNotification | None = None


@strawberry.type
class CreateWebhookEndpointPayload:
    user_errors: list[UserError]
    webhook_endpoint: WebhookEndpoint | None = None
    secret: str | None = strawberry.field(
        default=None, description="Proves to the endpoint who calls (whsec_...). Told once."
    )


@strawberry.type
class ArchiveWebhookEndpointPayload:
    user_errors: list[UserError]
    webhook_endpoint: WebhookEndpoint | None = None


def _endpoint(record: pb.WebhookEndpoint) -> WebhookEndpoint:
    return WebhookEndpoint(
        id=strawberry.ID(record.id),
        url=record.url,
        channels=[enum_of(Channel, touchpoint_pb2.Channel, number, "CHANNEL_") for number in record.channels],
        events=[enum_of(WebhookEvent, pb.WebhookEvent, number, "WEBHOOK_EVENT_") for number in record.events],
        created_at=needed(record, "created_at"),
        archived_at=moment(record, "archived_at"),
        gone=record.gone,
    )


def _notification(record: pb.WebhookNotification) -> WebhookNotification:
    happening = record.happening
    customer = present(happening, "customer_id")
    return WebhookNotification(
        id=strawberry.ID(record.id),
        endpoint=strawberry.ID(record.endpoint_id),
        event=enum_of(WebhookEvent, pb.WebhookEvent, happening.event, "WEBHOOK_EVENT_"),
        subject=strawberry.ID(happening.subject_id),
        customer=strawberry.ID(customer) if customer is not None else None,
        occurred_at=needed(happening, "at"),
        sequence=record.sequence,
        state=enum_of(
            WebhookNotificationState, pb.WebhookNotificationState, record.state, "WEBHOOK_NOTIFICATION_STATE_"
        ),
        attempts=record.attempts,
        last_error=present(record, "last_error"),
        queued_at=needed(record, "queued_at"),
        sent_at=moment(record, "sent_at"),
    )


@strawberry.type
class WebhookQuery:
    @strawberry.field(
        description="What endpoints are told, the oldest first; FAILED, when left out. Scope webhooks:admin."
    )
    async def webhook_notifications(
        self,
        info: Info,
        state: WebhookNotificationState | None = None,
        endpoint: strawberry.ID | None = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> WebhookNotificationConnection | None:
        client = customers_of(info)
        request = pb.ListWebhookNotificationsRequest(
            state=pb.WebhookNotificationState.Value(
                f"WEBHOOK_NOTIFICATION_STATE_{(state or WebhookNotificationState.FAILED).value}"
            ),
            endpoint_id=endpoint,
            page=page_request(first, after, last, before),
        )
        answer: pb.ListWebhookNotificationsResponse = await client.call(
            client.stubs.webhooks.ListWebhookNotifications, request
        )
        return WebhookNotificationConnection(
            edges=[WebhookNotificationEdge(cursor=edge.cursor, node=_notification(edge.node)) for edge in answer.edges],
            page_info=PageInfo.of(answer.page_info),
        )

    @strawberry.field(description="As they were made. Scope webhooks:admin.")
    async def webhook_endpoints(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> WebhookEndpointConnection | None:
        client = customers_of(info)
        request = pb.ListWebhookEndpointsRequest(page=page_request(first, after, last, before))
        answer: pb.ListWebhookEndpointsResponse = await client.call(client.stubs.webhooks.ListWebhookEndpoints, request)
        return WebhookEndpointConnection(
            edges=[WebhookEndpointEdge(cursor=edge.cursor, node=_endpoint(edge.node)) for edge in answer.edges],
            page_info=PageInfo.of(answer.page_info),
        )


@strawberry.type
class WebhookMutation:
    @strawberry.mutation(
        description="A system of the company that carries these channels, or is told of these events, from now on."
    )
    async def create_webhook_endpoint(
        self, info: Info, input: CreateWebhookEndpointInput
    ) -> CreateWebhookEndpointPayload | None:
        client = customers_of(info)
        request = pb.CreateWebhookEndpointRequest(
            idempotency_key=input.idempotency_key,
            url=input.url,
            channels=map(channel_value, input.channels),
            events=[pb.WebhookEvent.Value(f"WEBHOOK_EVENT_{event.value}") for event in input.events],
        )

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.webhooks.CreateWebhookEndpoint, request)
            return {"webhook_endpoint": _endpoint(answer.endpoint), "secret": present(answer, "secret")}

        return await mutate(CreateWebhookEndpointPayload, work())

    @strawberry.mutation(description="It gets nothing from now on. For a new secret: archive it, and create another.")
    async def archive_webhook_endpoint(
        self, info: Info, input: ArchiveWebhookEndpointInput
    ) -> ArchiveWebhookEndpointPayload | None:
        client = customers_of(info)
        request = pb.ArchiveWebhookEndpointRequest(idempotency_key=input.idempotency_key, id=input.id)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.webhooks.ArchiveWebhookEndpoint, request)
            return {"webhook_endpoint": _endpoint(answer.endpoint)}

        return await mutate(ArchiveWebhookEndpointPayload, work())

    @strawberry.mutation(
        description="Told once more, also what was given up or told before: the endpoint knows it again by its id."
    )
    async def redeliver(self, info: Info, input: RedeliverInput) -> RedeliverPayload | None:
        client = customers_of(info)
        request = pb.RedeliverWebhookNotificationRequest(idempotency_key=input.idempotency_key, id=input.id)

        async def work() -> dict[str, Any]:
            answer = await client.call(client.stubs.webhooks.RedeliverWebhookNotification, request)
            return {"webhook_notification": _notification(answer.notification)}

        return await mutate(RedeliverPayload, work())
