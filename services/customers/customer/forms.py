"""Looks up what customers look like here, for whoever reads what is said of them."""

from collections.abc import Iterable

from rundblick.customers.v1 import customer_pb2 as pb

from chassis.caller import Caller
from services.customers.attribute.repository import MongoAttributeRepository
from services.customers.customer.domain import Form


class Forms:
    def __init__(self, attributes: MongoAttributeRepository, region: str | None) -> None:
        """region: where phone numbers without a country code are dialled."""
        self._attributes = attributes
        self._region = region

    async def of(self, caller: Caller, said: Iterable[pb.CustomerFields]) -> Form:
        """The form in which all of this is read: at most one command, and none when no attribute is said."""
        keys = {one.key for fields in said for one in fields.attributes}
        return Form(self._region, await self._attributes.of_keys(caller, keys) if keys else {})
