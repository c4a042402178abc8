"""Where partner clients are kept; of their secrets only hashes."""

from collections.abc import Iterable

from pymongo import ASCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.client.domain import OWN_SOURCE, Client, Secret

# Ids grow with the time they were made.
ORDER = (("_id", ASCENDING),)


class MongoClientRepository:
    """Clients are the company's own: partners do not see them, not even theirs."""

    def __init__(self, database: Database) -> None:
        self._clients = database["clients"]

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Client]:
        if caller.sources is not None:
            return {}
        documents = self._clients.find({"_id": {"$in": list(ids)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in documents}

    async def page(self, caller: Caller, page: Page) -> Slice[Client]:
        if caller.sources is not None:
            return slice_of([], [], page)
        documents = await (
            self._clients.find(keyset_filter(ORDER, page)).sort(keyset_sort(ORDER, page)).limit(page.size + 1)
        ).to_list(page.size + 1)
        boundaries = [(document["_id"],) for document in documents]
        return slice_of([_from_document(document) for document in documents], boundaries, page)

    async def save(self, caller: Caller, client: Client, session: Session) -> None:
        await self._clients.replace_one({"_id": client.id}, _to_document(client), upsert=True, session=session)


def _to_document(client: Client) -> Document:
    return {
        "_id": client.id,
        "name": client.name,
        "sources": sorted(client.sources),
        "scopes": sorted(client.scopes),
        "secrets": [{"id": secret.id, "hash": secret.hash, "until": secret.until} for secret in client.secrets],
        "created_at": client.created_at,
        "rotated_at": client.rotated_at,
        "revoked_at": client.revoked_at,
        "source": OWN_SOURCE,
        "team": None,
        "owner": None,
    }


def _from_document(document: Document) -> Client:
    return Client(
        id=document["_id"],
        name=document["name"],
        sources=frozenset(document["sources"]),
        scopes=frozenset(document["scopes"]),
        secrets=tuple(Secret(one["id"], one["hash"], one["until"]) for one in document["secrets"]),
        created_at=document["created_at"],
        rotated_at=document["rotated_at"],
        revoked_at=document["revoked_at"],
    )
