"""Where offers are kept, what came of them, and who was assigned to which group."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReplaceOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, documents_after, of_sources, some_ids, visible_to
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.campaign.repository import money_document, money_of
from services.customers.consent.domain import ConsentPurpose
from services.customers.offer.domain import Assignment, Cap, Group, Kind, Offer, Outcome, Result, Step
from services.customers.touchpoint.domain import Channel

ORDER = (("key", ASCENDING),)
OUTCOME_ORDER = (("at", DESCENDING), ("_id", DESCENDING))


class MongoOfferRepository:
    def __init__(self, database: Database) -> None:
        self._offers = database["offers"]

    async def ensure_indexes(self) -> None:
        await self._offers.create_index(ORDER, name="key", unique=True)
        await self._offers.create_index([("active", ASCENDING), *ORDER], name="active")

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Offer]:
        return {offer.id: offer for offer in await self._of(caller, {"_id": {"$in": list(ids)}}, session)}

    async def of_keys(self, caller: Caller, keys: Iterable[str], session: Session | None = None) -> dict[str, Offer]:
        return {offer.key: offer for offer in await self._of(caller, {"key": {"$in": list(keys)}}, session)}

    async def active(self, caller: Caller, session: Session | None = None) -> list[Offer]:
        """In the order of their keys."""
        return sorted(await self._of(caller, {"active": True}, session), key=lambda offer: offer.key)

    async def _of(self, caller: Caller, condition: Document, session: Session | None) -> list[Offer]:
        documents = self._offers.find({**condition, **visible_to(caller)}, session=session, batch_size=ONE_REPLY)
        return [_offer(document) async for document in documents]

    async def page(self, caller: Caller, page: Page, *, active: bool | None) -> Slice[Offer]:
        wanted: Document = {} if active is None else {"active": active}
        conditions = [{}, wanted, visible_to(caller), keyset_filter(ORDER, page)]
        found = await (
            self._offers.find({"$and": conditions}).sort(keyset_sort(ORDER, page)).limit(page.size + 1)
        ).to_list(page.size + 1)
        return slice_of([_offer(one) for one in found], [(one["key"],) for one in found], page)

    async def save(self, caller: Caller, offer: Offer, session: Session) -> None:
        await self._offers.replace_one({"_id": offer.id}, _offer_document(offer), upsert=True, session=session)


class MongoOutcomeRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._outcomes = database["offer_outcomes"]
        self._former = database["former_customers"]

    async def ensure_indexes(self) -> None:
        await self._outcomes.create_index([("customer", ASCENDING), *OUTCOME_ORDER], name="history")
        await self._outcomes.create_index([("source_record", ASCENDING), ("customer", ASCENDING)], name="record")
        await self._outcomes.create_index([("offer_id", ASCENDING), ("outcome", ASCENDING)], name="answers")
        await self._outcomes.create_index(
            [("source", ASCENDING), ("external_id", ASCENDING)],
            name="external_id",
            unique=True,
            partialFilterExpression={"external_id": {"$gt": ""}},
        )

    async def of_records(
        self, caller: Caller, records: Iterable[str], session: Session | None = None
    ) -> dict[str, list[Outcome]]:
        """Source record -> what came of offers to it."""
        found: defaultdict[str, list[Outcome]] = defaultdict(list)
        wanted = {"source_record": {"$in": list(records)}, **of_sources(caller)}
        async for document in self._outcomes.find(wanted, session=session, batch_size=ONE_REPLY):
            found[document["source_record"]].append(_outcome(document))
        return dict(found)

    async def of_external_id(self, caller: Caller, source: str, external_id: str, session: Session) -> Outcome | None:
        found = await self._outcomes.find_one({"source": source, "external_id": external_id}, session=session)
        return _outcome(found) if found is not None else None

    async def pages(self, caller: Caller, customers: Sequence[str], page: Page) -> dict[str, Slice[Outcome]]:
        """One page of each customer's, newest first, with one command; a former id shows the present one's."""
        pipeline: list[Document] = [
            {"$documents": [{"_id": customer} for customer in dict.fromkeys(customers)]},
            {"$lookup": {"from": self._former.name, "localField": "_id", "foreignField": "_id", "as": "former"}},
            {"$set": {"present": {"$ifNull": [{"$first": "$former.into"}, "$_id"]}}},
            {
                "$lookup": {
                    "from": self._outcomes.name,
                    "localField": "present",
                    "foreignField": "customer",
                    "pipeline": [
                        {"$match": {"$and": [{}, of_sources(caller), keyset_filter(OUTCOME_ORDER, page)]}},
                        {"$sort": dict(keyset_sort(OUTCOME_ORDER, page))},
                        {"$limit": page.size + 1},
                    ],
                    "as": "found",
                }
            },
        ]
        slices: dict[str, Slice[Outcome]] = {}
        if customers:
            async for document in self._database.aggregate(pipeline, batchSize=ONE_REPLY):
                found = document["found"]
                boundaries = [(one["at"], one["_id"]) for one in found]
                slices[document["_id"]] = slice_of([_outcome(one) for one in found], boundaries, page)
        return slices

    async def counted(self, caller: Caller, offers: Iterable[str]) -> dict[str, dict[Result, int]]:
        """Offer -> how often each result came, over all customers; answered from the index alone."""
        found: defaultdict[str, dict[Result, int]] = defaultdict(dict)
        pipeline: list[Document] = [
            {"$match": {"offer_id": {"$in": list(offers)}}},
            {"$group": {"_id": {"offer": "$offer_id", "outcome": "$outcome"}, "n": {"$sum": 1}}},
        ]
        async for document in self._outcomes.aggregate(pipeline, batchSize=ONE_REPLY):
            found[document["_id"]["offer"]][Result(document["_id"]["outcome"])] = document["n"]
        return dict(found)

    async def add(self, caller: Caller, outcome: Outcome, session: Session) -> None:
        await self._outcomes.insert_one(_outcome_document(outcome), session=session)

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All outcomes of a source record to whom the record belongs."""
        await self._outcomes.update_many(
            {"source_record": record, "customer": {"$ne": customer}}, {"$set": {"customer": customer}}, session=session
        )

    async def after(self, caller: Caller, after: str, size: int, session: Session | None = None) -> list[Outcome]:
        """The next ones in the order of their ids."""
        return [_outcome(one) for one in await documents_after(self._outcomes, after, size, session)]

    async def some(self, caller: Caller, after: str | None, size: int) -> list[Outcome]:
        """The next outcomes in the order of their ids; without a place to start any, by chance."""
        ids = await some_ids(self._outcomes, after, size)
        found = {one["_id"]: _outcome(one) async for one in self._outcomes.find({"_id": {"$in": ids}})}
        return [found[id] for id in ids if id in found]


class MongoAssignmentRepository:
    """Nobody is shown these one by one: who is in the control group must not be told by how they are served."""

    def __init__(self, database: Database) -> None:
        self._assignments = database["offer_assignments"]

    async def ensure_indexes(self) -> None:
        await self._assignments.create_index([("source_record", ASCENDING)], name="record")

    async def of_records(
        self, caller: Caller, records: Iterable[str], session: Session | None = None
    ) -> list[Assignment]:
        wanted = {"source_record": {"$in": list(records)}}
        found = self._assignments.find(wanted, session=session, batch_size=ONE_REPLY)
        return [_assignment(document) async for document in found]

    async def save(self, caller: Caller, assignments: Sequence[Assignment], session: Session) -> None:
        if assignments:
            writes = [ReplaceOne({"_id": one.id}, _assignment_document(one), upsert=True) for one in assignments]
            await self._assignments.bulk_write(writes, ordered=False, session=session)

    async def after(self, caller: Caller, after: str, size: int, session: Session | None = None) -> list[Assignment]:
        """The next ones in the order of their ids."""
        return [_assignment(one) for one in await documents_after(self._assignments, after, size, session)]

    async def some(self, caller: Caller, after: str | None, size: int) -> list[Assignment]:
        """The next assignments in the order of their ids; without a place to start any, by chance."""
        ids = await some_ids(self._assignments, after, size)
        found = {one["_id"]: _assignment(one) async for one in self._assignments.find({"_id": {"$in": ids}})}
        return [found[id] for id in ids if id in found]


def _offer_document(offer: Offer) -> Document:
    return {
        "_id": offer.id,
        "key": offer.key,
        "title": offer.title,
        "description": offer.description,
        "kind": offer.kind.value,
        "step": offer.step.value if offer.step is not None else None,
        "eligibility": offer.eligibility,
        "value": money_document(offer.value) if offer.value is not None else None,
        # Days, not moments: a time zone must not shift them.
        "valid_from": offer.valid_from.isoformat() if offer.valid_from is not None else None,
        "valid_to": offer.valid_to.isoformat() if offer.valid_to is not None else None,
        "excludes": list(offer.excludes),
        "cap": {"most": offer.cap.most, "days": offer.cap.days} if offer.cap is not None else None,
        "topics": list(offer.topics),
        "stages": list(offer.stages),
        "purpose": offer.purpose.value,
        "channels": [channel.value for channel in offer.channels],
        "active": offer.active,
        "source": offer.source,
        "team": None,
        "owner": None,
        "version": offer.version,
    }


def _offer(document: Document) -> Offer:
    cap, value = document["cap"], document["value"]
    return Offer(
        id=document["_id"],
        key=document["key"],
        title=document["title"],
        description=document["description"],
        kind=Kind(document["kind"]),
        step=Step(document["step"]) if document["step"] is not None else None,
        eligibility=document["eligibility"],
        value=money_of(value) if value is not None else None,
        valid_from=_day(document["valid_from"]),
        valid_to=_day(document["valid_to"]),
        excludes=tuple(document["excludes"]),
        cap=Cap(cap["most"], cap["days"]) if cap is not None else None,
        topics=tuple(document["topics"]),
        stages=tuple(document["stages"]),
        purpose=ConsentPurpose(document["purpose"]),
        channels=tuple(map(Channel, document["channels"])),
        active=document["active"],
        source=document["source"],
        version=document["version"],
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text is not None else None


def _outcome_document(outcome: Outcome) -> Document:
    document: dict[str, Any] = {
        "_id": outcome.id,
        "customer": outcome.customer,
        "source_record": outcome.source_record,
        # The key, for rules; the id, for everything else.
        "offer": outcome.key,
        "offer_id": outcome.offer,
        "outcome": outcome.result.value,
        "at": outcome.at,
        "channel": outcome.channel.value if outcome.channel is not None else None,
        "touchpoint": outcome.touchpoint,
        "value": money_document(outcome.value) if outcome.value is not None else None,
        "source": outcome.source,
        "external_id": outcome.external_id,
        "team": outcome.team,
        "owner": outcome.employee,
    }
    return document


def _outcome(document: Document) -> Outcome:
    value, channel = document["value"], document["channel"]
    return Outcome(
        id=document["_id"],
        offer=document["offer_id"],
        key=document["offer"],
        result=Result(document["outcome"]),
        at=document["at"],
        source=document["source"],
        customer=document["customer"],
        source_record=document["source_record"],
        channel=Channel(channel) if channel is not None else None,
        touchpoint=document["touchpoint"],
        value=money_of(value) if value is not None else None,
        external_id=document["external_id"],
        employee=document["owner"],
        team=document["team"],
    )


def _assignment_document(one: Assignment) -> Document:
    return {
        "_id": one.id,
        "offer": one.offer,
        "source_record": one.source_record,
        "customer": one.customer,
        "group": one.group.value,
        "at": one.at,
        "converted_at": one.converted_at,
        "counts": one.counts,
        "source": one.source,
        "team": None,
        "owner": None,
        "version": one.version,
    }


def _assignment(document: Document) -> Assignment:
    return Assignment(
        offer=document["offer"],
        source_record=document["source_record"],
        source=document["source"],
        customer=document["customer"],
        group=Group(document["group"]),
        at=document["at"],
        converted_at=document["converted_at"],
        counts=document["counts"],
        version=document["version"],
    )
