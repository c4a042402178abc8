"""Where changes are kept."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session, in_transaction, of_sources
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.metrics.change.domain import Change, ChangeKind, Wanted

OWN_SOURCE = "rundblick"
ORDER = (("introduced_at", DESCENDING), ("_id", DESCENDING))

# Kept where there are no touchpoints, so that one index finds what changed at some and what changed everywhere.
_EVERYWHERE = "*"


class MongoChangeRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = database["changes"]

    async def ensure_indexes(self) -> None:
        await self._changes.create_index(ORDER, name="introduced_at")
        for field in ("kind", "places"):
            await self._changes.create_index([(field, ASCENDING), *ORDER], name=field)

    async def of_ids(self, caller: Caller, ids: Iterable[str]) -> dict[str, Change]:
        found = self._changes.find({"_id": {"$in": list(ids)}, **of_sources(caller)}, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in found}

    async def page(self, caller: Caller, page: Page, wanted: Wanted) -> Slice[Change]:
        """Newest introduction first."""
        conditions = [{**_condition(wanted), **of_sources(caller)}, keyset_filter(ORDER, page)]
        documents = await (
            self._changes.find({"$and": conditions}).sort(keyset_sort(ORDER, page)).limit(page.size + 1)
        ).to_list(page.size + 1)
        boundaries = [(document["introduced_at"], document["_id"]) for document in documents]
        return slice_of([_from_document(document) for document in documents], boundaries, page)

    async def overlapping(self, caller: Caller, start: datetime, end: datetime, besides: str) -> list[Change]:
        """All others that were introduced from start to before end, the earliest first."""
        condition = {"introduced_at": {"$gte": start, "$lt": end}, "_id": {"$ne": besides}, **of_sources(caller)}
        order = [(field, ASCENDING) for field, _ in ORDER]
        found = self._changes.find(condition, batch_size=ONE_REPLY).sort(order)
        return [_from_document(document) async for document in found]

    async def add(self, caller: Caller, session: Session, change: Change) -> None:
        await self._changes.insert_one(_to_document(change), session=session)

    async def put(self, caller: Caller, changes: Sequence[Change]) -> None:
        """Those of measures, each that is newer than what is known of it."""

        async def work(session: Session) -> None:
            for change in changes:
                found = self._changes.find({"_id": change.id}, {"measure_version": 1}, session=session)
                known = [document["measure_version"] async for document in found]
                if not known or known[0] < (change.measure_version or 0):
                    await self._changes.replace_one(
                        {"_id": change.id}, _to_document(change), upsert=True, session=session
                    )

        await in_transaction(self._database, work)


def _condition(wanted: Wanted) -> Document:
    condition: Document = {}
    if wanted.kinds:
        condition["kind"] = {"$in": sorted(kind.value for kind in wanted.kinds)}
    if wanted.touchpoints:
        condition["places"] = {"$in": [_EVERYWHERE, *wanted.touchpoints]}
    if wanted.period is not None:
        start, end = wanted.period
        condition["introduced_at"] = {"$gte": start, "$lt": end}
    return condition


def _to_document(change: Change) -> Document:
    return {
        "_id": change.id,
        "name": change.name,
        "kind": change.kind.value,
        "introduced_at": change.introduced_at,
        "places": list(change.touchpoints) or [_EVERYWHERE],
        "description": change.description,
        "recorded_at": change.recorded_at,
        "recorded_by": change.recorded_by,
        "source": OWN_SOURCE,
        "team": change.team,
        "owner": change.owner,
        "measure": change.measure,
        "measure_version": change.measure_version,
        "aims_at": change.aims_at,
    }


def _from_document(document: Document) -> Change:
    return Change(
        id=document["_id"],
        name=document["name"],
        kind=ChangeKind(document["kind"]),
        introduced_at=document["introduced_at"],
        recorded_at=document["recorded_at"],
        recorded_by=document["recorded_by"],
        touchpoints=tuple(place for place in document["places"] if place != _EVERYWHERE),
        description=document["description"],
        team=document["team"],
        owner=document["owner"],
        # What was recorded before measures were known here has none.
        measure=document.get("measure"),
        measure_version=document.get("measure_version"),
        aims_at=document.get("aims_at"),
    )
