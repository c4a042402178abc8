"""Definitions in MongoDB: each version as it was written, and for each name that cells are kept under how far they are.

A stamp grows with every change, so that processes see by one small read whether they must read more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReturnDocument

from chassis.caller import Caller
from chassis.errors import Conflict
from chassis.ids import new_id
from chassis.mongo import Database, Document, Session, in_transaction
from chassis.page import Page, Slice
from services.metrics.event.domain import AttributeKind, EventType
from services.metrics.kpi.definition import changes
from services.metrics.kpi.domain import Aggregation, BackFill, Direction, Kpi, Phase, Target

_STAMP = "definitions"


class MongoKpiRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._versions = database["kpi_versions"]
        self._counts = database["kpi_counts"]
        self._types = database["event_types"]
        self._stamps = database["stamps"]

    async def ensure_indexes(self) -> None:
        await self._counts.create_index([("key", ASCENDING)], name="key")
        await self._counts.create_index([("phase", ASCENDING), ("job", ASCENDING)], name="phase")
        await self._counts.create_index("drop", name="drop", partialFilterExpression={"drop": True})
        await self._counts.create_index([("job", DESCENDING)], name="job")
        await self._versions.create_index([("key", ASCENDING), ("version", DESCENDING)], name="key")

    async def claim_zone(self, caller: Caller, zone: str) -> None:
        """Conflict: figures are kept in the days of another zone; they would have to be counted anew."""
        kept = await self._stamps.find_one_and_update(
            {"_id": "zone"}, {"$setOnInsert": {"name": zone}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        if kept["name"] != zone:
            raise Conflict(f"figures are kept in the days of {kept['name']}, not of {zone}: RUNDBLICK_REPORTING_ZONE")

    async def install(self, caller: Caller, shipped: Sequence[Kpi]) -> None:
        """Those that are missing, and next versions of those that changed and that nobody here made their own."""

        async def work(session: Session) -> None:
            known = {kpi.key: kpi for kpi in sorted((await self.load(caller, session))[1], key=lambda one: one.version)}
            for kpi in shipped:
                before = known.get(kpi.key)
                if before is None:
                    await self.add(caller, session, kpi, fresh=True)
                elif before.built_in and any(changes(before, kpi)):
                    same = before.counting == kpi.counting
                    version = before.version + 1
                    after = replace(kpi, version=version, counted=before.counted if same else version)
                    await self.add(caller, session, after, fresh=not same)

        await in_transaction(self._database, work)

    # ------------------------------------------------------------------------------ all of it

    async def stamp(self, caller: Caller, session: Session | None = None) -> int:
        found = await self._stamps.find_one({"_id": _STAMP}, session=session)
        return int(found["n"]) if found else 0

    async def load(self, caller: Caller, session: Session | None = None) -> tuple[list[EventType], list[Kpi]]:
        """Event types of the company; of each KPI the versions whose cells are there, and the newest."""
        types = [_type(document) async for document in self._types.find({}, session=session)]
        counts = {document["_id"]: document async for document in self._counts.find({}, session=session)}
        newest: dict[str, Kpi] = {}
        kept: dict[str, Kpi] = {}
        async for document in self._versions.find({}, session=session).sort("version", ASCENDING):
            kpi = _kpi(document, counts)
            newest[kpi.key] = kpi
            if kpi.phase is not Phase.RETIRED and kpi.cells in counts:
                kept[kpi.cells] = kpi
        seen = {(kpi.key, kpi.version) for kpi in kept.values()}
        return types, [*kept.values(), *(kpi for kpi in newest.values() if (kpi.key, kpi.version) not in seen)]

    # ----------------------------------------------------------------------- what is defined

    async def newest(self, caller: Caller, key: str, session: Session) -> Kpi | None:
        found = await self._versions.find_one({"key": key}, session=session, sort=[("version", DESCENDING)])
        if found is None:
            return None
        counts = {one["_id"]: one async for one in self._counts.find({"key": key}, session=session)}
        return _kpi(found, counts)

    async def add(self, caller: Caller, session: Session, kpi: Kpi, *, fresh: bool) -> None:
        """A version; fresh: it is counted anew."""
        await self._versions.insert_one(_version(kpi), session=session)
        if fresh and not kpi.of:
            # What has never answered and is overtaken already never will.
            overtaken = {"key": kpi.key, "phase": {"$in": [Phase.WAITING.value, Phase.FILLING.value]}}
            await self._counts.update_many(
                overtaken, {"$set": {"phase": Phase.RETIRED.value, "drop": True}}, session=session
            )
            await self._counts.insert_one(
                {
                    "_id": kpi.cells,
                    "key": kpi.key,
                    "phase": Phase.WAITING.value,
                    "job": kpi.back_fill.job if kpi.back_fill else new_id("job"),
                    "drop": False,
                },
                session=session,
            )
        await self.changed(caller, session)

    async def archive(self, caller: Caller, session: Session, key: str, version: int, at: datetime) -> None:
        await self._versions.update_one({"_id": f"{key}/{version}"}, {"$set": {"archived_at": at}}, session=session)
        ended = {"$set": {"phase": Phase.RETIRED.value, "finished_at": {"$ifNull": ["$finished_at", at]}}}
        await self._counts.update_many({"key": key}, [ended], session=session)
        await self.changed(caller, session)

    async def put_type(self, caller: Caller, session: Session, type: EventType) -> None:
        await self._types.replace_one({"_id": type.name}, _type_document(type), upsert=True, session=session)
        await self.changed(caller, session)

    async def changed(self, caller: Caller, session: Session) -> None:
        await self._stamps.update_one({"_id": _STAMP}, {"$inc": {"n": 1}}, upsert=True, session=session)

    # ---------------------------------------------------------------------- what is counted

    async def unfinished(self, caller: Caller, session: Session) -> list[Document]:
        """Those that wait or are being filled."""
        phases = [Phase.WAITING.value, Phase.FILLING.value]
        return [one async for one in self._counts.find({"phase": {"$in": phases}}, session=session)]

    async def begin(
        self,
        caller: Caller,
        session: Session,
        cells: str,
        since: Mapping[int, int],
        counted_from: datetime | None,
        now: datetime,
    ) -> None:
        """It counts what comes after these positions; what came before is to be filled in, if there is any."""
        total = sum(since.values())
        done = {"phase": Phase.COMPLETE.value, "finished_at": now} if not total else {"phase": Phase.FILLING.value}
        await self._counts.update_one(
            {"_id": cells},
            {
                "$set": {
                    "since": {str(partition): position for partition, position in since.items()},
                    "done": {str(partition): 0 for partition in since},
                    "total": total,
                    "started_at": now,
                    "from": counted_from,
                    **done,
                }
            },
            session=session,
        )
        await self.changed(caller, session)

    async def filled(self, caller: Caller, session: Session, cells: str, partition: int, position: int) -> None:
        await self._counts.update_one({"_id": cells}, {"$set": {f"done.{partition}": position}}, session=session)

    async def complete(self, caller: Caller, session: Session, key: str, cells: str, now: datetime) -> None:
        """From now on it answers; those before it go."""
        await self._counts.update_one(
            {"_id": cells}, {"$set": {"phase": Phase.COMPLETE.value, "finished_at": now}}, session=session
        )
        await self._counts.update_many(
            {"key": key, "_id": {"$ne": cells}},
            {"$set": {"phase": Phase.RETIRED.value, "drop": True}},
            session=session,
        )
        await self.changed(caller, session)

    async def filling(self, caller: Caller, session: Session) -> Document | None:
        """The next to be filled."""
        return await self._counts.find_one({"phase": Phase.FILLING.value}, sort=[("job", ASCENDING)], session=session)

    async def to_drop(self, caller: Caller) -> str | None:
        found = await self._counts.find_one({"drop": True}, {"_id": 1})
        return str(found["_id"]) if found else None

    async def dropped(self, caller: Caller, cells: str) -> None:
        await self._counts.delete_one({"_id": cells, "drop": True})

    # ------------------------------------------------------------------------------- jobs

    async def jobs(self, caller: Caller, page: Page) -> Slice[tuple[Kpi, BackFill]]:
        """Newest first."""
        forward = not page.backward
        match: Document = {"job": {"$exists": True}}
        if page.boundary is not None:
            match["job"] = {"$lt" if forward else "$gt": page.boundary[0]}
        cursor = self._counts.find(match).sort("job", DESCENDING if forward else ASCENDING).limit(page.size + 1)
        found = await cursor.to_list(page.size + 1)
        more = len(found) > page.size
        found = found[: page.size]
        if not forward:
            found.reverse()
        ids = [document["_id"] for document in found]
        versions = {one["_id"]: one async for one in self._versions.find({"_id": {"$in": ids}})}
        counts = {document["_id"]: document for document in found}
        items = tuple((_kpi(versions[id], counts), _fill(counts[id])) for id in ids)
        beyond = page.boundary is not None
        return Slice(
            items,
            tuple((document["job"],) for document in found),
            has_next=more if forward else beyond,
            has_previous=beyond if forward else more,
        )


def _version(kpi: Kpi) -> Document:
    goal = kpi.goal
    return {
        "_id": f"{kpi.key}/{kpi.version}",
        "key": kpi.key,
        "version": kpi.version,
        "counted": kpi.counted,
        "name": kpi.name,
        "description": kpi.description,
        "aggregation": kpi.aggregation.value,
        "unit": kpi.unit,
        "direction": kpi.direction.value,
        "event": kpi.event,
        "filter": kpi.filter,
        "value": kpi.value,
        "quantile": kpi.quantile,
        "of": list(kpi.of),
        "target": None
        if goal is None
        else {"value": goal.value, "since": _day_to_document(goal.since), "until": _day_to_document(goal.until)},
        "sets": [list(one) for one in kpi.sets],
        "per_customer": kpi.per_customer,
        "owner": kpi.owner,
        "waits": kpi.waits,
        "built_in": kpi.built_in,
        "archived_at": kpi.archived_at,
    }


def _kpi(document: Document, counts: Mapping[str, Document]) -> Kpi:
    target = document["target"]
    name = f"{document['key']}/{document['counted']}"
    count = counts.get(name)
    return Kpi(
        key=document["key"],
        name=document["name"],
        aggregation=Aggregation(document["aggregation"]),
        unit=document["unit"],
        direction=Direction(document["direction"]),
        description=document["description"],
        event=document["event"],
        filter=document["filter"],
        value=document["value"],
        quantile=document["quantile"],
        of=tuple(document["of"]),
        goal=None if target is None else Target(target["value"], _day(target["since"]), _day(target["until"])),
        sets=tuple(tuple(one) for one in document["sets"]),
        per_customer=document["per_customer"],
        owner=document["owner"],
        waits=document["waits"],
        version=document["version"],
        counted=document["counted"],
        phase=Phase(count["phase"]) if count is not None else Phase.COMPLETE if document["of"] else Phase.RETIRED,
        back_fill=_fill(count) if count is not None else None,
        counted_from=count.get("from") if count is not None else None,
        archived_at=document["archived_at"],
        built_in=document["built_in"],
    )


def _fill(count: Mapping[str, Any]) -> BackFill:
    return BackFill(
        job=count["job"],
        total=count.get("total", 0),
        done=sum(count.get("done", {}).values()),
        started_at=count.get("started_at"),
        finished_at=count.get("finished_at"),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _day_to_document(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _type_document(type: EventType) -> Document:
    return {
        "_id": type.name,
        "description": type.description,
        "dimensions": list(type.dimensions),
        "attributes": {name: kind.value for name, kind in type.attributes.items()},
        "unit": type.unit,
        "waits": type.waits,
        "changed_at": datetime.now(UTC),
    }


def _type(document: Document) -> EventType:
    return EventType(
        name=document["_id"],
        description=document["description"],
        dimensions=tuple(document["dimensions"]),
        attributes={name: AttributeKind(kind) for name, kind in document["attributes"].items()},
        unit=document["unit"],
        waits=document["waits"],
    )
