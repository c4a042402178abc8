"""Where measures are kept, and what feedback they are linked to."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from bson import Decimal128
from pymongo import ASCENDING, DESCENDING, UpdateOne

from chassis.caller import Caller
from chassis.money import Money
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_sources, some_ids
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.feedback.measure.domain import MOST_MEASURES, OWN_SOURCE, Kind, Measure, StaleVersion, Status, Step

Order = tuple[tuple[str, int], ...]

CREATED: Order = (("created_at", DESCENDING), ("_id", DESCENDING))
DUE: Order = (("due", ASCENDING), ("_id", ASCENDING))
LINKED: Order = (("at", DESCENDING), ("_id", DESCENDING))
# Those without a day come last.
_NO_DAY = "9999-12-31"


class MongoMeasureRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._measures = database["measures"]
        self._links = database["measure_feedback"]
        self._feedback = database["feedback"]

    async def ensure_indexes(self) -> None:
        create = self._measures.create_index
        await create(list(CREATED), name="created")
        await create(list(DUE), name="due")
        for field in ("status", "kind", "owner", "team", "topics"):
            await create([(field, ASCENDING), *CREATED], name=field)
        await self._links.create_index([("measure", ASCENDING), *LINKED], name="measure")
        await self._links.create_index([("feedback", ASCENDING), *LINKED], name="feedback")

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Measure]:
        found = self._measures.find(
            {"_id": {"$in": list(ids)}, **of_sources(caller)}, session=session, batch_size=ONE_REPLY
        )
        return {document["_id"]: from_document(document) async for document in found}

    async def page(self, caller: Caller, page: Page, order: Order, condition: Mapping[str, Any]) -> Slice[Measure]:
        conditions = [of_sources(caller), dict(condition), keyset_filter(order, page)]
        found = await (
            self._measures.find({"$and": conditions}).sort(keyset_sort(order, page)).limit(page.size + 1)
        ).to_list(page.size + 1)
        boundaries = [tuple(document[name] for name, _ in order) for document in found]
        return slice_of([from_document(document) for document in found], boundaries, page)

    async def of_feedback(self, caller: Caller, feedback: Sequence[str]) -> dict[str, list[Measure]]:
        """The measures of each, the newest link first, with one command."""
        if not feedback:
            return {}
        pipeline: list[Document] = [
            {"$documents": [{"_id": id} for id in dict.fromkeys(feedback)]},
            {
                "$lookup": {
                    "from": self._links.name,
                    "localField": "_id",
                    "foreignField": "feedback",
                    "pipeline": [
                        {"$match": of_sources(caller)},
                        {"$sort": dict(LINKED)},
                        {"$limit": MOST_MEASURES},
                        {
                            "$lookup": {
                                "from": self._measures.name,
                                "localField": "measure",
                                "foreignField": "_id",
                                "as": "measure",
                            }
                        },
                        {"$set": {"measure": {"$first": "$measure"}}},
                    ],
                    "as": "links",
                }
            },
        ]
        answered = self._database.aggregate(pipeline, batchSize=ONE_REPLY)
        return {
            document["_id"]: [from_document(link["measure"]) for link in document["links"]]
            async for document in answered
        }

    async def pages_of_feedback(
        self, caller: Caller, measures: Sequence[str], page: Page, seen: Mapping[str, Any]
    ) -> dict[str, Slice[str]]:
        """One page of the ids of each measure's feedback with one command. seen: of feedback, what may be shown."""
        if not measures:
            return {}
        pipeline: list[Document] = [
            {"$documents": [{"_id": id} for id in dict.fromkeys(measures)]},
            {
                "$lookup": {
                    "from": self._links.name,
                    "localField": "_id",
                    "foreignField": "measure",
                    "pipeline": [
                        {"$match": {"$and": [of_sources(caller), keyset_filter(LINKED, page)]}},
                        {"$sort": dict(keyset_sort(LINKED, page))},
                        {
                            "$lookup": {
                                "from": self._feedback.name,
                                "localField": "feedback",
                                "foreignField": "_id",
                                "pipeline": [{"$match": dict(seen)}, {"$project": {"_id": 1}}],
                                "as": "seen",
                            }
                        },
                        {"$match": {"seen": {"$ne": []}}},
                        {"$limit": page.size + 1},
                    ],
                    "as": "links",
                }
            },
        ]
        answered = self._database.aggregate(pipeline, batchSize=ONE_REPLY)
        return {
            document["_id"]: slice_of(
                [link["feedback"] for link in document["links"]],
                [(link["at"], link["_id"]) for link in document["links"]],
                page,
            )
            async for document in answered
        }

    async def feedback_of(self, caller: Caller, measure: str, session: Session | None = None) -> list[str]:
        """The ids of all that it is linked to."""
        found = self._links.find(
            {"measure": measure, **of_sources(caller)}, {"feedback": 1}, session=session, batch_size=ONE_REPLY
        )
        return [document["feedback"] async for document in found]

    async def counted(self, caller: Caller, feedback: Sequence[str], session: Session) -> dict[str, int]:
        """Of each that is linked at all, to how many measures."""
        pipeline: list[Document] = [
            {"$match": {"feedback": {"$in": list(feedback)}}},
            {"$group": {"_id": "$feedback", "n": {"$sum": 1}}},
        ]
        answered = self._links.aggregate(pipeline, session=session, batchSize=ONE_REPLY)
        return {document["_id"]: document["n"] async for document in answered}

    async def add(self, caller: Caller, measure: Measure, session: Session) -> None:
        await self._measures.insert_one(to_document(measure), session=session)

    async def save(self, caller: Caller, measure: Measure, session: Session) -> None:
        """StaleVersion: somebody else changed it since it was read."""
        made_from = measure.version - 1
        done = await self._measures.replace_one(
            {"_id": measure.id, "version": made_from}, to_document(measure), session=session
        )
        if done.matched_count != 1:
            raise StaleVersion(measure.id, measure.version, made_from)

    async def touch(self, caller: Caller, measure: str, session: Session) -> None:
        """Whoever else touches it must wait, or begin anew."""
        await self._measures.update_one({"_id": measure}, {"$inc": {"touched": 1}}, session=session)

    async def link(self, caller: Caller, measure: str, feedback: Sequence[str], at: datetime, session: Session) -> None:
        """What is linked already stays as it was."""
        if feedback:
            link: Document = {
                "measure": measure,
                "at": at,
                "by": caller.subject,
                "source": OWN_SOURCE,
                "team": caller.team,
                "owner": caller.employee,
            }
            await self._links.bulk_write(
                [
                    UpdateOne({"_id": f"{measure}:{id}"}, {"$setOnInsert": {**link, "feedback": id}}, upsert=True)
                    for id in dict.fromkeys(feedback)
                ],
                session=session,
            )

    async def unlink(self, caller: Caller, measure: str, feedback: Sequence[str], session: Session) -> None:
        if feedback:
            await self._links.delete_many({"_id": {"$in": [f"{measure}:{id}" for id in feedback]}}, session=session)

    async def lost_links(self, caller: Caller, measures: Sequence[str]) -> list[tuple[str, str]]:
        """(measure, feedback) of links to feedback that is not there."""
        pipeline: list[Document] = [
            {"$match": {"measure": {"$in": list(measures)}}},
            {
                "$lookup": {
                    "from": self._feedback.name,
                    "localField": "feedback",
                    "foreignField": "_id",
                    "pipeline": [{"$project": {"_id": 1}}],
                    "as": "there",
                }
            },
            {"$match": {"there": []}},
        ]
        answered = self._links.aggregate(pipeline, batchSize=ONE_REPLY)
        return [(document["measure"], document["feedback"]) async for document in answered]

    async def after(self, caller: Caller, after: str, size: int, session: Session | None) -> list[Measure]:
        """The next ones in the order of their ids."""
        found = self._measures.find({"_id": {"$gt": after}}, session=session, batch_size=ONE_REPLY)
        return [from_document(document) for document in await found.sort("_id", ASCENDING).limit(size).to_list(size)]

    async def some(self, caller: Caller, after: str | None, size: int) -> list[Measure]:
        """The next ones in the order of their ids; without a place to start any, by chance."""
        ids = await some_ids(self._measures, after, size)
        found = await self.of_ids(caller, ids)
        return [found[id] for id in ids if id in found]


def to_document(measure: Measure) -> Document:
    budget, due_on = measure.budget, measure.due_on
    return {
        "_id": measure.id,
        "title": measure.title,
        "description": measure.description,
        "kind": measure.kind.value,
        "status": measure.status.value,
        "history": [{"status": step.status.value, "at": step.at, "by": step.by} for step in measure.history],
        "introduced_at": measure.introduced_at,
        "budget": {"amount": Decimal128(budget.amount), "currency": budget.currency} if budget else None,
        # A day, not a moment: a time zone must not shift it.
        "due": due_on.isoformat() if due_on else _NO_DAY,
        "aims_at": measure.aims_at,
        "offer": measure.offer,
        "campaign": measure.campaign,
        "topics": list(measure.topics),
        "created_at": measure.created_at,
        "source": measure.source,
        "team": measure.team,
        "owner": measure.owner,
        "version": measure.version,
    }


def from_document(document: Document) -> Measure:
    budget, due = document["budget"], document["due"]
    return Measure(
        id=document["_id"],
        title=document["title"],
        kind=Kind(document["kind"]),
        created_at=document["created_at"],
        history=tuple(Step(Status(step["status"]), step["at"], step["by"]) for step in document["history"]),
        description=document["description"],
        introduced_at=document["introduced_at"],
        owner=document["owner"],
        team=document["team"],
        budget=Money(budget["amount"].to_decimal(), budget["currency"]) if budget else None,
        due_on=date.fromisoformat(due) if due != _NO_DAY else None,
        aims_at=document["aims_at"],
        offer=document["offer"],
        campaign=document["campaign"],
        topics=tuple(document["topics"]),
        source=document["source"],
        version=document["version"],
    )
