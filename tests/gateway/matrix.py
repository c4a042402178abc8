"""Every way to every object of the graph, found in its schema; and what each caller may see, worked out from the table.

Each object of the seeded world says something that nothing else says. What of it turns up in an answer, whatever the
way, is compared with what the rights table allows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from chassis.caller import Caller, Reach
from gateway import schema
from gateway.rights import TABLE

MARKER = re.compile(r"Marker\d+Ends|\+4930555\d{4}|marker\d+ends@example\.org")


@dataclass(frozen=True)
class Said:
    """What only this object says. source: None, the company's own without one. personal: in a personal field.

    beside: a scope that is needed for it beside that of the object; partners never hold such.
    """

    type: str
    id: str
    source: str | None = None
    owner: str | None = None
    team: str | None = None
    personal: bool = False
    beside: str | None = None


def allowed(caller: Caller, said: Said) -> bool:
    """By the table alone."""
    row = next(one for one in TABLE.objects if one.name == said.type and not one.extends)
    scope = TABLE.scopes[row.read]
    reach = caller.reach(scope.name)
    if caller.sources is not None and (not scope.partners or said.source not in (None, *caller.sources)):
        return False
    if reach is Reach.NONE or (reach is not Reach.ALL and not scope.rows):
        return False
    if reach is not Reach.ALL and row.own is not None:
        own = said.owner is not None and said.owner == caller.employee
        if not own and not (reach is Reach.TEAM and said.team is not None and said.team == caller.team):
            return False
    if said.beside is not None and (caller.sources is not None or caller.reach(said.beside) is not Reach.ALL):
        return False
    if not said.personal:
        return True
    return row.personal_scope is not None and caller.reach(row.personal_scope) is Reach.ALL


@dataclass(frozen=True)
class Way:
    """One operation that leads to objects of a type. parent: whom one must see to come there."""

    name: str
    query: str
    variables: dict[str, Any]
    parent: str | None = None
    subgraph: str | None = None


GRAPH = schema.graphql_schema()
NODES = {
    name: type
    for name, type in GRAPH.type_map.items()
    if isinstance(type, GraphQLObjectType) and any(one.name == "Node" for one in type.interfaces)
}
# Root fields that need to be told whom, by type: given the ids and other keys of what was seeded.
TOLD = {"customer", "kpi", "change", "node", "nodes", "touchpointCode", "segment", "offer"}
# Nobody is reached through these.
NOT_OBJECTS = {"viewer", "eventTypes", "jobs", "touchpointPlan", "blockedValues"}


def _plain(field: GraphQLField) -> bool:
    return not any(is_required_argument(argument) for argument in field.args.values())


def _leads_to(type: Any) -> set[str]:
    """The objects of their own that a field of this type answers with."""
    named = get_named_type(type)
    if isinstance(named, GraphQLUnionType):
        return {one.name for one in named.types} & set(NODES)
    if isinstance(named, GraphQLInterfaceType):
        return set(NODES)
    if named.name in NODES:
        return {named.name}
    if named.name.endswith("Connection"):
        return _leads_to(get_named_type(named.fields["edges"].type).fields["node"].type)
    return set()


def selection(type: GraphQLObjectType, deep: int = 4, named_after: str = "") -> str:
    """All that the object itself says: leaves and parts, no other object and no figures.

    named_after: how its fields begin in the answer, where other types have fields of the same name.
    """
    found = ["__typename"]
    for name, field in type.fields.items():
        named = get_named_type(field.type)
        if not _plain(field) or _leads_to(field.type) or named.name == "KpiResult":
            continue
        name = f"{named_after}{name}: {name}" if named_after else name  # noqa: PLW2901  # the same field
        if is_leaf_type(named):
            found.append(name)
        elif isinstance(named, GraphQLObjectType) and deep:
            argument = "(first: 20)" if "first" in field.args else ""
            found.append(f"{name}{argument} {{ {selection(named, deep - 1)} }}")
    return " ".join(found)


def _below(type: Any) -> str:
    """The selection below a field that leads to objects."""
    named = get_named_type(type)
    if named.name.endswith("Connection"):
        return (
            f"{{ edges {{ node {_below(named.fields['edges'].type.of_type.of_type.of_type.fields['node'].type)} }} }}"
        )
    if isinstance(named, GraphQLObjectType):
        return f"{{ {selection(named)} }}"
    parts = (f"... on {name} {{ {selection(NODES[name], named_after=name)} }}" for name in sorted(_leads_to(type)))
    return f"{{ {' '.join(parts)} }}"


def nested_ways(ids: dict[str, set[str]]) -> Iterator[Way]:
    """From every object that was seeded, over every field that leads to others."""
    for name, type in NODES.items():
        for field_name, field in type.fields.items():
            if not _leads_to(field.type) or not _plain(field):
                continue
            argument = "(first: 20)" if "first" in field.args else ""
            below = f"{field_name}{argument} {_below(field.type)}"
            query = f"query($id: ID!) {{ node(id: $id) {{ ... on {name} {{ {below} }} }} }}"
            for id in ids.get(name, ()):
                yield Way(f"{name}.{field_name}", query, {"id": id}, parent=id)


def root_ways(ids: dict[str, set[str]], keys: dict[str, list[dict[str, Any]]]) -> Iterator[Way]:
    """Every root field; keys: the other variables of those that must be told whom, beside ids."""
    query_type = GRAPH.query_type
    assert query_type is not None
    for name, field in query_type.fields.items():
        if name in NOT_OBJECTS:
            continue
        if name not in TOLD:
            argument = "(first: 50)" if "first" in field.args else ""
            yield Way(name, f"{{ {name}{argument} {_below(field.type)} }}", {})
    for type, some in ids.items():
        below = f"{{ ... on {type} {{ {selection(NODES[type])} }} }}"
        for id in some:
            yield Way("node", f"query($id: ID!) {{ node(id: $id) {below} }}", {"id": id})
        yield Way("nodes", f"query($ids: [ID!]!) {{ nodes(ids: $ids) {below} }}", {"ids": sorted(some)})
    for name in ("customer", "change", "segment", "offer"):
        below = _below(query_type.fields[name].type)
        for id in ids[name.capitalize()]:
            yield Way(f"{name}(id)", f"query($id: ID!) {{ {name}(id: $id) {below} }}", {"id": id})
    for name, several in keys.items():
        field, _, types = name.partition("|")
        for variables in several:
            given = ", ".join(f"{key}: ${key}" for key in variables)
            below = _below(query_type.fields[field].type)
            yield Way(f"{field}({given})", f"query({types}) {{ {field}({given}) {below} }}", variables)


def entity_ways(ids: dict[str, set[str]]) -> Iterator[Way]:
    """As a router asks each subgraph for what it adds to an object."""
    for subgraph in ("customers", "feedback", "metrics"):
        made = schema.subgraph(subgraph)
        for name in made._known:
            type = made._schema.type_map[name]
            assert isinstance(type, GraphQLObjectType)
            query = (
                "query($representations: [_Any!]!) { _entities(representations: $representations) "
                f"{{ ... on {name} {{ {selection(type)} }} }} }}"
            )
            keys = [{"__typename": name, "id": id} for id in sorted(ids.get(name, ()))]
            if keys:
                yield Way(f"_entities {subgraph} {name}", query, {"representations": keys}, subgraph=subgraph)
