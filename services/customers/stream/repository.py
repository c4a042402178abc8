"""Where domain events are kept, for some days, by their place in the one order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, ReturnDocument

from chassis.caller import Caller
from chassis.errors import CursorExpired
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_sources
from services.customers.stream.domain import DomainEvent, DomainEventKind, Numbered, Wanted

_COUNTER = "domain_events"


class MongoEventRepository:
    def __init__(self, database: Database) -> None:
        self._events = database["domain_events"]
        self._counters = database["counters"]

    async def ensure_indexes(self) -> None:
        # Not for each kind: what is wanted of all customers and touchpoints is read in the order of the events itself.
        for field in ("customer", "touchpoint"):
            await self._events.create_index(
                [(field, ASCENDING), ("_id", ASCENDING)], name=field, partialFilterExpression={field: {"$gt": ""}}
            )
        await self._events.create_index("until", expireAfterSeconds=0, name="expiry")

    async def add(self, caller: Caller, events: Sequence[DomainEvent], until: datetime, session: Session) -> None:
        """They take the next places. The counter is a lock: whoever reads a place reads all before it."""
        if not events:
            return
        counter = await self._counters.find_one_and_update(
            {"_id": _COUNTER},
            {"$inc": {"last": len(events)}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        first = counter["last"] - len(events) + 1
        documents = [_to_document(place, event, until) for place, event in enumerate(events, first)]
        await self._events.insert_many(documents, ordered=False, session=session)

    async def last(self, caller: Caller) -> int:
        """The place of the newest event; 0 before there is any."""
        counter = await self._counters.find_one({"_id": _COUNTER})
        return counter["last"] if counter is not None else 0

    async def between(self, caller: Caller, after: int, until: int) -> list[Numbered]:
        """All events after the one place and up to the other."""
        found = self._events.find({"_id": {"$gt": after, "$lte": until}}, batch_size=ONE_REPLY).sort("_id", ASCENDING)
        return [_from_document(document) async for document in found]

    async def since(self, caller: Caller, wanted: Wanted, after: int, most: int) -> tuple[list[Numbered], int]:
        """The next that are wanted and that the caller's sources cover, and the place up to which these are all.

        CursorExpired: not all of them are kept any more.
        """
        last = await self.last(caller)
        condition = _condition(wanted) | {"_id": {"$gt": after, "$lte": last}} | of_sources(caller, "sources")
        documents = await self._events.find(condition).sort("_id", ASCENDING).limit(most).to_list(most)
        # Asked afterwards: had one been deleted before the others were read, it shows now.
        oldest = await self._events.find_one({}, {"_id": 1}, sort=[("_id", ASCENDING)])
        if not (oldest["_id"] - 1 if oldest is not None else last) <= after <= last:
            raise CursorExpired("not all that came after this cursor is kept any more", ("after",))
        return [_from_document(one) for one in documents], documents[-1]["_id"] if len(documents) == most else last


def _condition(wanted: Wanted) -> Document:
    condition: dict[str, Any] = {"kind": wanted.kind.value}
    if wanted.asked is not None:
        condition["customer"] = {"$in": sorted(wanted.customers)}
    if wanted.touchpoint is not None:
        condition["touchpoint"] = wanted.touchpoint
    return condition


def _to_document(place: int, event: DomainEvent, until: datetime) -> Document:
    return {
        "_id": place,
        "kind": event.kind.value,
        "customer": event.customer,
        "interaction": event.interaction,
        "touchpoint": event.touchpoint,
        "employee": event.employee,
        "sources": sorted(event.sources),
        "until": until,
    }


def _from_document(document: Document) -> Numbered:
    return Numbered(
        document["_id"],
        DomainEvent(
            kind=DomainEventKind(document["kind"]),
            customer=document["customer"],
            interaction=document["interaction"],
            touchpoint=document["touchpoint"],
            employee=document["employee"],
            sources=frozenset(document["sources"]),
        ),
    )
