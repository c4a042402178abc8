"""Where surveys and the invitations to them are kept."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_sources, some_ids
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.feedback.survey.documents import (
    from_document,
    invitation_from_document,
    invitation_to_document,
    to_document,
)
from services.feedback.survey.domain import Invitation, State, Survey

BY_KEY = (("key", ASCENDING),)
NEWEST = (("invited_at", DESCENDING), ("_id", DESCENDING))


class MongoSurveyRepository:
    """Surveys are the company's own: a partner sees none."""

    def __init__(self, database: Database) -> None:
        self._surveys = database["surveys"]

    async def ensure_indexes(self) -> None:
        await self._surveys.create_index(BY_KEY, name="key", unique=True)
        await self._surveys.create_index([("active", ASCENDING), *BY_KEY], name="active")

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Survey]:
        return {one.id: one for one in await self._of(caller, {"_id": {"$in": list(ids)}}, session)}

    async def of_keys(self, caller: Caller, keys: Iterable[str], session: Session | None = None) -> dict[str, Survey]:
        return {one.key: one for one in await self._of(caller, {"key": {"$in": list(keys)}}, session)}

    async def active(self, caller: Caller) -> list[Survey]:
        return await self._of(caller, {"active": True}, None)

    async def _of(self, caller: Caller, condition: Document, session: Session | None) -> list[Survey]:
        found = self._surveys.find({**condition, **of_sources(caller)}, session=session, batch_size=ONE_REPLY)
        return [from_document(document) async for document in found]

    async def page(self, caller: Caller, page: Page, *, active: bool | None) -> Slice[Survey]:
        wanted: Document = {} if active is None else {"active": active}
        documents = await (
            self._surveys.find({"$and": [wanted, of_sources(caller), keyset_filter(BY_KEY, page)]})
            .sort(keyset_sort(BY_KEY, page))
            .limit(page.size + 1)
        ).to_list(page.size + 1)
        return slice_of([from_document(one) for one in documents], [(one["key"],) for one in documents], page)

    async def save(self, caller: Caller, survey: Survey, session: Session) -> None:
        await self._surveys.replace_one({"_id": survey.id}, to_document(survey), upsert=True, session=session)


class MongoInvitationRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._invitations = database["survey_invitations"]

    async def ensure_indexes(self) -> None:
        create = self._invitations.create_index
        await create([("survey", ASCENDING), *NEWEST], name="survey")
        await create([("survey", ASCENDING), ("state", ASCENDING), *NEWEST], name="state")
        await create([("customer", ASCENDING), *NEWEST], name="customer")
        await create([("source_record", ASCENDING), ("customer", ASCENDING)], name="record")
        await create(
            [("sent.token_hash", ASCENDING)],
            name="token",
            unique=True,
            partialFilterExpression={"sent.token_hash": {"$exists": True}},
        )
        await create([("next_at", ASCENDING)], name="due", partialFilterExpression={"state": State.OPEN.value})

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Invitation]:
        wanted = {"_id": {"$in": list(ids)}, **of_sources(caller)}
        documents = self._invitations.find(wanted, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: invitation_from_document(document) async for document in documents}

    async def of_token(self, caller: Caller, hashed: bytes, session: Session | None = None) -> Invitation | None:
        """Whoever has the token may see it: it says who they are."""
        document = await self._invitations.find_one({"sent.token_hash": hashed}, session=session)
        return None if document is None else invitation_from_document(document)

    async def open_of(self, caller: Caller, survey: str, customer: str, session: Session) -> Invitation | None:
        """The newest of the customer that may still be answered."""
        document = await self._invitations.find_one(
            {"customer": customer, "survey": survey, "state": State.OPEN.value},
            sort=[("invited_at", DESCENDING), ("_id", DESCENDING)],
            session=session,
        )
        return None if document is None else invitation_from_document(document)

    async def last_of(
        self, caller: Caller, customers: Iterable[str], since: datetime, session: Session
    ) -> dict[str, datetime]:
        """When each was invited last, to anything, of those who were since then; what was not sent does not count."""
        wanted: Document = {
            "customer": {"$in": list(customers)},
            "invited_at": {"$gt": since},
            "state": {"$ne": State.NOT_SENT.value},
        }
        pipeline: list[Document] = [
            {"$match": wanted},
            {"$group": {"_id": "$customer", "last": {"$max": "$invited_at"}}},
        ]
        found = self._invitations.aggregate(pipeline, session=session, batchSize=ONE_REPLY)
        return {document["_id"]: document["last"] async for document in found}

    async def pages(
        self, caller: Caller, surveys: Sequence[str], page: Page, state: State | None
    ) -> dict[str, Slice[Invitation]]:
        """One page of each survey's, newest first, with one command."""
        wanted: Document = {} if state is None else {"state": state.value}
        pipeline: list[Document] = [
            {"$documents": [{"_id": survey} for survey in dict.fromkeys(surveys)]},
            {
                "$lookup": {
                    "from": self._invitations.name,
                    "localField": "_id",
                    "foreignField": "survey",
                    "pipeline": [
                        {"$match": {"$and": [wanted, of_sources(caller), keyset_filter(NEWEST, page)]}},
                        {"$sort": dict(keyset_sort(NEWEST, page))},
                        {"$limit": page.size + 1},
                    ],
                    "as": "found",
                }
            },
        ]
        slices: dict[str, Slice[Invitation]] = {}
        if surveys:
            async for document in self._database.aggregate(pipeline, batchSize=ONE_REPLY):
                found = document["found"]
                places = [(one["invited_at"], one["_id"]) for one in found]
                slices[document["_id"]] = slice_of([invitation_from_document(one) for one in found], places, page)
        return slices

    async def add(self, caller: Caller, invitations: Sequence[Invitation], session: Session) -> None:
        if invitations:
            await self._invitations.insert_many(
                [invitation_to_document(one) for one in invitations], ordered=False, session=session
            )

    async def save(self, caller: Caller, invitation: Invitation, session: Session) -> None:
        await self._invitations.replace_one({"_id": invitation.id}, invitation_to_document(invitation), session=session)

    async def due(self, caller: Caller, now: datetime, limit: int) -> list[Invitation]:
        """Those that somebody has to look after, the longest due first."""
        documents = await (
            self._invitations.find({"state": State.OPEN.value, "next_at": {"$lte": now}})
            .sort([("next_at", ASCENDING)])
            .limit(limit)
        ).to_list(limit)
        return [invitation_from_document(one) for one in documents]

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All of a source record to whom the record belongs."""
        await self._invitations.update_many(
            {"source_record": record, "customer": {"$ne": customer}}, {"$set": {"customer": customer}}, session=session
        )

    async def after(self, caller: Caller, id: str, size: int, session: Session | None) -> list[Invitation]:
        """The next in the order of their ids."""
        found = self._invitations.find({"_id": {"$gt": id}}, session=session).sort("_id", ASCENDING).limit(size)
        return [invitation_from_document(document) for document in await found.to_list(size)]

    async def some(self, caller: Caller, after: str | None, size: int) -> list[Invitation]:
        """The next in the order of their ids; without a place to start any, by chance."""
        ids = await some_ids(self._invitations, after, size)
        found = await self.of_ids(caller, ids)
        return [found[id] for id in ids if id in found]
