"""Where webhook endpoints are kept, and what they are told: that collection is the queue."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, ReturnDocument

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, documents_after
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.touchpoint.domain import Channel
from services.customers.webhook.domain import Endpoint
from services.customers.webhook.notification import KEPT, Event, Happening, Notification, NotificationState

OWN_SOURCE = "rundblick"
# Ids grow with the time they were made.
ORDER = (("_id", ASCENDING),)
_QUEUED = {"state": NotificationState.QUEUED.value}


class MongoEndpointRepository:
    """Endpoints are the company's own: partners do not see them."""

    def __init__(self, database: Database) -> None:
        self._endpoints = database["webhook_endpoints"]

    async def ensure_indexes(self) -> None:
        await self._endpoints.create_index(
            [("channels", ASCENDING)],
            name="carried",
            unique=True,
            # Those that carry nothing do not get in each other's way.
            partialFilterExpression={"active": True, "channels": {"$gt": ""}},
        )
        await self._endpoints.create_index(
            [("active", ASCENDING)], name="active", partialFilterExpression={"active": True}
        )

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Endpoint]:
        if caller.sources is not None:
            return {}
        documents = self._endpoints.find({"_id": {"$in": list(ids)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in documents}

    async def page(self, caller: Caller, page: Page) -> Slice[Endpoint]:
        if caller.sources is not None:
            return slice_of([], [], page)
        documents = await (
            self._endpoints.find(keyset_filter(ORDER, page)).sort(keyset_sort(ORDER, page)).limit(page.size + 1)
        ).to_list(page.size + 1)
        boundaries = [(document["_id"],) for document in documents]
        return slice_of([_from_document(document) for document in documents], boundaries, page)

    async def active(self, caller: Caller) -> dict[Channel, Endpoint]:
        """Who carries what today."""
        documents = self._endpoints.find({"active": True}, batch_size=ONE_REPLY)
        endpoints = [_from_document(document) async for document in documents]
        return {channel: endpoint for endpoint in endpoints for channel in endpoint.channels}

    async def listening(self, caller: Caller, session: Session) -> dict[str, frozenset[Event]]:
        """Id -> the events that an endpoint wants to be told of today, of those that want any."""
        documents = self._endpoints.find({"active": True}, {"events": 1}, session=session, batch_size=ONE_REPLY)
        wanted = {one["_id"]: frozenset(map(Event, one.get("events", ()))) async for one in documents}
        return {id: events for id, events in wanted.items() if events}

    async def secrets(self, caller: Caller, after: str, size: int) -> dict[str, str]:
        """Id -> the secret as it is kept, of the next ones in the order of ids."""
        return {one["_id"]: one["secret"] for one in await documents_after(self._endpoints, after, size)}

    async def seal(self, caller: Caller, id: str, before: str, after: str) -> None:
        """Unless it is another one since."""
        await self._endpoints.update_one({"_id": id, "secret": before}, {"$set": {"secret": after}})

    async def taken(self, caller: Caller, channels: Iterable[Channel], session: Session) -> bool:
        # The condition of the index is said, so that it is used.
        wanted = {"active": True, "channels": {"$in": [channel.value for channel in channels], "$gt": ""}}
        return await self._endpoints.find_one(wanted, {"_id": 1}, session=session) is not None

    async def save(self, caller: Caller, endpoint: Endpoint, session: Session | None = None) -> None:
        await self._endpoints.replace_one({"_id": endpoint.id}, _to_document(endpoint), upsert=True, session=session)


class MongoNotificationRepository:
    """Like endpoints they are the company's own: partners do not see them."""

    def __init__(self, database: Database) -> None:
        self._notifications = database["webhook_notifications"]
        self._counters = database["counters"]

    async def ensure_indexes(self) -> None:
        create = self._notifications.create_index
        await create([("next_at", ASCENDING)], name="due", partialFilterExpression=dict(_QUEUED))
        await create([("happening", ASCENDING), ("endpoint", ASCENDING)], name="once", unique=True)
        await create([("state", ASCENDING), *ORDER], name="state")
        await create([("endpoint", ASCENDING), ("state", ASCENDING), *ORDER], name="endpoint")
        await create("until", name="expiry", expireAfterSeconds=0)

    async def known(self, caller: Caller, happenings: Iterable[str], session: Session) -> set[tuple[str, str]]:
        """(happening, endpoint) of those that are there already."""
        wanted = {"happening": {"$in": list(happenings)}}
        fields = {"happening": 1, "endpoint": 1}
        documents = self._notifications.find(wanted, fields, session=session, batch_size=ONE_REPLY)
        return {(document["happening"], document["endpoint"]) async for document in documents}

    async def add(self, caller: Caller, notifications: Sequence[Notification], session: Session) -> None:
        """Each takes the next place of its endpoint. Whoever adds holds the places until the session commits."""
        if not notifications:
            return
        places: dict[str, int] = {}
        for endpoint in sorted({one.endpoint for one in notifications}):
            count = sum(one.endpoint == endpoint for one in notifications)
            counter = await self._counters.find_one_and_update(
                {"_id": f"webhook:{endpoint}"},
                {"$inc": {"last": count}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
                session=session,
            )
            places[endpoint] = counter["last"] - count
        placed = []
        for one in notifications:
            places[one.endpoint] += 1
            placed.append(replace(one, sequence=places[one.endpoint]))
        await self._notifications.insert_many(list(map(_notification_document, placed)), ordered=False, session=session)

    async def of_id(self, caller: Caller, id: str, session: Session) -> Notification | None:
        if caller.sources is not None:
            return None
        document = await self._notifications.find_one({"_id": id}, session=session)
        return None if document is None else _notification(document)

    async def page(
        self, caller: Caller, state: NotificationState, endpoint: str | None, page: Page
    ) -> Slice[Notification]:
        if caller.sources is not None:
            return slice_of([], [], page)
        wanted = {"state": state.value} if endpoint is None else {"state": state.value, "endpoint": endpoint}
        documents = await (
            self._notifications.find({"$and": [wanted, keyset_filter(ORDER, page)]})
            .sort(keyset_sort(ORDER, page))
            .limit(page.size + 1)
        ).to_list(page.size + 1)
        return slice_of(list(map(_notification, documents)), [(one["_id"],) for one in documents], page)

    async def claim(
        self, caller: Caller, now: datetime, until: datetime, but: Collection[str] = ()
    ) -> Notification | None:
        """The one that is due longest, for whoever asks alone until then. but: endpoints that are left alone."""
        document = await self._notifications.find_one_and_update(
            {**_QUEUED, "next_at": {"$lte": now}, "endpoint": {"$nin": sorted(but)}},
            {"$set": {"next_at": until}},
            sort=[("next_at", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _notification(document)

    async def settle(self, caller: Caller, claimed: Notification, after: Notification) -> None:
        """What became of one that was claimed, unless somebody else claimed it since."""
        known = {"_id": claimed.id, "next_at": claimed.next_at, **_QUEUED}
        await self._notifications.update_one(known, {"$set": _progress(after)})

    async def save(self, caller: Caller, notification: Notification, session: Session) -> None:
        await self._notifications.update_one(
            {"_id": notification.id}, {"$set": _progress(notification)}, session=session
        )


def _to_document(endpoint: Endpoint) -> Document:
    return {
        "_id": endpoint.id,
        "url": endpoint.url,
        "channels": sorted(channel.value for channel in endpoint.channels),
        "events": sorted(event.value for event in endpoint.events),
        "secret": endpoint.secret,
        "created_at": endpoint.created_at,
        "archived_at": endpoint.archived_at,
        "gone": endpoint.gone,
        "active": endpoint.archived_at is None,
        "source": OWN_SOURCE,
        "team": None,
        "owner": None,
    }


def _from_document(document: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        id=document["_id"],
        url=document["url"],
        channels=frozenset(map(Channel, document["channels"])),
        events=frozenset(map(Event, document.get("events", ()))),
        secret=document["secret"],
        created_at=document["created_at"],
        archived_at=document["archived_at"],
        gone=document["gone"],
    )


def _progress(one: Notification) -> Document:
    # What waits is kept for as long as it waits.
    over = one.state is not NotificationState.QUEUED
    return {
        "state": one.state.value,
        "attempts": one.attempts,
        "next_at": one.next_at,
        "last_error": one.last_error,
        "sent_at": one.sent_at,
        "until": one.next_at + KEPT if over else None,
    }


def _notification_document(one: Notification) -> Document:
    happening = one.happening
    return {
        "_id": one.id,
        "endpoint": one.endpoint,
        "happening": happening.id,
        "event": happening.event.value,
        "subject": happening.subject,
        "customer": happening.customer,
        "version": happening.version,
        "formers": list(happening.formers),
        "at": happening.at,
        "sequence": one.sequence,
        "queued_at": one.queued_at,
        **_progress(one),
        "source": OWN_SOURCE,
        "team": None,
        "owner": None,
    }


def _notification(document: Mapping[str, Any]) -> Notification:
    happening = Happening(
        id=document["happening"],
        event=Event(document["event"]),
        subject=document["subject"],
        at=document["at"],
        customer=document["customer"],
        version=document["version"],
        formers=tuple(document["formers"]),
    )
    return Notification(
        id=document["_id"],
        endpoint=document["endpoint"],
        happening=happening,
        sequence=document["sequence"],
        queued_at=document["queued_at"],
        next_at=document["next_at"],
        state=NotificationState(document["state"]),
        attempts=document["attempts"],
        last_error=document["last_error"],
        sent_at=document["sent_at"],
    )
