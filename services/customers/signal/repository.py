"""Where signals are kept."""

from collections.abc import Iterable, Sequence

from pymongo import ASCENDING, ReplaceOne

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from services.customers.signal.domain import Signal, SignalKind


class MongoSignalRepository:
    """They are looked at by rules alone: callers do not see them."""

    def __init__(self, database: Database) -> None:
        self._signals = database["signals"]

    async def ensure_indexes(self) -> None:
        await self._signals.create_index([("customer", ASCENDING)], name="customer")
        await self._signals.create_index([("source_record", ASCENDING), ("customer", ASCENDING)], name="record")

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session) -> dict[str, Signal]:
        found = self._signals.find({"_id": {"$in": list(ids)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in found}

    async def save(self, caller: Caller, signals: Sequence[Signal], session: Session) -> None:
        if signals:
            writes = [ReplaceOne({"_id": one.id}, _to_document(one), upsert=True) for one in signals]
            await self._signals.bulk_write(writes, ordered=False, session=session)

    async def give(self, caller: Caller, record: str, customer: str, session: Session) -> None:
        """All of a source record to whom the record belongs."""
        await self._signals.update_many(
            {"source_record": record, "customer": {"$ne": customer}}, {"$set": {"customer": customer}}, session=session
        )


def _to_document(signal: Signal) -> Document:
    return {
        "_id": signal.id,
        "kind": signal.kind.value,
        "at": signal.at,
        "source": signal.source,
        "version": signal.version,
        "customer": signal.customer,
        "source_record": signal.source_record,
        "open": signal.open,
        "survey": signal.survey,
        "value": signal.value,
        "need": signal.need,
        "topics": list(signal.topics),
    }


def _from_document(document: Document) -> Signal:
    said = {name: value for name, value in document.items() if name != "_id"}
    return Signal(
        **{**said, "id": document["_id"], "kind": SignalKind(document["kind"]), "topics": tuple(document["topics"])}
    )
