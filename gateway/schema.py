"""The only file that knows all subgraphs: each as a federation schema, and all merged into one.

A type that several subgraphs extend is one Python class over theirs; strawberry resolves types by name, so what a
subgraph calls Customer is the merged one here.
"""

import sys
import warnings
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any, Literal

import strawberry
from graphql import GraphQLSchema, lexicographic_sort_schema, print_schema, specified_directives
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types
from strawberry.types.base import StrawberryObjectDefinition

import gateway.customers.subgraph
import gateway.feedback.subgraph
import gateway.metrics.subgraph
import gateway.node.subgraph
from gateway import rights
from gateway.entities import Entity, SubgraphSchema
from gateway.limits import Limits
from gateway.node.node import STUBS

# What all composers in use accept.
FEDERATION_VERSION: Literal["2.9"] = "2.9"

SUBGRAPHS: Mapping[str, ModuleType] = {
    "customers": gateway.customers.subgraph,
    "feedback": gateway.feedback.subgraph,
    "metrics": gateway.metrics.subgraph,
    "node": gateway.node.subgraph,
}


_ROOTS = {"QUERIES": "Query", "MUTATIONS": "Mutation", "SUBSCRIPTIONS": "Subscription"}


class Clash(Exception):
    """Two subgraphs define one thing that only one of them may own."""


def subgraph(name: str, limits: Limits | None = None) -> SubgraphSchema:
    """The federation schema of one subgraph, with the rights that routers are to enforce."""
    # Which types there are is known when they are together; directives count only from before that.
    rights.declare(name, _definitions(_subgraph(name, Limits())))
    return _subgraph(name, limits or Limits())


def _definitions(schema: SubgraphSchema) -> list[StrawberryObjectDefinition]:
    kept = [one.definition for one in schema.schema_converter.type_map.values()]
    return [definition for definition in kept if isinstance(definition, StrawberryObjectDefinition)]


def _subgraph(name: str, limits: Limits) -> SubgraphSchema:
    module = SUBGRAPHS[name]
    return SubgraphSchema(
        _entities(module),
        limits,
        query=module.Query,
        mutation=getattr(module, "Mutation", None),
        subscription=getattr(module, "Subscription", None),
        types=module.ENTITIES,
        federation_version=FEDERATION_VERSION,
    )


def _entities(module: ModuleType) -> dict[str, Entity]:
    """What the subgraph answers by a key; its stubs are answered by others."""
    prefixes = {stub.__name__: prefix for prefix, stub in STUBS.items()}
    return {
        kind.__name__: Entity(prefixes[kind.__name__], kind)
        for kind in module.ENTITIES
        if hasattr(kind, "resolve_reference")
    }


def subgraph_sdl(name: str) -> str:
    return subgraph(name).as_str() + "\n"


def _merged_entities() -> list[Any]:
    parts: dict[str, list[Any]] = defaultdict(list)
    for name, module in SUBGRAPHS.items():
        for entity in module.ENTITIES:
            # Stubs of the node subgraph say nothing that the others do not.
            if name != "node":
                parts[entity.__name__].append(entity)
    return [_merged(name, classes) for name, classes in parts.items()]


def _merged(name: str, classes: list[Any]) -> Any:
    """One type with the fields of all; two that define the same field clash."""
    owners: dict[str, str] = {}
    for part in classes:
        for field in part.__strawberry_definition__.fields:
            before = owners.setdefault(field.python_name, part.__module__)
            if field.python_name != "id" and before != part.__module__:
                raise Clash(f"{name}.{field.python_name} is defined by {before} and by {part.__module__}")
    # The owner first: it has the record.
    classes = sorted(classes, key=lambda part: -len(part.__strawberry_definition__.fields))
    description = next(filter(None, (part.__strawberry_definition__.description for part in classes)), None)
    return strawberry.type(type(name, tuple(classes), {}), name=name, description=description)


def _without_clash(name: str) -> Any:
    """All root fields of one kind."""
    owners: dict[str, str] = {}
    roots = [root for module in SUBGRAPHS.values() for root in getattr(module, name, ())]
    for root in roots:
        for field in root.__strawberry_definition__.fields:
            before = owners.setdefault(field.python_name, root.__module__)
            if before != root.__module__:
                raise Clash(f"the root field {field.python_name} is defined by {before} and by {root.__module__}")
    return merge_types(_ROOTS[name], tuple(roots))


@cache
def merged() -> strawberry.Schema:
    """The schema behind /graphql."""
    with warnings.catch_warnings():
        # The keys of entities mean nothing here, and are not printed.
        warnings.filterwarnings("ignore", message="Federation directive")
        schema = strawberry.Schema(
            query=_without_clash("QUERIES"),
            mutation=_without_clash("MUTATIONS"),
            subscription=_without_clash("SUBSCRIPTIONS"),
            types=_merged_entities(),
            config=StrawberryConfig(_unsafe_disable_same_type_validation=True),
        )
    # What speaks to routers alone is not part of what clients see.
    schema._schema.directives = tuple(specified_directives)
    return schema


def graphql_schema() -> GraphQLSchema:
    return merged()._schema  # executed by graphql-core itself


def printed_schema() -> str:
    return print_schema(lexicographic_sort_schema(graphql_schema())) + "\n"


def nodes() -> dict[str, Callable[[Any, str], Awaitable[Any]]]:
    """How an object is found by the prefix of its id."""

    def finder(kind: Any, load: Any) -> Callable[[Any, str], Awaitable[Any]]:
        async def find(info: Any, id: str) -> Any:
            record = await load(info, id)
            # Asked by an old id, the record has the present one.
            return kind(id=record.id, record=record) if record is not None else None

        return find

    return {
        prefix: finder(kind, load)
        for module in SUBGRAPHS.values()
        for prefix, (kind, load) in getattr(module, "NODES", {}).items()
    }


if __name__ == "__main__":
    sys.stdout.write(printed_schema())
