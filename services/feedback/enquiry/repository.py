"""Where enquiries and their messages are kept."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReplaceOne

from chassis.caller import Caller, Reach
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_rows, of_sources, visible_to
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.feedback.enquiry.documents import (
    from_document,
    message_from_document,
    message_to_document,
    to_document,
)
from services.feedback.enquiry.domain.facts import Enquiry, Message, StaleVersion, Visibility
from services.feedback.enquiry.domain.notes import sees_notes

Order = tuple[tuple[str, int], ...]

NEWEST: Order = (("opened_at", DESCENDING), ("_id", DESCENDING))
OLDEST: Order = (("opened_at", ASCENDING), ("_id", ASCENDING))
WAITING_LONGEST: Order = (("waiting_since", ASCENDING), ("_id", ASCENDING))
DUE: Order = (("next_due", ASCENDING), ("_id", ASCENDING))
OF_MESSAGES: Order = (("occurred_at", ASCENDING), ("_id", ASCENDING))

_WAITING: Document = {"waiting_since": {"$exists": True}}
# Orders that hold only what has their first field, and the index of that: few are in it, whatever else is asked.
_PARTIAL = {WAITING_LONGEST: "waiting", DUE: "due"}


class MongoEnquiryRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._enquiries = database["enquiries"]
        self._messages = database["messages"]

    async def ensure_indexes(self) -> None:
        await self._enquiries.create_index(list(NEWEST), name="newest")
        for field in ("customer", "source", "team", "owner", "touchpoint", "status", "priority", "words"):
            await self._enquiries.create_index([(field, ASCENDING), *NEWEST], name=field)
        for field in ("category", "service"):
            await self._enquiries.create_index(
                [(field, ASCENDING), *NEWEST], name=field, partialFilterExpression={field: {"$gt": ""}}
            )
        await self._enquiries.create_index(
            [("source_record", ASCENDING), ("customer", ASCENDING)],
            name="record",
            partialFilterExpression={"source_record": {"$gt": ""}},
        )
        await self._enquiries.create_index(
            list(WAITING_LONGEST), name="waiting", partialFilterExpression={"waiting_since": {"$exists": True}}
        )
        await self._enquiries.create_index(
            list(DUE), name="due", partialFilterExpression={"next_due": {"$exists": True}}
        )
        await self._enquiries.create_index(
            "next_look", name="look", partialFilterExpression={"next_look": {"$exists": True}}
        )
        await self._enquiries.create_index(
            [("source", ASCENDING), ("external_id", ASCENDING)],
            name="external_id",
            unique=True,
            # Not $type: that is not seen to hold for an $in of strings, and all documents would be read.
            partialFilterExpression={"external_id": {"$gt": ""}},
        )
        await self._messages.create_index([("enquiry", ASCENDING), *OF_MESSAGES], name="conversation")
        await self._messages.create_index(
            "merged_from", name="merged_from", partialFilterExpression={"merged_from": {"$gt": ""}}
        )

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Enquiry]:
        documents = self._enquiries.find(
            {"_id": {"$in": list(ids)}, **visible_to(caller)}, session=session, batch_size=ONE_REPLY
        )
        return {document["_id"]: from_document(document) async for document in documents}

    async def of_external_ids(
        self, caller: Caller, source: str, external_ids: Iterable[str], session: Session
    ) -> dict[str, Enquiry]:
        documents = self._enquiries.find(
            {"$and": [{"source": source, "external_id": {"$in": list(external_ids)}}, visible_to(caller)]},
            session=session,
            batch_size=ONE_REPLY,
        )
        return {document["external_id"]: from_document(document) async for document in documents}

    async def messages_of(
        self, caller: Caller, enquiries: Sequence[str], session: Session, *, bodies: bool = False
    ) -> dict[str, list[Message]]:
        """All messages of each enquiry; without their bodies where only the facts matter."""
        found: dict[str, list[Message]] = {id: [] for id in enquiries}
        if enquiries:
            async for document in self._messages.find(
                {"enquiry": {"$in": list(enquiries)}},
                None if bodies else {"body": 0},
                session=session,
                batch_size=ONE_REPLY,
            ):
                found[document["enquiry"]].append(message_from_document(document))
        return found

    async def messages_of_ids(self, caller: Caller, ids: Sequence[str], session: Session) -> dict[str, Message]:
        """Without their bodies."""
        found = self._messages.find({"_id": {"$in": list(ids)}}, {"body": 0}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: message_from_document(document) async for document in found}

    async def messages_merged_from(
        self, caller: Caller, enquiries: Sequence[str], session: Session
    ) -> dict[str, list[Message]]:
        """What was written in enquiries that were merged into others, with its bodies."""
        found: dict[str, list[Message]] = {id: [] for id in enquiries}
        if enquiries:
            async for document in self._messages.find(
                {"merged_from": {"$in": list(enquiries)}}, session=session, batch_size=ONE_REPLY
            ):
                found[document["merged_from"]].append(message_from_document(document))
        return found

    async def page(
        self, caller: Caller, page: Page, order: Order, filter: Mapping[str, Any], *, waiting: bool | None = None
    ) -> Slice[Enquiry]:
        condition: Document = {**filter}
        if waiting is False:
            condition["waiting_since"] = {"$exists": False}
        elif waiting:
            condition |= _WAITING
        wanted = [condition, visible_to(caller), keyset_filter(order, page)]
        if order in _PARTIAL:
            found = self._enquiries.find({"$and": [{order[0][0]: {"$exists": True}}, *wanted]}).hint(_PARTIAL[order])
        else:
            found = self._enquiries.find({"$and": wanted})
        documents = await found.sort(keyset_sort(order, page)).limit(page.size + 1).to_list(page.size + 1)
        return _slice(documents, order, page)

    async def pages_of_customers(
        self, caller: Caller, customers: Sequence[str], page: Page, filter: Mapping[str, Any], waiting: bool | None
    ) -> dict[str, Slice[Enquiry]]:
        """One page of each customer's enquiries, newest first, with one command."""
        condition: Document = {**filter}
        if waiting is not None:
            condition["waiting_since"] = {"$exists": waiting}
        seen = visible_to(caller)
        found = await self._per_parent("enquiries", "customer", customers, NEWEST, page, condition, seen)
        return {id: _slice(documents, NEWEST, page) for id, documents in found.items()}

    async def pages_of_messages(
        self, caller: Caller, enquiries: Sequence[str], page: Page
    ) -> dict[str, Slice[Message]]:
        """One page of each enquiry's messages, oldest first, with one command, and one more where rows are limited."""
        seen = await self.seen(caller, enquiries)
        public: Document = {} if sees_notes(caller) else {"visibility": Visibility.PUBLIC.value}
        found = await self._per_parent("messages", "enquiry", seen, OF_MESSAGES, page, public, of_sources(caller))
        # As of one that does not exist.
        found |= {id: [] for id in enquiries if id not in found}
        return {
            id: slice_of(
                [message_from_document(document) for document in documents],
                [(document["occurred_at"], document["_id"]) for document in documents],
                page,
            )
            for id, documents in found.items()
        }

    async def seen(self, caller: Caller, ids: Sequence[str]) -> Sequence[str]:
        """Whose rows the caller sees. Messages and what belongs to them are seen by whoever sees the enquiry."""
        if caller.rows is Reach.ALL:
            return ids
        found = self._enquiries.find({"_id": {"$in": list(ids)}, **of_rows(caller)}, {"_id": 1}, batch_size=ONE_REPLY)
        return [document["_id"] async for document in found]

    async def _per_parent(
        self,
        collection: str,
        field: str,
        parents: Sequence[str],
        order: Order,
        page: Page,
        condition: Mapping[str, Any],
        seen: Document,
    ) -> dict[str, list[Document]]:
        pipeline: list[Document] = [
            {"$documents": [{"_id": parent} for parent in dict.fromkeys(parents)]},
            {
                "$lookup": {
                    "from": collection,
                    "localField": "_id",
                    "foreignField": field,
                    "pipeline": [
                        {"$match": {"$and": [dict(condition), seen, keyset_filter(order, page)]}},
                        {"$sort": dict(keyset_sort(order, page))},
                        {"$limit": page.size + 1},
                    ],
                    "as": "found",
                }
            },
        ]
        return {
            document["_id"]: document["found"]
            async for document in self._database.aggregate(pipeline, batchSize=ONE_REPLY)
        }

    async def add(self, caller: Caller, enquiries: Sequence[Enquiry], session: Session) -> None:
        if enquiries:
            await self._enquiries.insert_many(map(to_document, enquiries), ordered=False, session=session)

    async def save(self, caller: Caller, enquiry: Enquiry, session: Session, *, made_from: int | None = None) -> None:
        """made_from: the version it was read with; None: the one before. StaleVersion: somebody changed it since."""
        before = enquiry.version - 1 if made_from is None else made_from
        done = await self._enquiries.replace_one(
            {"_id": enquiry.id, "version": before}, to_document(enquiry), session=session
        )
        if done.matched_count != 1:
            raise StaleVersion(enquiry.id, enquiry.version, before)

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All enquiries that came in for a source record to whom it belongs."""
        await self._enquiries.update_many(
            {"source_record": record, "customer": {"$ne": customer}}, {"$set": {"customer": customer}}, session=session
        )

    async def give_messages(self, caller: Caller, enquiry: str, record: str, session: Session) -> None:
        """All messages that came in for nobody known to the source record of whose they turned out to be."""
        await self._messages.update_many(
            {"enquiry": enquiry, "source_record": None}, {"$set": {"source_record": record}}, session=session
        )

    async def move_messages(self, caller: Caller, enquiries: Sequence[str], into: Enquiry, session: Session) -> None:
        """Each keeps the record it came in for, and where it was written."""
        await self._messages.update_many(
            {"enquiry": {"$in": list(enquiries)}},
            [
                {
                    "$set": {
                        "enquiry": into.id,
                        "merged_from": {"$ifNull": ["$merged_from", "$enquiry"]},
                        "source_record": {"$ifNull": ["$source_record", into.source_record]},
                    }
                }
            ],
            session=session,
        )

    async def after(self, caller: Caller, after: str, size: int, session: Session | None = None) -> list[Enquiry]:
        """The next enquiries in the order of their ids."""
        found = self._enquiries.find({"_id": {"$gt": after}}, session=session, batch_size=ONE_REPLY)
        return [from_document(document) for document in await found.sort("_id", ASCENDING).limit(size).to_list(size)]

    async def some(self, caller: Caller, after: str | None, size: int, session: Session) -> list[Enquiry]:
        """As `after`; without a place to start any, by chance."""
        if after is not None:
            return await self.after(caller, after, size, session)
        found = self._enquiries.aggregate([{"$sample": {"size": size}}], session=session)
        return [from_document(document) for document in await found.to_list(size)]

    async def to_look_at(self, caller: Caller, now: datetime, size: int, session: Session) -> list[Enquiry]:
        """Those of which there is something to tell, the longest first."""
        found = self._enquiries.find({"next_look": {"$lt": now}}, session=session, batch_size=ONE_REPLY)
        documents = await found.sort("next_look", ASCENDING).limit(size).to_list(size)
        return [from_document(document) for document in documents]

    async def count(self, caller: Caller) -> int:
        return int(await self._enquiries.estimated_document_count())

    async def put_messages(self, caller: Caller, messages: Sequence[tuple[Message, Enquiry]], session: Session) -> None:
        if messages:
            await self._messages.insert_many(
                [message_to_document(message, enquiry) for message, enquiry in messages],
                ordered=False,
                session=session,
            )

    async def correct_messages(
        self, caller: Caller, messages: Sequence[tuple[Message, Enquiry]], session: Session
    ) -> None:
        if messages:
            await self._messages.bulk_write(
                [ReplaceOne({"_id": m.id}, message_to_document(m, enquiry)) for m, enquiry in messages],
                ordered=False,
                session=session,
            )


def _slice(documents: Sequence[Document], order: Order, page: Page) -> Slice[Enquiry]:
    return slice_of(
        [from_document(document) for document in documents],
        [tuple(document[name] for name, _ in order) for document in documents],
        page,
    )
