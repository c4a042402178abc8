"""Who asked for what measures bring, and who was told: found by the feedback they gave, each customer once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING, UpdateOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.feedback.measure.domain import OWN_SOURCE, Asking, Measure, Told

LAST_TOLD = (("at", DESCENDING), ("_id", DESCENDING))

_MOST_SHOWN = 5
# With which customers ask for something: praise and ratings say how it is.
_ASKING = ["WISH", "PROBLEM", "COMPLAINT", "EXPECTATION", "QUESTION"]
_NEWEST: Document = {
    "n": _MOST_SHOWN,
    "sortBy": {"received_at": -1, "_id": -1},
    "output": {"id": "$_id", "at": "$received_at", "record": "$source_record", "language": "$language"},
}


class MongoToldRepository:
    """One document per measure and customer who was told. They follow their source record to the golden id of today."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._told = database["measure_told"]
        self._links = database["measure_feedback"]
        self._feedback = database["feedback"]

    async def ensure_indexes(self) -> None:
        await self._told.create_index([("measure", ASCENDING), *LAST_TOLD], name="measure")
        await self._told.create_index([("customer", ASCENDING), ("measure", ASCENDING)], name="customer")
        await self._told.create_index([("source_record", ASCENDING), ("customer", ASCENDING)], name="record")

    async def asking(
        self, caller: Caller, measures: Iterable[Measure], after: str, most: int, now: datetime
    ) -> dict[str, list[Asking]]:
        """Of each measure those who asked and were not told, by their ids, after one of them; with one command."""
        pipeline: list[Document] = [
            {
                "$documents": [
                    {"_id": one.id, "topics": list(one.topics), "until": one.introduced_at or now} for one in measures
                ]
            },
            {
                "$lookup": {
                    "from": self._links.name,
                    "localField": "_id",
                    "foreignField": "measure",
                    "let": {"measure": "$_id"},
                    "pipeline": [
                        self._feedback_by("feedback", "_id", "said"),
                        self._feedback_by("feedback", "duplicate_of", "repeated"),
                        {"$project": {"said": {"$concatArrays": ["$said", "$repeated"]}}},
                        {"$unwind": "$said"},
                        {"$replaceWith": "$said"},
                        *self._customers(after, most),
                    ],
                    "as": "linked",
                }
            },
            {
                "$lookup": {
                    "from": self._feedback.name,
                    "localField": "topics",
                    "foreignField": "topics",
                    "let": {"measure": "$_id", "until": "$until"},
                    "pipeline": [
                        {"$match": {"kind": {"$in": _ASKING}, "$expr": {"$lt": ["$received_at", "$$until"]}}},
                        *self._customers(after, most),
                    ],
                    "as": "mentioned",
                }
            },
        ]
        answered = self._database.aggregate(pipeline, batchSize=ONE_REPLY)
        return {
            document["_id"]: _together([*document["linked"], *document["mentioned"]])[:most]
            async for document in answered
        }

    def _feedback_by(self, local: str, foreign: str, name: str) -> Document:
        return {
            "$lookup": {
                "from": self._feedback.name,
                "localField": local,
                "foreignField": foreign,
                "pipeline": [{"$project": {"customer": 1, "source_record": 1, "language": 1, "received_at": 1}}],
                "as": name,
            }
        }

    def _customers(self, after: str, most: int) -> list[Document]:
        """Those who said it, as far as they were not told of $$measure."""
        return [
            {"$match": {"customer": {"$gt": after}}},
            {"$group": {"_id": "$customer", "said": {"$topN": _NEWEST}}},
            {"$sort": {"_id": 1}},
            {
                "$lookup": {
                    "from": self._told.name,
                    "localField": "_id",
                    "foreignField": "customer",
                    "pipeline": [{"$match": {"$expr": {"$eq": ["$measure", "$$measure"]}}}],
                    "as": "told",
                }
            },
            {"$match": {"told": []}},
            {"$limit": most},
        ]

    async def told_of(self, caller: Caller, measure: str, customers: Iterable[str], session: Session) -> set[str]:
        """Of these customers, those who were told."""
        wanted = {"measure": measure, "customer": {"$in": list(customers)}}
        found = self._told.find(wanted, {"customer": 1}, session=session, batch_size=ONE_REPLY)
        return {document["customer"] async for document in found}

    async def pages(self, caller: Caller, measures: Sequence[str], page: Page) -> dict[str, Slice[Told]]:
        """One page of those who were told of each measure, the last first, with one command."""
        if not measures:
            return {}
        pipeline: list[Document] = [
            {"$documents": [{"_id": id} for id in dict.fromkeys(measures)]},
            {
                "$lookup": {
                    "from": self._told.name,
                    "localField": "_id",
                    "foreignField": "measure",
                    "pipeline": [
                        {"$match": keyset_filter(LAST_TOLD, page)},
                        {"$sort": dict(keyset_sort(LAST_TOLD, page))},
                        {"$limit": page.size + 1},
                    ],
                    "as": "told",
                }
            },
        ]
        answered = self._database.aggregate(pipeline, batchSize=ONE_REPLY)
        return {
            document["_id"]: slice_of(
                [_from_document(told) for told in document["told"]],
                [(told["at"], told["_id"]) for told in document["told"]],
                page,
            )
            async for document in answered
        }

    async def add(self, caller: Caller, told: Sequence[Told], session: Session) -> None:
        if told:
            await self._told.insert_many([_to_document(one, caller) for one in told], session=session)

    async def queued(self, caller: Caller, deliveries: Mapping[str, str]) -> None:
        """deliveries: by the id of who was told, under which it goes out."""
        if deliveries:
            await self._told.bulk_write(
                [UpdateOne({"_id": id}, {"$set": {"delivery": delivery}}) for id, delivery in deliveries.items()]
            )

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All that was told for a source record to whom it belongs."""
        await self._told.update_many(
            {"source_record": record, "customer": {"$ne": customer}}, {"$set": {"customer": customer}}, session=session
        )

    async def of_measures(self, caller: Caller, measures: Sequence[str]) -> list[Told]:
        """All who were told of them."""
        found = self._told.find({"measure": {"$in": list(measures)}}, batch_size=ONE_REPLY)
        return [_from_document(document) async for document in found]


def _together(found: Sequence[Document]) -> list[Asking]:
    said: dict[str, dict[str, Document]] = {}
    for one in found:
        said.setdefault(one["_id"], {}).update({of["id"]: of for of in one["said"]})
    return [_asking(customer, some) for customer, some in sorted(said.items())]


def _asking(customer: str, said: dict[str, Document]) -> Asking:
    newest = sorted(said.values(), key=lambda one: (one["at"], one["id"]), reverse=True)
    return Asking(
        customer=customer,
        source_record=newest[0]["record"],
        feedback=tuple(one["id"] for one in newest[:_MOST_SHOWN]),
        language=next((one["language"] for one in newest if one.get("language")), None),
    )


def _to_document(told: Told, caller: Caller) -> Document:
    return {
        "_id": told.id,
        "measure": told.measure,
        "customer": told.customer,
        "source_record": told.source_record,
        "at": told.at,
        "language": told.language,
        "delivery": told.delivery,
        "source": OWN_SOURCE,
        "team": caller.team,
        "owner": caller.employee,
    }


def _from_document(document: Document) -> Told:
    return Told(
        measure=document["measure"],
        customer=document["customer"],
        source_record=document["source_record"],
        at=document["at"],
        language=document["language"],
        delivery=document["delivery"],
    )
