"""Answers WebhookService calls."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import webhook_pb2 as pb
from rundblick.customers.v1 import webhook_pb2_grpc

from chassis.caller import current_caller
from chassis.errors import InvalidInput
from chassis.idempotency import Writes
from chassis.ids import new_id
from chassis.mongo import Session
from chassis.page import encode_cursor, page_info, page_of
from services.customers.batches import LARGEST_BATCH
from services.customers.consent.messages import channel_from_proto
from services.customers.touchpoint.domain import Channel
from services.customers.webhook import messages
from services.customers.webhook.domain import PREFIX, ChannelTaken, EndpointNotFound, registered
from services.customers.webhook.messages import to_proto
from services.customers.webhook.notification import EndpointArchived, NotificationNotFound
from services.customers.webhook.notifying import Notifying
from services.customers.webhook.repository import MongoEndpointRepository, MongoNotificationRepository
from services.customers.webhook.sealing import Sealing


class WebhookServicer(webhook_pb2_grpc.WebhookServiceServicer):
    """carried: the channels on which something is sent. production: URLs must lead to the internet, encrypted."""

    def __init__(
        self,
        endpoints: MongoEndpointRepository,
        notifications: MongoNotificationRepository,
        notifying: Notifying,
        writes: Writes,
        carried: frozenset[Channel],
        now: Callable[[], datetime],
        sealing: Sealing,
        *,
        production: bool,
    ) -> None:
        self._endpoints = endpoints
        self._notifications = notifications
        self._notifying = notifying
        self._writes = writes
        self._carried = carried
        self._now = now
        self._sealing = sealing
        self._production = production

    async def CreateWebhookEndpoint(
        self, request: pb.CreateWebhookEndpointRequest, context: Any
    ) -> pb.CreateWebhookEndpointResponse:
        caller = current_caller()
        channels = [channel_from_proto(number) for number in request.channels]
        events = messages.events_from_proto(request.events)
        endpoint = registered(
            new_id(PREFIX), request.url, channels, events, self._carried, self._now(), production=self._production
        )
        kept = replace(endpoint, secret=self._sealing.sealed(endpoint.secret))

        async def create(session: Session) -> pb.CreateWebhookEndpointResponse:
            if await self._endpoints.taken(caller, endpoint.channels, session):
                raise ChannelTaken
            await self._endpoints.save(caller, kept, session)
            return pb.CreateWebhookEndpointResponse(endpoint=to_proto(endpoint))

        response = await self._writes.run(caller, request, pb.CreateWebhookEndpointResponse, create)
        # Added afterwards: what a repetition is answered from is kept for days, and must not hold it.
        if response.endpoint.id == endpoint.id:
            response.secret = endpoint.secret
        return response

    async def ArchiveWebhookEndpoint(
        self, request: pb.ArchiveWebhookEndpointRequest, context: Any
    ) -> pb.ArchiveWebhookEndpointResponse:
        caller = current_caller()

        async def archive(session: Session) -> pb.ArchiveWebhookEndpointResponse:
            found = await self._endpoints.of_ids(caller, [request.id], session)
            if request.id not in found:
                raise EndpointNotFound(request.id)
            endpoint = found[request.id].archived(self._now())
            await self._endpoints.save(caller, endpoint, session)
            return pb.ArchiveWebhookEndpointResponse(endpoint=to_proto(endpoint))

        return await self._writes.run(caller, request, pb.ArchiveWebhookEndpointResponse, archive)

    async def ListWebhookEndpoints(
        self, request: pb.ListWebhookEndpointsRequest, context: Any
    ) -> pb.ListWebhookEndpointsResponse:
        part = await self._endpoints.page(current_caller(), page_of(request.page, [str]))
        edges = [
            pb.WebhookEndpointEdge(cursor=encode_cursor(boundary), node=to_proto(endpoint))
            for endpoint, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListWebhookEndpointsResponse(edges=edges, page_info=page_info(part))

    async def RecordHappenings(self, request: pb.RecordHappeningsRequest, context: Any) -> pb.RecordHappeningsResponse:
        if len(request.happenings) > LARGEST_BATCH:
            raise InvalidInput(f"at most {LARGEST_BATCH} at once", ("happenings",))
        happenings = list(map(messages.happening_from_proto, request.happenings))
        await self._notifying.record(happenings)
        return pb.RecordHappeningsResponse()

    async def ListWebhookNotifications(
        self, request: pb.ListWebhookNotificationsRequest, context: Any
    ) -> pb.ListWebhookNotificationsResponse:
        state = messages.state_from_proto(request.state)
        page = page_of(request.page, [str])
        part = await self._notifications.page(current_caller(), state, request.endpoint_id or None, page)
        edges = [
            pb.WebhookNotificationEdge(
                cursor=encode_cursor(boundary), node=messages.notification_to_proto(notification)
            )
            for notification, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListWebhookNotificationsResponse(edges=edges, page_info=page_info(part))

    async def RedeliverWebhookNotification(
        self, request: pb.RedeliverWebhookNotificationRequest, context: Any
    ) -> pb.RedeliverWebhookNotificationResponse:
        caller = current_caller()

        async def again(session: Session) -> pb.RedeliverWebhookNotificationResponse:
            found = await self._notifications.of_id(caller, request.id, session)
            if found is None:
                raise NotificationNotFound(request.id)
            endpoint = (await self._endpoints.of_ids(caller, [found.endpoint], session)).get(found.endpoint)
            if endpoint is None or endpoint.archived_at is not None:
                raise EndpointArchived(found.endpoint)
            notification = found.again(self._now())
            await self._notifications.save(caller, notification, session)
            return pb.RedeliverWebhookNotificationResponse(notification=messages.notification_to_proto(notification))

        response = await self._writes.run(caller, request, pb.RedeliverWebhookNotificationResponse, again)
        self._notifying.waker.set()
        return response
