"""Whose the source records are, and what was said of their stages and segments, in MongoDB.

It stands in the documents that hold the figures of source records: whoever counts by what a customer was writes them,
and so does whoever changes that, so the two never pass each other unseen.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pymongo import UpdateOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from services.metrics.rollup.history import Fact, History

# What a record needs to be there at all.
_NEW = {"n": 0, "k": {}}


@dataclass
class Record:
    """facts: how often each was said, less how often it was taken back. was: what holds before that moment for good."""

    id: str
    customer: str
    facts: dict[Fact, int] = field(default_factory=dict)
    was: tuple[datetime, History] | None = None


def histories(records: Iterable[Record]) -> dict[str, History]:
    """record -> what its customer was, from all records of the customers."""
    of_customer: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        of_customer[record.customer].append(record)
    found = {}
    for those in of_customer.values():
        history = History.of(fact for one in those for fact, count in one.facts.items() if count > 0)
        for one in those:
            found[one.id] = history if one.was is None else history.after(one.was[1], one.was[0])
    return found


class MongoBelongingRepository:
    def __init__(self, database: Database) -> None:
        self._records = database["record_figures"]
        self._families = database["families"]

    async def touch(self, caller: Caller, session: Session, records: Mapping[str, str | None]) -> None:
        """record -> whose it was when it came in, which counts where nothing is known of it."""
        if records:
            writes = [_touched(record, hint or record) for record, hint in records.items()]
            await self._records.bulk_write(writes, ordered=False, session=session)

    async def families(
        self, caller: Caller, session: Session | None, records: Mapping[str, str | None], customers: Iterable[str] = ()
    ) -> dict[str, Record]:
        """The records, and all others of the same customers; by id."""
        projection = {"customer": 1, "h": 1, "was": 1}
        condition: Document = {"_id": {"$in": list(records)}}
        found = self._records.find(condition, projection, session=session, batch_size=ONE_REPLY)
        known = {one["_id"]: _from_document(one) async for one in found}
        for record, hint in records.items():
            known.setdefault(record, Record(record, hint or record))
        owners = {one.customer for one in known.values()} | set(customers)
        if session is not None:
            await self._claim(session, owners)
        condition = {"customer": {"$in": list(owners)}}
        found = self._records.find(condition, projection, session=session, batch_size=ONE_REPLY)
        return known | {one["_id"]: _from_document(one) async for one in found}

    async def _claim(self, session: Session, customers: Iterable[str]) -> None:
        """Two transactions that look at one family conflict, also where one of them adds a record the other misses."""
        writes = [UpdateOne({"_id": one}, {"$inc": {"n": 1}}, upsert=True) for one in customers]
        if writes:
            await self._families.bulk_write(writes, ordered=False, session=session)

    async def keep(self, caller: Caller, session: Session, records: Iterable[Record]) -> None:
        writes = []
        for record in records:
            said: Document = {"h": [_to_document(fact, count) for fact, count in record.facts.items() if count]}
            if record.was is not None:
                until, history = record.was
                said["was"] = {"until": until, **history.to_document()}
            writes.append(_touched(record.id, record.customer, said))
        if writes:
            await self._records.bulk_write(writes, ordered=False, session=session)

    async def all(self, caller: Caller) -> dict[str, Record]:
        """Every record of customers of whom anything was said."""
        told = {"$or": [{"h.0": {"$exists": True}}, {"was": {"$exists": True}}]}
        # Not distinct: its answer is one document, which holds 16 MB and no more.
        found = self._records.aggregate([{"$match": told}, {"$group": {"_id": "$customer"}}])
        return await self.families(caller, None, {}, {one["_id"] async for one in found})


def _touched(record: str, customer: str, said: Document | None = None) -> UpdateOne:
    update: Document = {"$inc": {"m": 1}, "$setOnInsert": {"customer": customer, **_NEW}}
    if said:
        update["$set"] = said
    return UpdateOne({"_id": record}, update, upsert=True)


def _to_document(fact: Fact, count: int) -> Document:
    return {
        "at": fact.at,
        "subject": fact.subject,
        "dimension": fact.dimension,
        "value": fact.value,
        "member": fact.member,
        "c": count,
    }


def _from_document(document: Document) -> Record:
    facts = {
        Fact(one["at"], one["subject"], one["dimension"], one["value"], one["member"]): one["c"]
        for one in document.get("h", ())
    }
    was = document.get("was")
    frozen = (was["until"], History.from_document(was)) if was else None
    return Record(document["_id"], document["customer"], facts, frozen)
