"""Makes notifications of what happened, one for each endpoint that wants its event."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from rundblick.customers.v1 import webhook_pb2 as pb

from chassis.caller import service_caller
from chassis.errors import Fault
from chassis.events import Read
from chassis.ids import new_id
from chassis.mongo import Session, in_transaction
from chassis.outbox import Entry, Outbox
from services.customers.stream.domain import DomainEvent, DomainEventKind
from services.customers.webhook.messages import happening_from_proto
from services.customers.webhook.notification import PREFIX, Event, Happening, Notification
from services.customers.webhook.repository import MongoEndpointRepository, MongoNotificationRepository

_CALLER = service_caller("customers")


class Notifying:
    def __init__(
        self,
        outbox: Outbox,
        endpoints: MongoEndpointRepository,
        notifications: MongoNotificationRepository,
        now: Callable[[], datetime],
    ) -> None:
        self._outbox = outbox
        self._endpoints = endpoints
        self._notifications = notifications
        self._now = now
        # Set when there may be something to tell.
        self.waker = asyncio.Event()

    async def deliver(self, told: Sequence[Entry]) -> Mapping[str, Fault]:
        """As the end of a relay: an entry leaves the outbox in the transaction in which its notifications are made."""

        async def work(session: Session) -> None:
            taken = await self._outbox.take(session, [entry.id for entry in told])
            said = [pb.Happening.FromString(entry.payload) for entry in told if entry.id in taken]
            await self.notify(session, list(map(happening_from_proto, said)))

        await in_transaction(self._outbox.database, work)
        self.waker.set()
        return {}

    async def record(self, happenings: Sequence[Happening]) -> None:
        """What another service says happened there; each once."""

        async def work(session: Session) -> None:
            await self.notify(session, happenings)

        await in_transaction(self._outbox.database, work)
        self.waker.set()

    async def notify(self, session: Session, happenings: Sequence[Happening]) -> None:
        """What was said before is known again by its id."""
        wanted = await self._endpoints.listening(_CALLER, session) if happenings else {}
        meant = [one for one in happenings if any(one.event in events for events in wanted.values())]
        if not meant:
            return
        known = await self._notifications.known(_CALLER, [one.id for one in meant], session)
        now = self._now()
        new = [
            Notification(new_id(PREFIX), endpoint, one, 0, now, now)
            for one in meant
            for endpoint, events in wanted.items()
            if one.event in events and (one.id, endpoint) not in known
        ]
        await self._notifications.add(_CALLER, new, session)

    def beside(self, read: Read[DomainEvent]) -> Read[DomainEvent]:
        """The same events; what endpoints want to know of them is told in the transaction in which they are read."""

        async def told(entries: Sequence[Entry], session: Session) -> Sequence[DomainEvent]:
            events = await read(entries, session)
            await self._changed(session, events, entries)
            return events

        return told

    async def _changed(self, session: Session, events: Sequence[DomainEvent], entries: Sequence[Entry]) -> None:
        customers = dict.fromkeys(
            event.customer for event in events if event.kind is DomainEventKind.CUSTOMER_CHANGED and event.customer
        )
        if not customers:
            return
        # Of all that was said together each customer changed once.
        first, at = entries[0].id, max(entry.at for entry in entries)
        said = [Happening(f"{first}/{id}", Event.CUSTOMER_CHANGED, id, at) for id in customers]
        await self.notify(session, said)
