"""Where opportunities are kept."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from pymongo import ASCENDING, DESCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, documents_after, of_sources, some_ids, visible_to
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.campaign.repository import money_document, money_of
from services.customers.opportunity.domain import Move, Opportunity, Stage

NEWEST = (("opened_at", DESCENDING), ("_id", DESCENDING))
CLOSING = (("due", ASCENDING), ("_id", ASCENDING))
# Those without a day come last.
_NO_DAY = "9999-12-31"


class MongoOpportunityRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._opportunities = database["opportunities"]
        self._former = database["former_customers"]

    async def ensure_indexes(self) -> None:
        create = self._opportunities.create_index
        # The customer's ends with the stage too: facts and figures of a customer ask for those that were won.
        await create([("customer", ASCENDING), *NEWEST, ("stage", ASCENDING)], name="customer")
        await create([("source_record", ASCENDING), ("customer", ASCENDING)], name="record")
        await create(NEWEST, name="newest")
        await create(CLOSING, name="closing")
        for field in ("stage", "owner", "team", "campaign"):
            await create([(field, ASCENDING), *NEWEST], name=field)
        await create(
            [("source", ASCENDING), ("external_id", ASCENDING)],
            name="external_id",
            unique=True,
            partialFilterExpression={"external_id": {"$gt": ""}},
        )

    async def of_ids(
        self, caller: Caller, ids: Iterable[str], session: Session | None = None
    ) -> dict[str, Opportunity]:
        found = self._opportunities.find(
            {"_id": {"$in": list(ids)}, **visible_to(caller)}, session=session, batch_size=ONE_REPLY
        )
        return {document["_id"]: from_document(document) async for document in found}

    async def page(
        self, caller: Caller, page: Page, order: Sequence[tuple[str, int]], condition: Mapping[str, Any]
    ) -> Slice[Opportunity]:
        conditions = [{}, visible_to(caller), dict(condition), keyset_filter(order, page)]
        found = await (
            self._opportunities.find({"$and": conditions}).sort(keyset_sort(order, page)).limit(page.size + 1)
        ).to_list(page.size + 1)
        return _slice(found, page, order)

    async def pages(self, caller: Caller, customers: Sequence[str], page: Page) -> dict[str, Slice[Opportunity]]:
        """One page of each customer's, newest first, with one command; a former id shows the present one's."""
        pipeline: list[Document] = [
            {"$documents": [{"_id": customer} for customer in dict.fromkeys(customers)]},
            {"$lookup": {"from": self._former.name, "localField": "_id", "foreignField": "_id", "as": "former"}},
            {"$set": {"present": {"$ifNull": [{"$first": "$former.into"}, "$_id"]}}},
            {
                "$lookup": {
                    "from": self._opportunities.name,
                    "localField": "present",
                    "foreignField": "customer",
                    "pipeline": [
                        {"$match": {"$and": [{}, visible_to(caller), keyset_filter(NEWEST, page)]}},
                        {"$sort": dict(keyset_sort(NEWEST, page))},
                        {"$limit": page.size + 1},
                    ],
                    "as": "found",
                }
            },
        ]
        if not customers:
            return {}
        answered = self._database.aggregate(pipeline, batchSize=ONE_REPLY)
        return {document["_id"]: _slice(document["found"], page, NEWEST) async for document in answered}

    async def known(self, caller: Caller, source: str, external_id: str, session: Session) -> Opportunity | None:
        """Also where the caller does not see it, of its sources."""
        # The condition of the index is said, so that it is used.
        wanted = {"source": source, "external_id": {"$eq": external_id, "$gt": ""}}
        found = await self._opportunities.find_one({"$and": [wanted, of_sources(caller)]}, session=session)
        return None if found is None else from_document(found)

    async def won_of(
        self, caller: Caller, customers: Iterable[str], session: Session | None = None
    ) -> dict[str, list[Opportunity]]:
        """customer -> all that were won, whoever brought them in: whether somebody buys again is a fact."""
        found: dict[str, list[Opportunity]] = {}
        wanted = {"customer": {"$in": list(customers)}, "stage": Stage.CLOSED_WON.value}
        async for document in self._opportunities.find(wanted, session=session, batch_size=ONE_REPLY):
            found.setdefault(document["customer"], []).append(from_document(document))
        return found

    async def save(self, caller: Caller, opportunity: Opportunity, session: Session) -> None:
        await self._opportunities.replace_one(
            {"_id": opportunity.id}, to_document(opportunity), upsert=True, session=session
        )

    async def holders(self, caller: Caller, record: str, session: Session) -> set[str]:
        """The customers that opportunities of a source record show."""
        return set(await self._opportunities.distinct("customer", {"source_record": record}, session=session))

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All opportunities of a source record to whom the record belongs."""
        await self._opportunities.update_many(
            {"source_record": record, "customer": {"$ne": customer}}, {"$set": {"customer": customer}}, session=session
        )

    async def after(self, caller: Caller, after: str, size: int, session: Session | None = None) -> list[Opportunity]:
        """The next ones in the order of their ids."""
        return [from_document(one) for one in await documents_after(self._opportunities, after, size, session)]

    async def some(self, caller: Caller, after: str | None, size: int) -> list[Opportunity]:
        """The next ones in the order of their ids; without a place to start any, by chance."""
        ids = await some_ids(self._opportunities, after, size)
        found = await self.of_ids(caller, ids)
        return [found[id] for id in ids if id in found]


def _slice(documents: Sequence[Document], page: Page, order: Sequence[tuple[str, int]]) -> Slice[Opportunity]:
    boundaries = [tuple(document[name] for name, _ in order) for document in documents]
    return slice_of([from_document(document) for document in documents], boundaries, page)


def to_document(opportunity: Opportunity) -> Document:
    amount, closes_on = opportunity.amount, opportunity.closes_on
    return {
        "_id": opportunity.id,
        "customer": opportunity.customer,
        "source_record": opportunity.source_record,
        "title": opportunity.title,
        "stage": opportunity.stage.value,
        "moves": [{"stage": move.stage.value, "at": move.at} for move in opportunity.moves],
        "opened_at": opportunity.opened_at,
        "closed_at": opportunity.closed_at,
        "amount": money_document(amount) if amount is not None else None,
        "own_probability": opportunity.own_probability,
        # A day, not a moment: a time zone must not shift it.
        "closes_on": closes_on.isoformat() if closes_on is not None else None,
        "due": closes_on.isoformat() if closes_on is not None else _NO_DAY,
        "loss_reason": opportunity.loss_reason,
        "offer": opportunity.offer,
        "campaign": opportunity.campaign,
        "source": opportunity.source,
        "external_id": opportunity.external_id,
        "team": opportunity.team,
        "owner": opportunity.owner,
        "version": opportunity.version,
        "repeat": opportunity.repeat,
        "told": opportunity.told,
    }


def from_document(document: Document) -> Opportunity:
    amount, closes_on = document["amount"], document["closes_on"]
    return Opportunity(
        id=document["_id"],
        customer=document["customer"],
        source_record=document["source_record"],
        title=document["title"],
        opened_at=document["opened_at"],
        moves=tuple(Move(Stage(move["stage"]), move["at"]) for move in document["moves"]),
        source=document["source"],
        external_id=document["external_id"],
        amount=money_of(amount) if amount is not None else None,
        own_probability=document["own_probability"],
        closes_on=date.fromisoformat(closes_on) if closes_on is not None else None,
        loss_reason=document["loss_reason"],
        offer=document["offer"],
        campaign=document["campaign"],
        owner=document["owner"],
        team=document["team"],
        version=document["version"],
        repeat=document["repeat"],
        told=document["told"],
    )
