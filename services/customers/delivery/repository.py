"""Where deliveries are kept: the collection is the queue."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReturnDocument

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_sources, some_ids
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.consent.domain import ConsentPurpose, ContactReason, Permission
from services.customers.consent.opt_in import token_hash
from services.customers.delivery.domain import Delivery, DeliveryState
from services.customers.touchpoint.domain import Channel

ORDER = (("queued_at", DESCENDING), ("_id", DESCENDING))
# Ids begin with the moment they were made.
BY_AGE = (("_id", ASCENDING),)
END = "unsubscribe"
_QUEUED = {"state": DeliveryState.QUEUED.value}
# Its words are still there.
_WORDED = {"text": {"$gt": ""}}


class MongoDeliveryRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._deliveries = database["deliveries"]
        self._former = database["former_customers"]

    async def ensure_indexes(self) -> None:
        create = self._deliveries.create_index
        await create([("customer", ASCENDING), *ORDER], name="customer")
        await create([("source_record", ASCENDING), ("customer", ASCENDING)], name="record")
        await create([("state", ASCENDING), *BY_AGE], name="state")
        await create(
            [("channel", ASCENDING), ("next_at", ASCENDING)], name="due", partialFilterExpression=dict(_QUEUED)
        )
        await create([("expires_at", ASCENDING)], name="expiry", partialFilterExpression=dict(_QUEUED))
        await create([("next_at", ASCENDING)], name="worded", partialFilterExpression=dict(_WORDED))
        await create(
            [("source", ASCENDING), ("external_id", ASCENDING)],
            name="external_id",
            unique=True,
            partialFilterExpression={"external_id": {"$gt": ""}},
        )
        await create(
            [("end_hash", ASCENDING)],
            name="end",
            unique=True,
            partialFilterExpression={"end_hash": {"$exists": True}},
        )

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Delivery]:
        wanted = {"_id": {"$in": list(ids)}, **of_sources(caller)}
        documents = self._deliveries.find(wanted, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: from_document(document) async for document in documents}

    async def of_external_ids(
        self, caller: Caller, source: str, external_ids: Iterable[str], session: Session | None = None
    ) -> dict[str, Delivery]:
        # The condition of the index is said, so that it is used.
        wanted = {"source": source, "external_id": {"$in": list(external_ids), "$gt": ""}}
        documents = self._deliveries.find({"$and": [wanted, of_sources(caller)]}, session=session, batch_size=ONE_REPLY)
        return {document["external_id"]: from_document(document) async for document in documents}

    async def pages(self, caller: Caller, customers: Sequence[str], page: Page) -> dict[str, Slice[Delivery]]:
        """One page of each customer's, newest first, with one command; a former id shows the present one's."""
        pipeline: list[Document] = [
            {"$documents": [{"_id": customer} for customer in dict.fromkeys(customers)]},
            {"$lookup": {"from": self._former.name, "localField": "_id", "foreignField": "_id", "as": "former"}},
            {"$set": {"present": {"$ifNull": [{"$first": "$former.into"}, "$_id"]}}},
            {
                "$lookup": {
                    "from": self._deliveries.name,
                    "localField": "present",
                    "foreignField": "customer",
                    "pipeline": [
                        {"$match": {"$and": [{}, of_sources(caller), keyset_filter(ORDER, page)]}},
                        {"$sort": dict(keyset_sort(ORDER, page))},
                        {"$limit": page.size + 1},
                    ],
                    "as": "found",
                }
            },
        ]
        slices: dict[str, Slice[Delivery]] = {}
        async for document in self._database.aggregate(pipeline, batchSize=ONE_REPLY):
            found = document["found"]
            places = [(one["queued_at"], one["_id"]) for one in found]
            slices[document["_id"]] = slice_of([from_document(one) for one in found], places, page)
        return slices

    async def in_state(self, caller: Caller, state: DeliveryState, page: Page) -> Slice[Delivery]:
        wanted = {"state": state.value, **of_sources(caller)}
        documents = await (
            self._deliveries.find({"$and": [wanted, keyset_filter(BY_AGE, page)]})
            .sort(keyset_sort(BY_AGE, page))
            .limit(page.size + 1)
        ).to_list(page.size + 1)
        return slice_of([from_document(one) for one in documents], [(one["_id"],) for one in documents], page)

    async def of_end(self, caller: Caller, token: str, session: Session) -> Delivery | None:
        """The one whose link to end such messages has this token."""
        document = await self._deliveries.find_one({"end_hash": token_hash(token)}, session=session)
        return None if document is None else from_document(document)

    async def add(self, caller: Caller, deliveries: Sequence[Delivery], session: Session) -> None:
        if deliveries:
            await self._deliveries.insert_many([to_document(one) for one in deliveries], session=session)

    async def oldest(self, caller: Caller) -> datetime | None:
        """Since when the one waits that waits longest."""
        found = await self._deliveries.find_one(dict(_QUEUED), {"queued_at": 1}, sort=[("_id", ASCENDING)])
        return None if found is None else found["queued_at"]

    async def expire(self, caller: Caller, now: datetime) -> None:
        """Those that were not sent in time are given up, but for what is being sent."""
        await self._deliveries.update_many(
            {**_QUEUED, "expires_at": {"$lte": now}, "next_at": {"$lte": now}},
            {"$set": {"state": DeliveryState.FAILED.value, "last_error": "it was not sent in time", "next_at": now}},
        )

    async def forget(self, caller: Caller, before: datetime, size: int) -> int:
        """What those said of which nothing more became since then, at most so many; answers how many."""
        old = {**_WORDED, "next_at": {"$lte": before}, "state": {"$ne": DeliveryState.QUEUED.value}}
        found = self._deliveries.find(old, {"_id": 1}).sort("next_at", ASCENDING).hint("worded").limit(size)
        ids = [document["_id"] for document in await found.to_list(size)]
        if ids:
            # Somebody may have it sent again at this moment.
            await self._deliveries.update_many(
                {"_id": {"$in": ids}, "state": old["state"]},
                {"$set": {"text": "", "subject": None, "html": None, "tokens": {}}},
            )
        return len(ids)

    async def claim(
        self, caller: Caller, channels: Iterable[Channel], now: datetime, until: datetime
    ) -> Delivery | None:
        """The one that is due longest, for whoever asks alone until then; whoever is killed leaves it to others."""
        document = await self._deliveries.find_one_and_update(
            {**_QUEUED, "channel": {"$in": [one.value for one in channels]}, "next_at": {"$lte": now}},
            {"$set": {"next_at": until}},
            sort=[("next_at", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else from_document(document)

    async def settle(self, caller: Caller, claimed: Delivery, after: Delivery, session: Session | None = None) -> bool:
        """What became of one that was claimed. False: it took too long, and somebody else claimed it since."""
        known = {"_id": claimed.id, "next_at": claimed.next_at, **_QUEUED}
        done = await self._deliveries.update_one(known, {"$set": _progress(after)}, session=session)
        return done.modified_count == 1

    async def save(self, caller: Caller, delivery: Delivery, session: Session) -> None:
        await self._deliveries.update_one({"_id": delivery.id}, {"$set": _progress(delivery)}, session=session)

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All deliveries of a source record to whom the record belongs."""
        await self._deliveries.update_many(
            {"source_record": record, "customer": {"$ne": customer}}, {"$set": {"customer": customer}}, session=session
        )

    async def some(self, caller: Caller, after: str | None, size: int) -> list[Delivery]:
        """The next deliveries in the order of their ids; without a place to start any, by chance."""
        ids = await some_ids(self._deliveries, after, size)
        found = await self.of_ids(caller, ids)
        return [found[id] for id in ids if id in found]


def _progress(delivery: Delivery) -> Document:
    """The part that changes: whose it is changes by merges, at the same time."""
    return {
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "next_at": delivery.next_at,
        "expires_at": delivery.expires_at,
        "last_error": delivery.last_error,
        "refusal": _refusal_to_document(delivery.refusal),
        "sent_at": delivery.sent_at,
        "tokens": dict(delivery.tokens),
    }


def to_document(delivery: Delivery) -> Document:
    document = {
        "_id": delivery.id,
        "customer": delivery.customer,
        "source_record": delivery.source_record,
        "channel": delivery.channel.value,
        "address": delivery.address,
        "purpose": delivery.purpose.value if delivery.purpose is not None else None,
        "subject": delivery.subject,
        "text": delivery.text,
        "html": delivery.html,
        "language": delivery.language,
        "reference": delivery.reference,
        "source": delivery.source,
        "team": delivery.team,
        "owner": delivery.owner,
        "external_id": delivery.external_id,
        "queued_at": delivery.queued_at,
        **_progress(delivery),
    }
    # Left out where there is none: its index is unique.
    return {**document, "end_hash": token_hash(delivery.tokens[END])} if END in delivery.tokens else document


def from_document(document: Mapping[str, Any]) -> Delivery:
    return Delivery(
        id=document["_id"],
        channel=Channel(document["channel"]),
        text=document["text"],
        source=document["source"],
        queued_at=document["queued_at"],
        expires_at=document["expires_at"],
        next_at=document["next_at"],
        customer=document["customer"],
        source_record=document["source_record"],
        address=document["address"],
        purpose=ConsentPurpose(document["purpose"]) if document["purpose"] is not None else None,
        subject=document["subject"],
        html=document["html"],
        language=document["language"],
        reference=document["reference"],
        external_id=document["external_id"],
        tokens=document["tokens"],
        team=document["team"],
        owner=document["owner"],
        state=DeliveryState(document["state"]),
        attempts=document["attempts"],
        last_error=document["last_error"],
        refusal=_refusal_from_document(document["refusal"]),
        sent_at=document["sent_at"],
    )


def _refusal_to_document(refusal: Permission | None) -> Document | None:
    if refusal is None:
        return None
    channel = refusal.channel.value if refusal.channel is not None else None
    return {
        "reason": refusal.reason.value,
        "channel": channel,
        "purpose": refusal.purpose.value,
        "since": refusal.since,
    }


def _refusal_from_document(document: Document | None) -> Permission | None:
    if document is None:
        return None
    channel = Channel(document["channel"]) if document["channel"] is not None else None
    return Permission(
        False, ContactReason(document["reason"]), channel, ConsentPurpose(document["purpose"]), since=document["since"]
    )
