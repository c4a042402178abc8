"""Webhook endpoints as messages; their secret is not in them."""

from rundblick.customers.v1 import webhook_pb2 as pb

from chassis.times import to_timestamp
from services.customers.touchpoint.messages import CHANNEL_TO_PROTO
from services.customers.webhook.domain import Endpoint


def to_proto(endpoint: Endpoint) -> pb.WebhookEndpoint:
    return pb.WebhookEndpoint(
        id=endpoint.id,
        url=endpoint.url,
        channels=sorted(CHANNEL_TO_PROTO[channel] for channel in endpoint.channels),
        created_at=to_timestamp(endpoint.created_at),
        archived_at=to_timestamp(endpoint.archived_at),
        gone=endpoint.gone,
    )
