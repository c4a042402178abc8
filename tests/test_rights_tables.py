"""The rights tables speak of everything there is, and of nothing else: what is new has a row, or a test fails."""

from collections import defaultdict
from typing import Any

import pytest
from google.protobuf import descriptor_pool
from graphql import GraphQLObjectType
from strawberry.federation.schema_directives import RequiresScopes

from chassis import roles
from chassis.caller import ALL_SCOPES
from gateway import schema
from gateway.rights import TABLE
from gateway.shared import camel
from services.customers import contract as customers
from services.customers.customer import messages
from services.feedback import contract as feedback
from services.metrics import wiring as metrics

SERVICES = {"customers": customers, "feedback": feedback, "metrics": metrics}
_CONNECTING = ("Edge", "Connection", "Payload")


def objects_of(subgraph: str) -> dict[str, set[str]]:
    """Every type and field of a subgraph that says something; pages and payloads are as open as what they hold."""
    found: dict[str, set[str]] = {}
    for name, type in schema.subgraph(subgraph)._schema.type_map.items():
        if not isinstance(type, GraphQLObjectType) or name.startswith("_") or name.endswith(_CONNECTING):
            continue
        if name not in ("Query", "Mutation", "Subscription"):
            found[name] = set(type.fields)
    return found


def owned_objects() -> dict[tuple[str, str], set[str]]:
    """(type, field) -> the subgraphs that answer it."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for subgraph in schema.SUBGRAPHS:
        for name, fields in objects_of(subgraph).items():
            for field in fields:
                found[name, field].add(subgraph)
    return found


def rows() -> set[tuple[str, str]]:
    return {(one.name, field) for one in TABLE.objects for field in one.fields}


# The key of an entity is no more than who asks already holds.
KEYS = {(name, "id") for name, field in owned_objects() if field == "id"}


def test_every_field_of_the_graph_has_a_row() -> None:
    assert set(owned_objects()) - KEYS - rows() == set()


def test_no_row_speaks_of_what_does_not_exist() -> None:
    assert rows() - set(owned_objects()) == set()


def test_no_field_has_two_rows() -> None:
    all_rows = [(one.name, field) for one in TABLE.objects for field in one.fields]
    assert len(all_rows) == len(set(all_rows))


def test_every_row_stands_in_the_table_of_the_service_that_answers_it() -> None:
    answering = owned_objects()
    wrong = [
        (one.service, one.name, field)
        for one in TABLE.objects
        for field in one.fields
        if one.service != "shared" and one.service not in answering[one.name, field]
    ]
    assert wrong == []


def test_every_scope_that_a_row_needs_is_explained() -> None:
    needed = {one.read for one in TABLE.objects} | {one.personal_scope for one in TABLE.objects if one.personal_scope}
    assert needed - {"anybody"} - set(TABLE.scopes) == set()
    assert {scope for scopes in TABLE.processes.values() for scope in scopes} <= set(TABLE.scopes)


def test_every_mutation_names_its_call() -> None:
    mutation = schema.graphql_schema().mutation_type
    assert mutation is not None
    assert set(mutation.fields) == set(TABLE.mutations)
    for call in TABLE.mutations.values():
        assert TABLE.scopes_of(call)


@pytest.mark.parametrize("name", SERVICES)
def test_every_call_of_a_service_has_a_row_in_its_table(name: str) -> None:
    pool: Any = descriptor_pool.Default()
    service = SERVICES[name]
    methods = {
        f"/{full_name}/{method.name}"
        for full_name in service.NAMES
        for method in pool.FindServiceByName(full_name).methods
    }
    assert methods - set(service.RIGHTS.rpcs) == set()
    own = {method for method in service.RIGHTS.rpcs if f".{name}.v1." in method}
    assert own <= methods


def test_personal_fields_are_null_without_harm_to_the_rest() -> None:
    types = schema.graphql_schema().type_map
    for one in TABLE.objects:
        for field in one.personal:
            type = types[one.name]
            assert isinstance(type, GraphQLObjectType)
            assert not str(type.fields[field].type).endswith("!"), f"{one.name}.{field} would take its object along"


@pytest.mark.parametrize("subgraph", SERVICES)
def test_routers_are_told_what_the_table_says(subgraph: str) -> None:
    made = schema.subgraph(subgraph)
    for one in TABLE.objects:
        if one.service != subgraph:
            continue
        definition: Any = made.schema_converter.type_map[one.name].definition
        fields = {field.graphql_name or camel(field.python_name): field for field in definition.fields}
        for name in one.fields:
            told = [d for d in fields[name].directives if isinstance(d, RequiresScopes)]
            if one.part_of:
                assert told == []
                continue
            (directive,) = told
            personal = one.scope_of(name)
            assert ([one.read, personal] if personal else [one.read]) in directive.scopes
            assert ([one.read] in directive.scopes) is (personal is None)


def test_routers_let_nobody_unknown_ask_who_they_are() -> None:
    sdl = schema.subgraph_sdl("node")
    viewer = sdl[sdl.index("type Viewer") :].partition("}")[0]
    assert viewer.count("@authenticated") == len(next(one for one in TABLE.objects if one.name == "Viewer").fields)


def test_no_scope_of_processes_is_told_to_routers() -> None:
    internal = {scope.name for scope in TABLE.scopes.values() if scope.internal}
    for subgraph in SERVICES:
        sdl = schema.subgraph_sdl(subgraph)
        assert not [name for name in internal if f'"{name}"' in sdl]


def test_roles_give_what_tokens_can_give() -> None:
    for name, role in roles.load().items():
        assert role.scopes <= TABLE.grantable - {ALL_SCOPES}, name


def test_what_a_merge_hides_is_what_the_table_calls_personal() -> None:
    """There a value carries its field's name beside it, so that no message says which are personal."""
    customer = next(one for one in TABLE.objects if one.name == "Customer" and not one.extends)
    assert set(customer.personal) == messages.PERSONAL_FIELDS
    assert customer.personal_scope == messages.PERSONAL
