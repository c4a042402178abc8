"""Where states, their changes and the rules that decide them are kept."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReplaceOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, documents_after
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.state.domain import (
    Dimension,
    Judgement,
    Origin,
    Override,
    Reason,
    Restated,
    Rule,
    RuleSet,
    State,
    StateChange,
)

ORDER = (("at", DESCENDING), ("_id", DESCENDING))


class MongoStateRepository:
    """States follow from the facts of all sources: who may see one, its customer decides; partners see none."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._states = database["states"]
        self._changes = database["state_changes"]
        self._restated = database["restated_stages"]
        self._rules = database["state_rules"]
        self._former_rules = database["former_state_rules"]
        self._former = database["former_customers"]

    async def ensure_indexes(self) -> None:
        await self._changes.create_index([("customer", ASCENDING), *ORDER], name="history")
        await self._states.create_index(
            [("override.expires_at", ASCENDING)],
            name="expiry",
            partialFilterExpression={"override.expires_at": {"$exists": True}},
        )

    async def of_customers(
        self, caller: Caller, customers: Iterable[str], session: Session | None = None
    ) -> dict[str, State]:
        """By present ids; without those that nobody judged yet, unless an employee spoke of them."""
        found = self._states.find({"_id": {"$in": list(customers)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _state_from_document(document) async for document in found}

    async def save(self, caller: Caller, states: Sequence[State], session: Session) -> None:
        if states:
            writes = [ReplaceOne({"_id": one.customer}, _state_to_document(one), upsert=True) for one in states]
            await self._states.bulk_write(writes, ordered=False, session=session)

    async def stand(self, caller: Caller, customers: Sequence[str], now: datetime, session: Session) -> None:
        """They were judged, and nothing changed. Written all the same: of two judgements at once one starts anew."""
        if customers:
            condition = {"_id": {"$in": list(customers)}}
            await self._states.update_many(condition, {"$set": {"judged_at": now}}, session=session)

    async def leave(self, caller: Caller, customers: Sequence[str], session: Session) -> None:
        """They were merged into others. What they were is kept for when they come back; what was said of them ends."""
        if customers:
            condition = {"_id": {"$in": list(customers)}}
            await self._states.update_many(condition, {"$unset": {"override": 1}}, session=session)

    async def expired(self, caller: Caller, now: datetime, size: int) -> list[str]:
        """Customers with an override that is over."""
        found = self._states.find({"override.expires_at": {"$lte": now}}, {"_id": 1})
        return [document["_id"] for document in await found.limit(size).to_list(size)]

    async def add_changes(self, caller: Caller, changes: Sequence[StateChange], session: Session) -> None:
        if changes:
            await self._changes.insert_many(map(_change_to_document, changes), ordered=False, session=session)

    async def changes_after(
        self, caller: Caller, after: str, size: int, session: Session | None = None
    ) -> list[StateChange]:
        """The next ones in the order of their ids."""
        return [_change_from_document(one) for one in await documents_after(self._changes, after, size, session)]

    async def restate(self, caller: Caller, stages: Sequence[Restated], session: Session) -> None:
        if stages:
            documents = [{"_id": one.id, "customer": one.customer, "stage": one.stage, "at": one.at} for one in stages]
            await self._restated.insert_many(documents, ordered=False, session=session)

    async def restated_after(
        self, caller: Caller, after: str, size: int, session: Session | None = None
    ) -> list[Restated]:
        """The next ones in the order of their ids."""
        found = await documents_after(self._restated, after, size, session)
        return [Restated(one["_id"], one["customer"], one["stage"], one["at"]) for one in found]

    async def histories(self, caller: Caller, customers: Sequence[str], page: Page) -> dict[str, Slice[StateChange]]:
        """By present ids, the newest first, with one command; with the changes of those who were merged into them.

        A change stays with the id it was made for, so after a split each has its own again.
        """
        pipeline: list[Document] = [
            {"$documents": [{"_id": customer} for customer in dict.fromkeys(customers)]},
            {"$lookup": {"from": self._former.name, "localField": "_id", "foreignField": "into", "as": "former"}},
            {"$set": {"ids": {"$concatArrays": [["$_id"], "$former._id"]}}},
            {
                "$lookup": {
                    "from": self._changes.name,
                    "localField": "ids",
                    "foreignField": "customer",
                    "pipeline": [
                        {"$match": {"$and": [{}, keyset_filter(ORDER, page)]}},
                        {"$sort": dict(keyset_sort(ORDER, page))},
                        {"$limit": page.size + 1},
                    ],
                    "as": "found",
                }
            },
        ]
        slices: dict[str, Slice[StateChange]] = {}
        async for document in self._database.aggregate(pipeline, batchSize=ONE_REPLY):
            found = document["found"]
            boundaries = [(one["at"], one["_id"]) for one in found]
            slices[document["_id"]] = slice_of(list(map(_change_from_document, found)), boundaries, page)
        return slices

    async def rules(self, caller: Caller, session: Session | None = None) -> dict[Dimension, RuleSet]:
        """Of the dimensions for which this company defined its own."""
        wanted = {"_id": {"$in": [dimension.value for dimension in Dimension]}}
        found = self._rules.find(wanted, session=session, batch_size=ONE_REPLY)
        return {Dimension(document["_id"]): _set_from_document(document) async for document in found}

    async def save_rules(self, caller: Caller, rules: RuleSet, session: Session) -> None:
        """In place of the present ones, which are kept as they were."""
        name = rules.dimension.value
        before = await self._rules.find_one({"_id": name}, session=session)
        if before is not None:
            await self._former_rules.insert_one({**before, "_id": f"{name}/{before['version']}"}, session=session)
        document = {
            "_id": name,
            "version": rules.version,
            "rules": [
                {"key": one.key, "value": one.value, "when": one.when, "en": one.en, "de": one.de}
                for one in rules.rules
            ],
        }
        await self._rules.replace_one({"_id": name}, document, upsert=True, session=session)


def _set_from_document(document: Document) -> RuleSet:
    return RuleSet(Dimension(document["_id"]), tuple(Rule(**one) for one in document["rules"]), document["version"])


def _judgement_to_document(judgement: Judgement) -> Document:
    reason = judgement.reason
    return {
        "value": judgement.value,
        "since": judgement.since,
        # As pairs: the names of facts have a point in them, those of fields have none.
        "reason": {"rule": reason.rule, "en": reason.en, "de": reason.de, "facts": list(reason.facts.items())},
        "set_by": judgement.set_by.value,
        "employee": judgement.employee,
    }


def _judgement_from_document(document: Mapping[str, Any]) -> Judgement:
    reason = document["reason"]
    return Judgement(
        value=document["value"],
        since=document["since"],
        reason=Reason(reason["rule"], reason["en"], reason["de"], dict(reason["facts"])),
        set_by=Origin(document["set_by"]),
        employee=document["employee"],
    )


def _state_to_document(state: State) -> Document:
    document: Document = {
        "_id": state.customer,
        "judged": {dimension.value: _judgement_to_document(one) for dimension, one in state.judged.items()},
        "judged_at": state.judged_at,
        "source": "rundblick",
        "team": None,
        "owner": None,
    }
    override = state.override
    if override is None:
        # Left out: the index holds those that have one.
        return document
    said = {
        "values": {dimension.value: value for dimension, value in override.values.items()},
        "reason": override.reason,
        "by": override.by,
        "employee": override.employee,
        "at": override.at,
        "expires_at": override.expires_at,
    }
    return {**document, "override": said}


def _state_from_document(document: Document) -> State:
    override = document.get("override")
    if override is not None:
        values = {Dimension(name): value for name, value in override["values"].items()}
        override = Override(**{**override, "values": values})
    judged = {Dimension(name): _judgement_from_document(one) for name, one in document["judged"].items()}
    return State(document["_id"], judged, override, document["judged_at"])


def _change_to_document(change: StateChange) -> Document:
    return {
        "_id": change.id,
        "customer": change.customer,
        "dimension": change.dimension.value,
        "before": change.before,
        "after": _judgement_to_document(change.after),
        "at": change.after.since,
        "source": "rundblick",
        "team": None,
        "owner": None,
    }


def _change_from_document(document: Document) -> StateChange:
    return StateChange(
        id=document["_id"],
        customer=document["customer"],
        dimension=Dimension(document["dimension"]),
        before=document["before"],
        after=_judgement_from_document(document["after"]),
    )
