"""Where attributes are declared."""

from collections.abc import Iterable, Mapping

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from services.customers.attribute.domain import Attribute, AttributeType

OWN_SOURCE = "rundblick"


class MongoAttributeRepository:
    """They are the company's own: whoever may read customers may know what is kept of them."""

    def __init__(self, database: Database) -> None:
        self._attributes = database["attributes"]

    async def of_keys(
        self, caller: Caller, keys: Iterable[str], session: Session | None = None
    ) -> dict[str, Attribute]:
        found = self._attributes.find({"_id": {"$in": list(keys)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in found}

    async def all(self, caller: Caller, session: Session | None = None) -> dict[str, Attribute]:
        """By key; archived ones too. There are few."""
        found = self._attributes.find({"_id": {"$gt": ""}}, session=session, batch_size=ONE_REPLY).sort("_id", 1)
        return {document["_id"]: _from_document(document) async for document in found}

    async def schema(self, caller: Caller, session: Session | None = None) -> Mapping[str, AttributeType]:
        """Key -> type of those in use, for whoever asks of them."""
        declared = await self.all(caller, session)
        return {key: attribute.type for key, attribute in declared.items() if not attribute.archived}

    async def hold(self, caller: Caller, keys: Iterable[str] | None, session: Session) -> None:
        """Whoever changes one of these at the same time begins anew; None: any."""
        condition: Document = {"_id": {"$gt": ""} if keys is None else {"$in": sorted(keys)}}
        await self._attributes.update_many(condition, {"$inc": {"held": 1}}, session=session)

    async def save(self, caller: Caller, attribute: Attribute, session: Session) -> None:
        document = _to_document(attribute)
        await self._attributes.replace_one({"_id": attribute.key}, document, upsert=True, session=session)


def _to_document(attribute: Attribute) -> Document:
    return {
        "_id": attribute.key,
        "name": attribute.name,
        "type": attribute.type.value,
        "options": list(attribute.options),
        "description": attribute.description,
        "archived": attribute.archived,
        "version": attribute.version,
        "source": OWN_SOURCE,
        "team": None,
        "owner": None,
    }


def _from_document(document: Document) -> Attribute:
    return Attribute(
        key=document["_id"],
        name=document["name"],
        type=AttributeType(document["type"]),
        options=tuple(document["options"]),
        description=document["description"],
        archived=document["archived"],
        version=document["version"],
    )
