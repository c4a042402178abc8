"""Where touchpoints are kept."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from pymongo import ASCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.touchpoint.domain import Channel, Control, Nature, Touchpoint

OWN_SOURCE = "rundblick"
ORDER = (("key", ASCENDING),)


class MongoTouchpointRepository:
    """Touchpoints are the company's own: every caller may know them."""

    def __init__(self, database: Database) -> None:
        self._touchpoints = database["touchpoints"]

    async def ensure_indexes(self) -> None:
        await self._touchpoints.create_index(ORDER, name="key", unique=True)
        for field in ("channel", "nature"):
            await self._touchpoints.create_index([(field, ASCENDING), *ORDER], name=field)

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Touchpoint]:
        documents = self._touchpoints.find({"_id": {"$in": list(ids)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in documents}

    async def of_keys(
        self, caller: Caller, keys: Iterable[str], session: Session | None = None
    ) -> dict[str, Touchpoint]:
        documents = self._touchpoints.find({"key": {"$in": list(keys)}}, session=session, batch_size=ONE_REPLY)
        return {document["key"]: _from_document(document) async for document in documents}

    async def of_channels(self, caller: Caller, channels: Iterable[Channel]) -> frozenset[str]:
        """Their ids."""
        condition = {"channel": {"$in": [channel.value for channel in channels]}}
        found = self._touchpoints.find(condition, {"_id": 1}, batch_size=ONE_REPLY)
        return frozenset([document["_id"] async for document in found])

    async def page(self, caller: Caller, page: Page, filter: Mapping[str, Any]) -> Slice[Touchpoint]:
        documents = await (
            self._touchpoints.find({"$and": [dict(filter), keyset_filter(ORDER, page)]})
            .sort(keyset_sort(ORDER, page))
            .limit(page.size + 1)
        ).to_list(page.size + 1)
        boundaries = [(document["key"],) for document in documents]
        return slice_of([_from_document(document) for document in documents], boundaries, page)

    async def add(self, caller: Caller, touchpoints: Sequence[Touchpoint], session: Session) -> None:
        if touchpoints:
            await self._touchpoints.insert_many([_to_document(t) for t in touchpoints], session=session)

    async def save(self, caller: Caller, touchpoint: Touchpoint, session: Session) -> None:
        await self._touchpoints.replace_one({"_id": touchpoint.id}, _to_document(touchpoint), session=session)


def _to_document(touchpoint: Touchpoint) -> Document:
    return {
        "_id": touchpoint.id,
        "key": touchpoint.key,
        "name": touchpoint.name,
        "channel": touchpoint.channel.value,
        "nature": touchpoint.nature.value,
        "control": touchpoint.control.value,
        # Days, not moments: a time zone must not shift them.
        "active_from": touchpoint.active_from.isoformat() if touchpoint.active_from else None,
        "active_to": touchpoint.active_to.isoformat() if touchpoint.active_to else None,
        "source": OWN_SOURCE,
        "team": None,
        "owner": None,
    }


def _from_document(document: Document) -> Touchpoint:
    return Touchpoint(
        id=document["_id"],
        key=document["key"],
        name=document["name"],
        channel=Channel(document["channel"]),
        nature=Nature(document["nature"]),
        control=Control(document["control"]),
        active_from=date.fromisoformat(document["active_from"]) if document["active_from"] else None,
        active_to=date.fromisoformat(document["active_to"]) if document["active_to"] else None,
    )
