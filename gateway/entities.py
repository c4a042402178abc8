"""The schema of one subgraph, whose entities are asked for by typed keys: each representation is checked for itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError
from strawberry import federation
from strawberry.federation.schema import FederationAny

from chassis.errors import InvalidInput
from chassis.ids import prefix_of
from gateway.errors import bad_input
from gateway.limits import Limits, cost_of_item
from gateway.shared import Info

# What one page of a router refers to; a list that is longer is cut into several requests.
MOST_REPRESENTATIONS = 1_000
_KEY = {"__typename", "id"}


@dataclass(frozen=True, slots=True)
class Entity:
    """A type that a router may ask this subgraph for. prefix: of its ids. kind: makes an object from an id, without
    loading anything: what a field needs is loaded when it is asked for, all of one kind in one call.
    """

    prefix: str
    kind: Any


class SubgraphSchema(federation.Schema):
    """entities: by the name of their type. limits: the cost of all items of one `_entities` together."""

    def __init__(self, entities: Mapping[str, Entity], limits: Limits, **parts: Any) -> None:
        self._known = entities
        self._limits = limits
        super().__init__(**parts)

    def entities_resolver(self, info: Info, representations: list[FederationAny]) -> list[FederationAny]:
        """In the order asked for. What is no key of an entity is the error of its one item; the others stand."""
        self._check_cost(info, min(len(representations), MOST_REPRESENTATIONS))
        answers: list[Any] = [self._answer(number, said) for number, said in enumerate(representations)]
        return answers

    def _check_cost(self, info: Info, count: int) -> None:
        """How many items there are is known only now: the text of the operation does not say it."""
        raw = info._raw_info  # strawberry has no other way to the selection
        cost = count * sum(cost_of_item(node, raw.fragments) for node in raw.field_nodes)
        if cost > self._limits.cost:
            raise GraphQLError(
                f"the cost of the entities is {cost}; at most {self._limits.cost} is allowed",
                extensions={"code": "COST_ESTIMATED_TOO_EXPENSIVE"},
            )

    def _answer(self, number: int, said: object) -> Any:
        """The object, or the error that graphql-core puts in its place."""
        try:
            if number >= MOST_REPRESENTATIONS:
                raise bad_input(f"_entities takes at most {MOST_REPRESENTATIONS} representations")
            return self._object(said)
        except InvalidInput as error:
            return error

    def _object(self, said: object) -> Any:
        """InvalidInput: it is not the key of an entity of this subgraph. Nothing of it reaches a service unchecked."""
        if not isinstance(said, dict):
            raise bad_input("a representation is an object of __typename and id")
        name = said.get("__typename")
        entity = self._known.get(name) if isinstance(name, str) else None
        if entity is None:
            raise bad_input(f"this subgraph has no entity {str(name)[:100]}")
        if said.keys() != _KEY:
            raise bad_input(f"a representation of {name} is its __typename and its id, and nothing else")
        id = said["id"]
        if not isinstance(id, str) or prefix_of(id) != entity.prefix:
            raise bad_input(f"the id of a {name} is a string that begins with {entity.prefix}_")
        return entity.kind.resolve_reference(id)
