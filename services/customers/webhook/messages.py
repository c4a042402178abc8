"""Webhook endpoints and what they are told as messages; secrets are not in them."""

from collections.abc import Iterable, Mapping
from typing import Any

from rundblick.customers.v1 import webhook_pb2 as pb

from chassis.errors import InvalidInput
from chassis.times import from_timestamp, to_timestamp
from services.customers.touchpoint.messages import CHANNEL_TO_PROTO
from services.customers.webhook.domain import Endpoint
from services.customers.webhook.notification import Event, Happening, Notification, NotificationState

EVENT_TO_PROTO: Mapping[Event, Any] = {event: pb.WebhookEvent.Value(f"WEBHOOK_EVENT_{event.name}") for event in Event}
EVENT_FROM_PROTO: Mapping[int, Event] = {proto: event for event, proto in EVENT_TO_PROTO.items()}
STATE_TO_PROTO: Mapping[NotificationState, Any] = {
    state: pb.WebhookNotificationState.Value(f"WEBHOOK_NOTIFICATION_STATE_{state.value}") for state in NotificationState
}
STATE_FROM_PROTO: Mapping[int, NotificationState] = {proto: state for state, proto in STATE_TO_PROTO.items()}


def to_proto(endpoint: Endpoint) -> pb.WebhookEndpoint:
    return pb.WebhookEndpoint(
        id=endpoint.id,
        url=endpoint.url,
        channels=sorted(CHANNEL_TO_PROTO[channel] for channel in endpoint.channels),
        events=sorted(EVENT_TO_PROTO[event] for event in endpoint.events),
        created_at=to_timestamp(endpoint.created_at),
        archived_at=to_timestamp(endpoint.archived_at),
        gone=endpoint.gone,
    )


def events_from_proto(numbers: Iterable[int]) -> list[Event]:
    """InvalidInput: one is none, and which."""
    for position, number in enumerate(numbers):
        if number not in EVENT_FROM_PROTO:
            raise InvalidInput(f"there is no event {number}", ("events", str(position)))
    return [EVENT_FROM_PROTO[number] for number in numbers]


def state_from_proto(number: int) -> NotificationState:
    if number not in STATE_FROM_PROTO:
        raise InvalidInput("say which state", ("state",))
    return STATE_FROM_PROTO[number]


def happening_to_proto(happening: Happening) -> pb.Happening:
    return pb.Happening(
        id=happening.id,
        event=EVENT_TO_PROTO[happening.event],
        subject_id=happening.subject,
        customer_id=happening.customer,
        at=to_timestamp(happening.at),
        version=happening.version,
        former_ids=happening.formers,
    )


def happening_from_proto(message: pb.Happening) -> Happening:
    """InvalidInput: no event, or ids that are none."""
    if message.event not in EVENT_FROM_PROTO:
        raise InvalidInput("it says no event", ("event",))
    return Happening(
        id=message.id,
        event=EVENT_FROM_PROTO[message.event],
        subject=message.subject_id,
        at=from_timestamp(message.at, ("at",)),
        customer=message.customer_id or None,
        version=message.version if message.HasField("version") else None,
        formers=tuple(message.former_ids),
    )


def notification_to_proto(notification: Notification) -> pb.WebhookNotification:
    return pb.WebhookNotification(
        id=notification.id,
        endpoint_id=notification.endpoint,
        happening=happening_to_proto(notification.happening),
        sequence=notification.sequence,
        state=STATE_TO_PROTO[notification.state],
        attempts=notification.attempts,
        last_error=notification.last_error,
        queued_at=to_timestamp(notification.queued_at),
        sent_at=to_timestamp(notification.sent_at),
    )
