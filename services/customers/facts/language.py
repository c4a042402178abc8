"""What conditions may speak of today: what every company asks, and the attributes that this one declared."""

from collections.abc import Iterable, Mapping

from chassis.caller import service_caller
from chassis.expressions import Kind
from chassis.mongo import Session
from services.customers.attribute.domain import AttributeType
from services.customers.attribute.repository import MongoAttributeRepository
from services.customers.facts.conditions import Conditions, attributes_named
from services.customers.facts.vocabulary import declared

_KINDS: Mapping[AttributeType, Kind] = {
    AttributeType.TEXT: Kind.STRING,
    AttributeType.CHOICE: Kind.STRING,
    AttributeType.NUMBER: Kind.NUMBER,
    AttributeType.FLAG: Kind.FLAG,
    AttributeType.DATE: Kind.MOMENT,
}


class Language:
    """Looked up each time, so that every process speaks the same; compiled anew only when it changed."""

    def __init__(self, attributes: MongoAttributeRepository) -> None:
        self._attributes = attributes
        self._caller = service_caller("customers")
        self._plain = Conditions(declared())
        self._known: tuple[Mapping[str, AttributeType], Conditions] | None = None

    async def conditions(self, texts: Iterable[str], session: Session | None = None) -> Conditions:
        """For these; the same object as long as the same attributes are in use."""
        keys = attributes_named(texts)
        if keys is not None and not keys:
            return self._plain
        schema = await self._attributes.schema(self._caller, session)
        if self._known is None or self._known[0] != schema:
            self._known = schema, Conditions(declared({key: _KINDS[type] for key, type in schema.items()}))
        return self._known[1]

    async def rely_on(self, texts: Iterable[str], session: Session) -> Conditions:
        """For conditions that are stored: no attribute they name is archived before the session commits."""
        stored = list(texts)
        keys = attributes_named(stored)
        if keys is None or keys:
            await self._attributes.hold(self._caller, keys, session)
        return await self.conditions(stored, session)
