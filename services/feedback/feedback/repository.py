"""Where feedback is kept."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReplaceOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, visible_to
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.feedback.feedback.documents import from_document, to_document
from services.feedback.feedback.domain import Feedback, Mention, StaleFeedback, Voice

NEWEST: tuple[tuple[str, int], ...] = (("received_at", DESCENDING), ("_id", DESCENDING))

_MOST_IN_A_VOICE = 20


class MongoFeedbackRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._feedback = database["feedback"]

    async def ensure_indexes(self) -> None:
        await self._feedback.create_index(list(NEWEST), name="newest")
        for field in ("customer", "source", "team", "owner", "touchpoint", "status", "kind", "topics"):
            await self._feedback.create_index([(field, ASCENDING), *NEWEST], name=field)
        for field in ("enquiry", "survey", "duplicate_of"):
            await self._feedback.create_index(
                [(field, ASCENDING), *NEWEST], name=field, partialFilterExpression={field: {"$gt": ""}}
            )
        await self._feedback.create_index(
            [("source_record", ASCENDING), ("customer", ASCENDING)],
            name="record",
            partialFilterExpression={"source_record": {"$gt": ""}},
        )
        await self._feedback.create_index(
            [("source", ASCENDING), ("external_id", ASCENDING)],
            name="external_id",
            unique=True,
            partialFilterExpression={"external_id": {"$gt": ""}},
        )

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Feedback]:
        found = self._feedback.find(
            {"_id": {"$in": list(ids)}, **visible_to(caller)}, session=session, batch_size=ONE_REPLY
        )
        return {document["_id"]: from_document(document) async for document in found}

    async def of_external_ids(
        self, caller: Caller, source: str, external_ids: Iterable[str], session: Session
    ) -> dict[str, Feedback]:
        found = self._feedback.find(
            {"$and": [{"source": source, "external_id": {"$in": list(external_ids)}}, visible_to(caller)]},
            session=session,
            batch_size=ONE_REPLY,
        )
        return {document["external_id"]: from_document(document) async for document in found}

    async def page(self, caller: Caller, page: Page, filter: Mapping[str, Any]) -> Slice[Feedback]:
        documents = await (
            self._feedback.find({"$and": [dict(filter), visible_to(caller), keyset_filter(NEWEST, page)]})
            .sort(keyset_sort(NEWEST, page))
            .limit(page.size + 1)
        ).to_list(page.size + 1)
        return _slice(documents, page)

    async def pages_of_customers(
        self, caller: Caller, customers: Sequence[str], page: Page, filter: Mapping[str, Any]
    ) -> dict[str, Slice[Feedback]]:
        """One page of each customer's, newest first, with one command."""
        wanted: list[Document] = [
            {"$match": {"$and": [dict(filter), visible_to(caller), keyset_filter(NEWEST, page)]}},
            {"$sort": dict(keyset_sort(NEWEST, page))},
            {"$limit": page.size + 1},
        ]
        found = await self._of_customers(customers, {"found": wanted})
        return {document["_id"]: _slice(document["found"], page) for document in found}

    async def voices(self, caller: Caller, customers: Sequence[str]) -> dict[str, Voice]:
        """By customer, with one command; what repeats something else says nothing again."""
        counted: Document = {"$and": [{"duplicate_of": None}, visible_to(caller)]}
        newest: Document = {"$sort": dict(NEWEST)}
        found = await self._of_customers(
            customers,
            {
                "wishes": [{"$match": {**counted, "need": "WISH"}}, newest, {"$limit": _MOST_IN_A_VOICE}],
                "problems": [{"$match": {**counted, "need": "PROBLEM"}}, newest, {"$limit": _MOST_IN_A_VOICE}],
                "scores": [
                    {"$match": {**counted, "score": {"$ne": None}}},
                    newest,
                    {"$group": {"_id": "$score.kind", "newest": {"$first": "$$ROOT"}}},
                    {"$replaceRoot": {"newRoot": "$newest"}},
                    {"$sort": {"score.kind": 1}},
                ],
                "topics": [
                    {"$match": {**counted, "topics": {"$ne": []}}},
                    {"$unwind": "$topics"},
                    {"$group": {"_id": "$topics", "mentions": {"$sum": 1}, "last_at": {"$max": "$received_at"}}},
                    {"$sort": {"mentions": -1, "_id": 1}},
                    {"$limit": _MOST_IN_A_VOICE},
                ],
            },
        )
        return {
            document["_id"]: Voice(
                **{name: tuple(map(from_document, document[name])) for name in ("wishes", "problems", "scores")},
                topics=tuple(Mention(one["_id"], one["mentions"], one["last_at"]) for one in document["topics"]),
            )
            for document in found
        }

    async def _of_customers(self, customers: Sequence[str], parts: Mapping[str, list[Document]]) -> list[Document]:
        """One document per customer, with what each part finds among their feedback."""
        pipeline: list[Document] = [
            {"$documents": [{"_id": customer} for customer in dict.fromkeys(customers)]},
            *(
                {
                    "$lookup": {
                        "from": "feedback",
                        "localField": "_id",
                        "foreignField": "customer",
                        "pipeline": part,
                        "as": name,
                    }
                }
                for name, part in parts.items()
            ),
        ]
        return [document async for document in self._database.aggregate(pipeline, batchSize=ONE_REPLY)]

    async def add(self, caller: Caller, feedback: Sequence[Feedback], session: Session) -> None:
        if feedback:
            await self._feedback.insert_many(map(to_document, feedback), ordered=False, session=session)

    async def save(self, caller: Caller, feedback: Sequence[Feedback], session: Session) -> None:
        """StaleFeedback: somebody else changed one of them since it was read."""
        if not feedback:
            return
        writes = [ReplaceOne({"_id": one.id, "version": one.version - 1}, to_document(one)) for one in feedback]
        done = await self._feedback.bulk_write(writes, ordered=False, session=session)
        if done.matched_count != len(feedback):
            raise StaleFeedback(feedback[0].id, feedback[0].version, feedback[0].version - 1)

    async def repeating(self, caller: Caller, id: str, session: Session) -> list[Feedback]:
        """Those that repeat it, whoever brought them in."""
        found = self._feedback.find({"duplicate_of": id}, session=session, batch_size=ONE_REPLY)
        return [from_document(document) async for document in found]

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All that came in for a source record to whom it belongs."""
        await self._feedback.update_many(
            {"source_record": record, "customer": {"$ne": customer}}, {"$set": {"customer": customer}}, session=session
        )

    async def after(self, caller: Caller, after: str, size: int, session: Session | None = None) -> list[Feedback]:
        """The next in the order of their ids."""
        found = self._feedback.find({"_id": {"$gt": after}}, session=session, batch_size=ONE_REPLY)
        return [from_document(document) for document in await found.sort("_id", ASCENDING).limit(size).to_list(size)]

    async def some(self, caller: Caller, after: str | None, size: int, session: Session) -> list[Feedback]:
        """As `after`; without a place to start any, by chance."""
        if after is not None:
            return await self.after(caller, after, size, session)
        found = self._feedback.aggregate([{"$sample": {"size": size}}], session=session)
        return [from_document(document) for document in await found.to_list(size)]

    async def count(self, caller: Caller) -> int:
        return int(await self._feedback.estimated_document_count())


def _slice(documents: Sequence[Document], page: Page) -> Slice[Feedback]:
    boundaries: list[tuple[datetime, str]] = [(document["received_at"], document["_id"]) for document in documents]
    return slice_of([from_document(document) for document in documents], boundaries, page)
