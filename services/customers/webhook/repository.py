"""Where webhook endpoints are kept."""

from collections.abc import Iterable, Mapping
from typing import Any

from pymongo import ASCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.touchpoint.domain import Channel
from services.customers.webhook.domain import Endpoint

OWN_SOURCE = "rundblick"
# Ids grow with the time they were made.
ORDER = (("_id", ASCENDING),)


class MongoEndpointRepository:
    """Endpoints are the company's own: partners do not see them."""

    def __init__(self, database: Database) -> None:
        self._endpoints = database["webhook_endpoints"]

    async def ensure_indexes(self) -> None:
        await self._endpoints.create_index(
            [("channels", ASCENDING)], name="channel", unique=True, partialFilterExpression={"active": True}
        )
        await self._endpoints.create_index(
            [("active", ASCENDING)], name="active", partialFilterExpression={"active": True}
        )

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Endpoint]:
        if caller.sources is not None:
            return {}
        documents = self._endpoints.find({"_id": {"$in": list(ids)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in documents}

    async def page(self, caller: Caller, page: Page) -> Slice[Endpoint]:
        if caller.sources is not None:
            return slice_of([], [], page)
        documents = await (
            self._endpoints.find(keyset_filter(ORDER, page)).sort(keyset_sort(ORDER, page)).limit(page.size + 1)
        ).to_list(page.size + 1)
        boundaries = [(document["_id"],) for document in documents]
        return slice_of([_from_document(document) for document in documents], boundaries, page)

    async def active(self, caller: Caller) -> dict[Channel, Endpoint]:
        """Who carries what today."""
        documents = self._endpoints.find({"active": True}, batch_size=ONE_REPLY)
        endpoints = [_from_document(document) async for document in documents]
        return {channel: endpoint for endpoint in endpoints for channel in endpoint.channels}

    async def taken(self, caller: Caller, channels: Iterable[Channel], session: Session) -> bool:
        wanted = {"active": True, "channels": {"$in": [channel.value for channel in channels]}}
        return await self._endpoints.find_one(wanted, {"_id": 1}, session=session) is not None

    async def save(self, caller: Caller, endpoint: Endpoint, session: Session | None = None) -> None:
        await self._endpoints.replace_one({"_id": endpoint.id}, _to_document(endpoint), upsert=True, session=session)


def _to_document(endpoint: Endpoint) -> Document:
    return {
        "_id": endpoint.id,
        "url": endpoint.url,
        "channels": sorted(channel.value for channel in endpoint.channels),
        "secret": endpoint.secret,
        "created_at": endpoint.created_at,
        "archived_at": endpoint.archived_at,
        "gone": endpoint.gone,
        "active": endpoint.archived_at is None,
        "source": OWN_SOURCE,
        "team": None,
        "owner": None,
    }


def _from_document(document: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        id=document["_id"],
        url=document["url"],
        channels=frozenset(map(Channel, document["channels"])),
        secret=document["secret"],
        created_at=document["created_at"],
        archived_at=document["archived_at"],
        gone=document["gone"],
    )
