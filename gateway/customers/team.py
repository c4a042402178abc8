"""Teams in the graph."""

from typing import Any

import strawberry
from strawberry import federation

from gateway.customers.client import customers_of
from gateway.shared import Info, Named, Node, owned


async def load_team(info: Info, id: str) -> Any:
    return await customers_of(info).teams.load(id)


@federation.type(keys=["id"], description="A team of the company.")
class Team(Named, Node):
    id: strawberry.ID
    record: strawberry.Private[Any] = None

    key: str = strawberry.field(resolver=owned(load_team, lambda record: record.key))
    name: str = strawberry.field(resolver=owned(load_team, lambda record: record.name))

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Team":
        return cls(id=id)
