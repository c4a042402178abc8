"""Webhook endpoints in the graph: systems of the company that carry what goes out to customers."""

from datetime import datetime
from typing import Any

import strawberry
from rundblick.customers.v1 import touchpoint_pb2
from rundblick.customers.v1 import webhook_pb2 as pb

from gateway.customers.client import customers_of
from gateway.customers.touchpoint import Channel, channel_value
from gateway.shared import Info, PageInfo, UserError, enum_of, moment, mutate, needed, page_request, present


@strawberry.type(
    description="It gets what goes out on its channels, signed after https://www.standardwebhooks.com. Scope "
    "webhooks:admin."
)
class WebhookEndpoint:
    id: strawberry.ID
    url: str
    channels: list[Channel]
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


@strawberry.input
class CreateWebhookEndpointInput:
    url: str = strawberry.field(description="https, in the internet.")
    channels: list[Channel] = strawberry.field(description="Each is carried by one endpoint at most.")
    idempotency_key: str | None = None


@strawberry.input
class ArchiveWebhookEndpointInput:
    id: strawberry.ID
    idempotency_key: str | None = None


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
        created_at=needed(record, "created_at"),
        archived_at=moment(record, "archived_at"),
        gone=record.gone,
    )


@strawberry.type
class WebhookQuery:
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
    @strawberry.mutation(description="A system of the company that carries these channels from now on.")
    async def create_webhook_endpoint(
        self, info: Info, input: CreateWebhookEndpointInput
    ) -> CreateWebhookEndpointPayload | None:
        client = customers_of(info)
        request = pb.CreateWebhookEndpointRequest(
            idempotency_key=input.idempotency_key, url=input.url, channels=map(channel_value, input.channels)
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
