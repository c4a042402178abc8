"""Where sources are registered."""

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, of_sources
from services.customers.customer.domain import OWN_SOURCE
from services.customers.source.domain import LegalBasis, Source, SourceNotRegistered


class MongoSourceRepository:
    def __init__(self, database: Database, *, registered: bool = False) -> None:
        """registered: whether a source must be registered to bring customers in."""
        self._sources = database["sources"]
        self._registered = registered

    async def all(self, caller: Caller, session: Session | None = None) -> dict[str, Source]:
        """By key; of a partner its own. There are few."""
        wanted = {"_id": {"$gt": ""}, **of_sources(caller)}
        found = self._sources.find(wanted, session=session, batch_size=ONE_REPLY).sort("_id", 1)
        return {document["_id"]: _from_document(document) async for document in found}

    async def of_writer(self, caller: Caller, key: str, session: Session | None = None) -> Source | None:
        """Who says something of customers; None: it may say everything. SourceNotRegistered: it must be, and is not."""
        if key == OWN_SOURCE:
            return None
        document = await self._sources.find_one({"_id": key, **of_sources(caller)}, session=session)
        if document is None and self._registered:
            raise SourceNotRegistered(key)
        return _from_document(document) if document is not None else None

    async def save(self, caller: Caller, source: Source, session: Session) -> None:
        await self._sources.replace_one({"_id": source.key}, _to_document(source), upsert=True, session=session)


def _to_document(source: Source) -> Document:
    return {
        "_id": source.key,
        "name": source.name,
        "legal_basis": source.legal_basis.value,
        "description": source.description,
        "writable": sorted(source.writable) if source.writable is not None else None,
        "version": source.version,
        "source": source.key,
        "team": source.team,
        "owner": None,
    }


def _from_document(document: Document) -> Source:
    writable = document["writable"]
    return Source(
        key=document["_id"],
        name=document["name"],
        legal_basis=LegalBasis(document["legal_basis"]),
        team=document["team"],
        description=document["description"],
        writable=frozenset(writable) if writable is not None else None,
        version=document["version"],
    )
